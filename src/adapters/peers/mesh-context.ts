// What the connecting and the accepting side share: this member, the table of the others, and what is done with a new
// connection.

import type { Socket } from "node:net";
import type { After } from "../timers.ts";
import { type ConnectionEvents, PeerConnection } from "./connection.ts";
import type { LocalMember } from "./local-member.ts";
import type { Peer, PeerTable } from "./peer-table.ts";
import type { RecordAuthenticators } from "./record-authenticator.ts";
import type { RateLimitedWarnings } from "./warnings.ts";

/** Time for connections; tests put their own in its place. */
export interface PeerTime {
  /** Monotonic milliseconds. */
  now(): number;
  readonly after: After;
}

export interface MeshContext {
  readonly local: LocalMember;
  readonly peers: PeerTable;
  readonly warnings: RateLimitedWarnings;
  readonly time: PeerTime;
  readonly tcpKeepAlive: boolean;
  readonly isClosed: boolean;
  /** Both have said hello and each takes the other: it is the peer's connection from here on. */
  adopt(peer: Peer, connection: PeerConnection, how: string, agreed: Agreed): void;
  /** The peer's connection has closed. */
  lose(peer: Peer, why: string | null): void;
  onFrame(peer: Peer, connection: PeerConnection, channel: number, frame: Uint8Array): void;
}

/** What two members agreed on in their hellos. */
export interface Agreed {
  readonly version: number;
  readonly authenticators: RecordAuthenticators | null;
}

export function openConnection(context: MeshContext, socket: Socket, events: ConnectionEvents): PeerConnection {
  const { tcpKeepAlive, time } = context;
  return new PeerConnection(socket, events, { tcpKeepAlive, now: () => time.now() });
}
