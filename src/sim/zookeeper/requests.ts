// The requests and replies of simulated clients, and what other parts see of a client.

import type { ByteReader } from "../../base/bytes.ts";
import type { ReplyHeader } from "../../protocols/zookeeper/codec/records.ts";
import type { TreeCommand } from "./tree-commands.ts";

export type ClientOperation =
  | TreeCommand
  | { readonly kind: "multi"; readonly commands: readonly TreeCommand[] }
  | { readonly kind: "get" | "exists" | "children"; readonly path: string; readonly watch: boolean }
  | { readonly kind: "sync"; readonly path: string }
  | { readonly kind: "add-watch"; readonly path: string; readonly recursive: boolean }
  | { readonly kind: "set-watches" }
  | { readonly kind: "reconfig"; readonly joining: string | null; readonly leaving: string | null }
  | { readonly kind: "ping" }
  | { readonly kind: "close" };

export interface Request {
  readonly xid: number;
  readonly operation: ClientOperation;
  readonly sentAt: number;
  /** The latest zxid that any client had seen when this was sent. */
  readonly floor: number;
  /** The latest zxid that a `sync` before it, on the same connection, promised to show; 0: none did. */
  readonly syncFloor: number;
  /** When that `sync` was sent. */
  readonly syncSentAt: number;
}

export interface Reply {
  readonly header: ReplyHeader;
  /** Behind the header. */
  readonly body: ByteReader;
}

export interface SessionView {
  id: number;
  timeoutMs: number;
  password: Uint8Array;
  /** When the last handshake or ping that was answered had been sent: the session lives at least its timeout from there. */
  aliveSince: number;
  lastZxid: number;
}

/** Which table a watch stands in: of data (set on a node that was there, or was not), of children, of all below. */
export type WatchKind = "data" | "exist" | "child" | "recursive";

/** A client, as the invariants see it. */
export interface ObservedClient {
  readonly id: number;
  readonly session: SessionView | null;
  /** By path, and since which zxid: what the client will set again. */
  readonly watches: Map<string, Map<WatchKind, number>>;
}

/** What a client is for: it hears what came of its requests, and says what comes next. */
export interface ClientWorkload {
  /** The session stands, on a new connection; `isNew`: it is another than before. */
  onConnected(isNew: boolean): void;
  onDisconnected(): void;
  /** The session is gone, and its ephemeral nodes with it. */
  onSessionLost(): void;
  onReply(request: Request, reply: Reply): void;
  onEvent(type: number, path: string): void;
}
