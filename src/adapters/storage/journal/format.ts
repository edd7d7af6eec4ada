// A journal as bytes: checksummed commits of records in segments. What the records say is its user's matter. Pure.
//
// A segment is a header of one sector, then commits, each beginning on a sector; what was never written is zero, for a
// segment is filled with zeros before it is used. A commit is what one write and one sync made durable:
//
//   header (48) · records · zeros up to a sector's end less 4 · END (4)
//
// Its header names its segment (by salt), its number, the header before it (a chain), its length, and the checksum of its
// records, and has a checksum of its own. So bytes left over from elsewhere never pass for a commit, and a length is
// believed only where its header is proved.
//
// Only one commit is ever in flight, so only the last can be torn by a crash: some of its bytes are then still zero, be it
// whole sectors or, on disks that take no sector at once, parts of them. A commit says how much of it is zero by nature; one
// that has all arrived and whose checksum is wrong was damaged later.

import { assert } from "../../../base/assert.ts";
import { ByteReader, ByteWriter } from "../../../base/bytes.ts";
import { crc32 } from "../../../base/crc32.ts";
import { readMemberId, writeMemberId } from "../../../base/member-id.ts";

export const SECTOR_BYTES = 512;
export const SEGMENT_HEADER_BYTES = SECTOR_BYTES;
export const COMMIT_HEADER_BYTES = 48;
export const JOURNAL_FORMAT = 3;

const WORD_BYTES = 4;
const END_BYTES = 4;
const SEGMENT_MAGIC = 0x4361626c; // "Cabl"
const COMMIT_MAGIC = 0x436f6d6d; // "Comm"
const END = 0x456e6443; // "EndC"
const SEGMENT_SUMMED_BYTES = 112;
const COMMIT_SUMMED_BYTES = 44;

/** What the user of a journal keeps in each segment's header. It stands there in two parts. */
export const CONTEXT_BYTES = 36;
const CONTEXT_FIRST_BYTES = 16;

export interface SegmentHeader {
  readonly member: number;
  readonly incarnation: number;
  /** Segments are numbered from 1, without a gap. */
  readonly number: number;
  /** Random: what its commits are known by. */
  readonly salt: number;
  /** How many bytes were reserved for it. */
  readonly allocated: number;
  /** What came before no longer matters: the journal began again. */
  readonly restarts: boolean;
  /** What its user has to know of all that came before. */
  readonly context: Uint8Array;
  /** The number of its first commit. */
  readonly sequence: number;
  /** Where the segment before it ended, and the checksum of the last header there. Zeros in the first. */
  readonly previousEnd: number;
  readonly previousChain: number;
}

export function encodeSegmentHeader(header: SegmentHeader): { bytes: Uint8Array; chain: number } {
  assert(header.context.length === CONTEXT_BYTES, "a segment's context has a fixed length");
  const writer = new ByteWriter(SEGMENT_HEADER_BYTES);
  writer.int32(SEGMENT_MAGIC);
  writer.int32(JOURNAL_FORMAT);
  writer.int64(header.incarnation);
  writer.int64(header.number);
  writer.int64(header.allocated);
  writer.raw(header.context.subarray(0, CONTEXT_FIRST_BYTES));
  writer.int64(header.sequence);
  writer.int64(header.previousEnd);
  writer.int32(header.previousChain);
  writer.int32(header.salt);
  writeMemberId(writer, header.member);
  writer.boolean(header.restarts);
  writer.raw(header.context.subarray(CONTEXT_FIRST_BYTES));
  writer.raw(new Uint8Array(SEGMENT_SUMMED_BYTES - writer.length));
  const chain = crc32(writer.view());
  writer.int32(chain);
  writer.raw(new Uint8Array(SEGMENT_HEADER_BYTES - writer.length));
  return { bytes: writer.copy(), chain };
}

/**
 * Null: these bytes are not a segment's header. A `format` other than ours is told, the rest then unknown. Throws a
 * `MalformedError` for numbers that no member writes, although their checksum is right.
 */
export function decodeSegmentHeader(
  bytes: Uint8Array,
): { kind: "header"; header: SegmentHeader; chain: number } | { kind: "format"; format: number } | null {
  if (bytes.length < SEGMENT_HEADER_BYTES) return null;
  const reader = new ByteReader(bytes);
  if (reader.uint32() !== SEGMENT_MAGIC) return null;
  const format = reader.uint32();
  const chain = crc32(bytes.subarray(0, SEGMENT_SUMMED_BYTES));
  if (uint32At(bytes, SEGMENT_SUMMED_BYTES) !== chain) return null;
  if (format !== JOURNAL_FORMAT) return { kind: "format", format };
  const incarnation = reader.natural();
  const number = reader.counter();
  const allocated = reader.counter();
  const context = new Uint8Array(CONTEXT_BYTES);
  context.set(reader.view(CONTEXT_FIRST_BYTES));
  const sequence = reader.counter();
  const previousEnd = reader.counter();
  const previousChain = reader.uint32();
  const salt = reader.uint32();
  const member = readMemberId(reader);
  const restarts = reader.boolean();
  context.set(reader.view(CONTEXT_BYTES - CONTEXT_FIRST_BYTES), CONTEXT_FIRST_BYTES);
  const header = {
    member,
    incarnation,
    number,
    salt,
    allocated,
    restarts,
    context,
    sequence,
    previousEnd,
    previousChain,
  };
  return { kind: "header", header, chain };
}

/** Begins a commit in an emptied writer; its records follow. */
export function beginCommit(writer: ByteWriter): void {
  assert(writer.length === 0, "a commit begins in an emptied writer");
  writer.reserve(COMMIT_HEADER_BYTES);
}

/**
 * Ends a commit: what the writer then holds goes to the disk as it is, a whole number of sectors. A seal is the last of
 * its segment: the next segment exists. Returns the checksum that the next commit refers to.
 */
export function endCommit(writer: ByteWriter, salt: number, sequence: number, chain: number, isSeal = false): number {
  const recordsEnd = writer.length;
  const end = extentOf(recordsEnd - COMMIT_HEADER_BYTES);
  writer.reserve(end - recordsEnd);
  const { bytes } = writer;
  bytes.fill(0, recordsEnd, end - END_BYTES);
  writer.setInt32(end - END_BYTES, END);
  writer.setInt32(0, COMMIT_MAGIC);
  writer.setInt32(4, salt);
  writer.setInt64(8, sequence);
  writer.setInt32(16, recordsEnd - COMMIT_HEADER_BYTES);
  writer.setInt32(20, zeroSectors(bytes, SECTOR_BYTES, end - SECTOR_BYTES));
  writer.setInt32(24, chain);
  writer.setInt32(28, crc32(bytes.subarray(COMMIT_HEADER_BYTES, recordsEnd)));
  writer.setInt32(32, isSeal ? 1 : 0);
  writer.setInt32(36, zeroWords(bytes, COMMIT_HEADER_BYTES, end));
  writer.setInt32(40, 0);
  const checksum = crc32(bytes.subarray(0, COMMIT_SUMMED_BYTES));
  writer.setInt32(COMMIT_SUMMED_BYTES, checksum);
  return checksum;
}

/** Bytes on disk of a commit whose records take `recordBytes`. */
export function extentOf(recordBytes: number): number {
  return Math.ceil((COMMIT_HEADER_BYTES + recordBytes + END_BYTES) / SECTOR_BYTES) * SECTOR_BYTES;
}

export interface CommitHeader {
  readonly sequence: number;
  readonly recordBytes: number;
  readonly zeroSectors: number;
  readonly zeroWords: number;
  readonly previousChain: number;
  readonly recordsChecksum: number;
  readonly isSeal: boolean;
  readonly chain: number;
}

/** The header at an offset, if there is one of this segment's: proved by its checksum. */
export function readCommitHeader(bytes: Uint8Array, at: number, salt: number): CommitHeader | null {
  if (uint32At(bytes, at) !== COMMIT_MAGIC || uint32At(bytes, at + 4) !== salt) return null;
  const chain = crc32(bytes.subarray(at, at + COMMIT_SUMMED_BYTES));
  if (uint32At(bytes, at + COMMIT_SUMMED_BYTES) !== chain) return null;
  return {
    sequence: uint32At(bytes, at + 8) * 2 ** 32 + uint32At(bytes, at + 12),
    recordBytes: uint32At(bytes, at + 16),
    zeroSectors: uint32At(bytes, at + 20),
    zeroWords: uint32At(bytes, at + 36),
    previousChain: uint32At(bytes, at + 24),
    recordsChecksum: uint32At(bytes, at + 28),
    isSeal: bytes[at + 35] === 1,
    chain,
  };
}

/** Whether the records of the commit at `at` are what was written; all its bytes must be there. */
export function areRecordsWhole(bytes: Uint8Array, at: number, header: CommitHeader): boolean {
  const end = at + extentOf(header.recordBytes);
  if (uint32At(bytes, end - END_BYTES) !== END) return false;
  const start = at + COMMIT_HEADER_BYTES;
  return crc32(bytes.subarray(start, start + header.recordBytes)) === header.recordsChecksum;
}

/** Whether a commit that is not whole never was: part of it, or its end, is still as the segment was filled. */
export function isTorn(bytes: Uint8Array, at: number, header: CommitHeader): boolean {
  const end = at + extentOf(header.recordBytes);
  if (bytes[end - 1] === 0) return true; // END has no zero in it
  if (zeroSectors(bytes, at + SECTOR_BYTES, end - SECTOR_BYTES) > header.zeroSectors) return true;
  // One word more may be a flipped bit, the only one of its word.
  return zeroWords(bytes, at + COMMIT_HEADER_BYTES, end) > header.zeroWords + 1;
}

/** Whether the header at `at`, which does not read, was never written whole: it begins, or what follows it is, as filled. */
export function isTornHeader(bytes: Uint8Array, at: number): boolean {
  return uint32At(bytes, at) === 0 || isZero(bytes, at + COMMIT_HEADER_BYTES, at + SECTOR_BYTES);
}

/** How many of the sectors from `start` up to `end` are all zero. */
function zeroSectors(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at += SECTOR_BYTES) {
    if (bytes[at] === 0 && isZero(bytes, at, at + SECTOR_BYTES)) count++;
  }
  return count;
}

/** How many of the words from `start` up to `end` are zero. */
function zeroWords(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at += WORD_BYTES) {
    if (bytes[at] === 0 && uint32At(bytes, at) === 0) count++;
  }
  return count;
}

export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (bytes[at] !== 0) return false;
  }
  return true;
}

function uint32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
