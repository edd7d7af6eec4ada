// The seam between a connection and the service that all connections share. Each side knows the other only through these
// interfaces, so neither file needs the other.

import type { ByteReader, ByteWriter } from "../../base/bytes.ts";
import type { ReplicaPort } from "../../replica/replica-port.ts";
import type { Leases } from "../../state/leases/leases.ts";
import type { TreeModel } from "../../state/tree/model.ts";
import type { Tree } from "../../state/tree/tree.ts";
import type { ClientCapacity } from "../../transport/client-capacity.ts";
import type { ClientFlow } from "../../transport/client-flow.ts";
import type { Turns } from "../../transport/turns.ts";
import type { Counters } from "./counters.ts";
import type { ServiceOptions } from "./door-options.ts";
import type { Guesses } from "./guesses.ts";
import type { OutstandingRequest, RequestPool } from "./outstanding-requests.ts";
import type { Session } from "./session.ts";
import type { ConnectionStats } from "./stats.ts";
import type { Watches } from "./watches.ts";

/** `waiting`: no quorum for a moment, as when leaders change; connections stay and writes wait. */
export type ServiceMode = "serving" | "waiting" | "read-only" | "refusing" | "stopped";

/**
 * `greeting`: nothing understood yet. `opening`: its session is being opened or attached. `open`: served. `answering`: a
 * four-letter word is. `ending`: what is written still leaves. `closed`: nothing more in either direction.
 */
export type Phase = "greeting" | "opening" | "open" | "answering" | "ending" | "closed";

/** What connections share, as they see it. */
export interface ConnectionHost {
  readonly member: ReplicaPort;
  readonly tree: Tree;
  readonly treeModel: TreeModel;
  readonly leases: Leases;
  readonly options: ServiceOptions;
  readonly mode: ServiceMode;
  /** Counts quarters of `tickTime`. */
  readonly tick: number;
  /** Shared with the member's other doors; `turns` is a part of it that each request asks for. */
  readonly capacity: ClientCapacity;
  readonly turns: Turns;
  readonly counters: Counters;
  readonly watches: Watches;
  readonly guesses: Guesses;
  readonly requests: RequestPool;
  /** Reads one request, at once and to its end: it is everyone's. */
  readonly reader: ByteReader;
  /** For replies that are not due yet; copied before the next. */
  readonly scratch: ByteWriter;
  readonly multiReadBytesMax: number;
  /** A client must prove one of these schemes before anything else; null: it need not. */
  readonly requiredSchemes: ReadonlySet<string> | null;
  readonly skipsAcl: boolean;
  /** As many requests are outstanding as may be. */
  readonly isOverloaded: boolean;
  /** A request was taken, or answered. */
  noteTaken(): void;
  noteAnswered(): void;
  /** A reconfiguration was taken up: it is answered when it has ended. */
  noteDeferred(request: OutstandingRequest): void;
  /** The connection serves its session from now on. */
  noteOpened(connection: HostedConnection): void;
  /** It takes nothing more, and is closed once what is written has left. */
  noteLeft(connection: HostedConnection): void;
  noteClosed(connection: HostedConnection): void;
  noteDropped(connection: HostedConnection, reason: string): void;
  noteFailed(connection: HostedConnection, error: unknown): void;
  noteFailedProof(connection: HostedConnection, reason: string): void;
  /** A number for a session that only this read-only member knows. */
  newLocalId(): number;
}

/** A connection, as the service sees it. */
export interface HostedConnection extends ConnectionStats {
  readonly flow: ClientFlow;
  readonly phase: Phase;
  /** For the log: address and session. */
  readonly name: string;
  readonly session: Session;
  /** Monotonic milliseconds. */
  readonly acceptedAt: number;
  readonly lastHeardAt: number;
  /** There is no quorum for a moment. */
  awaitQuorum(): void;
  /** The lease of its session has ended. */
  onLeaseEnded(): void;
  /** Sends what is written, then closes. */
  end(): void;
  /** Closes at once. */
  drop(reason: string): void;
}
