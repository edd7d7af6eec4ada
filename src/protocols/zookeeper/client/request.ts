// One request as the connection needs it: how it is written, how its answer is read, what an error means.

import type { ByteReader, ByteWriter } from "../../../base/bytes.ts";

/** A path as the caller gave it, and as the server knows it: behind the chroot, in the bytes of its UTF-8 form. */
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
  /** Whether it may change anything: what is unknown of it then matters. */
  readonly isWrite: boolean;
  /** A number with a meaning of its own (`XID`), instead of the next one. */
  readonly xid?: number;
  /** Its answer says that the leader has begun the session's time anew, no earlier than when the request left. */
  readonly isConfirmedByLeader?: true;
  /** Of data that waits with it, besides its path. */
  readonly heldBytes?: number;
  encode(writer: ByteWriter): void;
  decode(reader: ByteReader): Result;
  /** An error code that is an answer all the same. */
  answerOf?(errorCode: number): { readonly value: Result } | null;
  /** The answer is here (0, or an error code), and so is its caller: watches begin now, before anything that follows. */
  onAnswer?(errorCode: number): void;
  /** The answer is here and nobody waits for it any more. */
  onAbandoned?(errorCode: number): void;
}

export const nothing = (): void => {};
