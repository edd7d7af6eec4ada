// What Raft's log writes into its journal: records of entries, of dropped entries and of the hard state; and what each segment's
// header keeps: the last entry before it, and the hard state. Pure.

import { ByteReader, ByteWriter, COUNTER_MAX, MalformedError } from "../../base/bytes.ts";
import { readMemberIdOrNone, writeMemberId } from "../../base/member-id.ts";
import type { Entry, EntryKind, HardState, LogPosition } from "../../consensus/raft/types.ts";
import { CONTEXT_BYTES } from "./journal/format.ts";

const TRUNCATE = 1;
const HARD_STATE = 2;
const ENTRY = 3;
export const ENTRY_HEADER_BYTES = 22;
const HARD_STATE_BYTES = 20;
const ENTRY_KINDS: readonly EntryKind[] = ["commands", "configuration", "noop"];

/** What a segment of the log stands on. */
export interface LogContext {
  /** The last entry when the segment began; its term is −1 where nobody knows any more. */
  readonly base: LogPosition;
  readonly hardState: HardState;
}

export function encodeContext({ base, hardState }: LogContext): Uint8Array {
  const writer = new ByteWriter(CONTEXT_BYTES);
  writer.int64(base.index);
  writer.int64(base.term);
  writeHardState(writer, hardState);
  return writer.copy();
}

/** Throws a `MalformedError` for numbers that no member writes. */
export function decodeContext(context: Uint8Array): LogContext {
  const reader = new ByteReader(context);
  const base = { index: reader.counter(), term: reader.naturalOrNone() };
  if (base.term > COUNTER_MAX) throw new MalformedError(`a term that cannot be at offset 8: ${base.term}`);
  return { base, hardState: readHardState(reader) };
}

export function writeTruncate(writer: ByteWriter, from: number): void {
  writer.uint8(TRUNCATE);
  writer.int64(from);
}

export function writeHardStateRecord(writer: ByteWriter, hardState: HardState): void {
  writer.uint8(HARD_STATE);
  writeHardState(writer, hardState);
}

export function writeEntry(writer: ByteWriter, entry: Entry): void {
  const { payload } = entry;
  writer.uint8(ENTRY);
  writer.uint8(ENTRY_KINDS.indexOf(entry.kind));
  writer.int64(entry.index);
  writer.int64(entry.term);
  writer.int32(payload.length);
  writer.raw(payload);
}

/** What records say, told one by one. `payload` is a view of the bytes read. */
export interface RecordVisitor {
  onTruncate(from: number): void;
  onHardState(hardState: HardState): void;
  onEntry(index: number, term: number, kind: EntryKind, payloadStart: number, payloadEnd: number): void;
}

/** Walks the records of a proved commit. False: they make no sense, or hold impossible numbers, although their checksum is right. */
export function visitRecords(bytes: Uint8Array, start: number, end: number, visitor: RecordVisitor): boolean {
  let at = start;
  while (at < end) {
    const type = bytes[at]!;
    if (type === ENTRY) {
      if (end - at < ENTRY_HEADER_BYTES) return false;
      const kind = ENTRY_KINDS[bytes[at + 1]!];
      const payload = at + ENTRY_HEADER_BYTES;
      const length = uint32At(bytes, at + 18);
      if (kind === undefined || length > end - payload) return false;
      const index = int64At(bytes, at + 2);
      const term = int64At(bytes, at + 10);
      if (index === 0 || index > COUNTER_MAX || term > COUNTER_MAX) return false;
      visitor.onEntry(index, term, kind, payload, payload + length);
      at = payload + length;
    } else if (type === HARD_STATE) {
      if (end - at < 1 + HARD_STATE_BYTES) return false;
      const hardState = hardStateAt(bytes, at + 1);
      if (hardState === null) return false;
      visitor.onHardState(hardState);
      at += 1 + HARD_STATE_BYTES;
    } else if (type === TRUNCATE) {
      if (end - at < 9) return false;
      const from = int64At(bytes, at + 1);
      if (from === 0 || from > COUNTER_MAX) return false;
      visitor.onTruncate(from);
      at += 9;
    } else {
      return false;
    }
  }
  return true;
}

function writeHardState(writer: ByteWriter, { term, votedFor, commitIndex }: HardState): void {
  writer.int64(term);
  writeMemberId(writer, votedFor);
  writer.int64(commitIndex);
}

function readHardState(reader: ByteReader): HardState {
  const term = reader.counter();
  return { term, votedFor: readMemberIdOrNone(reader), commitIndex: reader.counter() };
}

/** Null: no member writes this. */
function hardStateAt(bytes: Uint8Array, at: number): HardState | null {
  try {
    return readHardState(new ByteReader(bytes, at, at + HARD_STATE_BYTES));
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

function uint32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function int64At(bytes: Uint8Array, at: number): number {
  return uint32At(bytes, at) * 2 ** 32 + uint32At(bytes, at + 4);
}
