// A batch: the commands that one member gathered in one turn, and the payload of one log entry. Encoded once, by the
// member that proposes it; the leader stamps its own time into it and changes nothing else.
//
//   format u8 · time i64 · member i32 · run i64 · sequence i64 · { length u32 · command }*
//
// `member`, `run` (which run of that member's process) and `sequence` (contiguous from 1) name the batch, so that the
// state can apply each exactly once, in order, however often it was sent.

import { assert } from "../base/assert.ts";
import { ByteReader, type ByteWriter, MalformedError } from "../base/bytes.ts";
import { readMemberIdOrNone, writeMemberId } from "../base/member-id.ts";

const FORMAT = 2;
/** Stands in the member's place of a batch that a leader gives by itself, in no member's name. */
export const LEADERS_OWN = -1;
const TIME_AT = 1;
export const BATCH_HEADER_BYTES = 29;

export interface BatchHeader {
  /** The leader's wall clock, in milliseconds since 1970, when it took the batch into the log. */
  readonly time: number;
  /** `LEADERS_OWN`: `run` is its term. */
  readonly member: number;
  readonly run: number;
  readonly sequence: number;
}

export function writeBatchHeader(writer: ByteWriter, member: number, run: number, sequence: number): void {
  writer.uint8(FORMAT);
  writer.int64(0);
  writeMemberId(writer, member === LEADERS_OWN ? null : member);
  writer.int64(run);
  writer.int64(sequence);
}

/** Stamps the leader's time into an encoded batch. */
export function stampTime(batch: Uint8Array, time: number): void {
  const high = Math.floor(time / 2 ** 32);
  for (let i = 0; i < 4; i++) {
    batch[TIME_AT + i] = high >>> (24 - 8 * i);
    batch[TIME_AT + 4 + i] = (time | 0) >>> (24 - 8 * i);
  }
}

/** Leaves room for a command's length; `endCommand` fills it in. */
export function beginCommand(writer: ByteWriter): number {
  return writer.reserve(4);
}

export function endCommand(writer: ByteWriter, mark: number): void {
  assert(writer.length > mark + 4, "an empty command");
  writer.setInt32(mark, writer.length - mark - 4);
}

/** The model of the command that was begun at `mark`. */
export function modelOf(bytes: Uint8Array, mark: number): number {
  return bytes[mark + 4]!;
}

/** Reads the header, leaving the reader at the first command. */
export function readBatchHeader(reader: ByteReader): BatchHeader {
  const format = reader.uint8();
  if (format !== FORMAT) throw new MalformedError(`batch format ${format}, this version reads ${FORMAT}`);
  return {
    time: reader.natural(),
    member: readMemberIdOrNone(reader) ?? LEADERS_OWN,
    run: reader.natural(),
    sequence: reader.natural(),
  };
}

export function batchHeaderOf(batch: Uint8Array): BatchHeader {
  return readBatchHeader(new ByteReader(batch));
}
