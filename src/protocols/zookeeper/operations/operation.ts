// What an operation is: its number and names, and how it is read, carried out and answered. Adding an opcode is one such
// entry, exported by the file of its kind: the tables, the counters and the metrics find it there.

import type { ByteReader, ByteWriter } from "../../../base/bytes.ts";
import type { ReplicaPort } from "../../../replica/replica-port.ts";
import type { Machine } from "../../../state/machine.ts";
import type { Tree } from "../../../state/tree/tree.ts";
import type { Acl, Identity } from "../../../state/tree/types.ts";
import { ERROR, REJECTION_TO_WIRE } from "../errors.ts";
import type { Outcome } from "../outcome.ts";
import type { Watcher, Watches } from "../watches.ts";
import type { Refusal } from "./refusals.ts";

/** Who asks: one client's connection, as operations see it. */
export interface Client extends Watcher {
  readonly member: ReplicaPort;
  readonly machine: Machine;
  readonly tree: Tree;
  readonly watches: Watches;
  readonly sessionId: number;
  readonly identities: readonly Identity[];
  /** The same, encoded as commands carry them. */
  readonly credentials: Uint8Array;
  /** How long the reply to one request, and to a multiRead, may be. */
  readonly replyBytesMax: number;
  readonly multiReadBytesMax: number;
  may(permissions: number, acl: readonly Acl[]): boolean;
  /** It takes work that its reply does not show: so many nodes were looked at. */
  noteVisits(count: number): void;
}

interface Named {
  readonly opcode: number;
  readonly name: string;
  /** As `cons` and `stat` show it. */
  readonly abbreviation: string;
}

/** Answered from the state of this member, at this request's place in its session's order. */
export interface ReadOperation extends Named {
  readonly kind: "read";
  /** Writes the reply's body; or returns an error, and what was written is taken back. */
  run(client: Client, reader: ByteReader, out: ByteWriter): number;
  /** It sends notifications before its reply. */
  readonly notifies?: true;
  /**
   * About how long its reply would be now, for those that may be long: writes of its session do not go ahead of many of
   * them. The reader is left where it was.
   */
  expectedBytes?(client: Client, reader: ByteReader): number;
}

/** Agreed on by the cluster: proposed as it comes, answered when it was applied here. */
export interface WriteOperation extends Named {
  readonly kind: "write";
  /** Whose command it proposes; the tree's unless given. */
  readonly model?: "leases";
  /**
   * Reads the whole request, then encodes one command into `client.member.begin()`. What it returns comes back in
   * `reply`. A request that can never be is refused instead: then nothing was begun.
   */
  propose(client: Client, reader: ByteReader): Note | Refusal;
  /** Writes the reply's body from a successful outcome; or returns an error. */
  reply(out: ByteWriter, outcome: Outcome, note: Note, client: Client): number;
  /** The connection ends with its reply. */
  readonly ends?: true;
  /** It is answered later than the log's order says: the session's writes behind it wait for that. */
  readonly holdsWrites?: true;
}

/** The opcodes of a multi's parts: their answers differ where their outcomes do not. */
export type Note = Uint8Array | null;

/** Waits until a read would see everything that was acknowledged before it. */
export interface BarrierOperation extends Named {
  readonly kind: "barrier";
  readonly holdsWrites: true;
  /** The leader has heard of the session too, by then; without a quorum it is answered all the same, by who serves then. */
  readonly renews?: true;
  run(client: Client, reader: ByteReader, out: ByteWriter): number;
}

/** About the connection itself; the session carries them out. */
export interface ConnectionOperation extends Named {
  readonly kind: "auth" | "sasl";
}

export type Operation = ReadOperation | WriteOperation | BarrierOperation | ConnectionOperation;

/** The error of an outcome that is none of a success. */
export function errorOf(outcome: Outcome): number {
  if (outcome.kind === "rejected") return REJECTION_TO_WIRE[outcome.code];
  return ERROR.systemError;
}
