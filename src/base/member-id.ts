// Numbers of members: `myid` to ZooKeeper's users, from 0 to 2³¹ − 1 (ZooKeeper: 64 bits with a sign). They stand as 32 bits
// wherever a member is named, on disks, on the wire and in the log.

import { type ByteReader, type ByteWriter, MalformedError } from "./bytes.ts";
import { isDigits } from "./scan.ts";

export const MEMBER_ID_MAX = 2 ** 31 - 1;
/** Of one ensemble, whatever their numbers: while a change is pending, they are compared after every command. */
export const MEMBERS_MAX = 255;

const NOBODY = -1;

export function isMemberId(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MEMBER_ID_MAX;
}

/** Null: not a number of a member. */
export function parseMemberId(text: string): number | null {
  return isDigits(text, 10) && isMemberId(Number(text)) ? Number(text) : null;
}

export function writeMemberId(writer: ByteWriter, id: number | null): void {
  writer.int32(id ?? NOBODY);
}

/** Null: nobody is named. Throws a `MalformedError` on what is no number of a member. */
export function readMemberIdOrNone(reader: ByteReader): number | null {
  const id = reader.int32();
  if (id < NOBODY) throw new MalformedError(`a member of number ${id}`);
  return id === NOBODY ? null : id;
}

export function readMemberId(reader: ByteReader): number {
  const id = readMemberIdOrNone(reader);
  if (id === null) throw new MalformedError("nobody, where a member must be named");
  return id;
}
