// One request as the connection needs it: how it is written, how its answer is read, what an error means.

import type { ByteReader, ByteWriter } from "../../../base/bytes.ts";

/** A path as the caller gave it (`shown`), and as the server knows it: with the chroot, a character for each UTF-8 byte. */
export interface RequestPath {
  readonly shown: string;
  readonly path: string;
}

export interface Request<Result> {
  /** As errors name it. */
  readonly name: string;
  readonly opcode: number;
  /** As the caller gave it, for errors; null where there is none. */
  readonly path: string | null;
  /** Whether it may change anything: then its outcome may be unknown. */
  readonly isWrite: boolean;
  /** A number with a meaning of its own (`XID`), instead of the next one. */
  readonly xid?: number;
  /** Its answer means that the leader has renewed the session, no earlier than when the request was sent. */
  readonly isConfirmedByLeader?: true;
  /** The bytes of its data, besides its path. */
  readonly heldBytes?: number;
  encode(writer: ByteWriter): void;
  decode(reader: ByteReader): Result;
  /** An error code that is an answer all the same. */
  answerOf?(errorCode: number): { readonly value: Result } | null;
  /** The answer has come (0, or an error code) for a caller that waits: watches begin now, before anything that follows. */
  onAnswer?(errorCode: number): void;
  /** The answer has come, and nobody waits for it any more. */
  onAbandoned?(errorCode: number): void;
}

export const nothing = (): void => {};
