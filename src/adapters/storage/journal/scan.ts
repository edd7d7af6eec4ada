// Reads a segment of a journal from its beginning, and judges where it ends: at the last commit, at a torn one that was never
// acknowledged, or in damage, which is never skipped.

import { DamageError } from "../damage.ts";
import type { Files } from "../files.ts";
import {
  areRecordsWhole,
  COMMIT_HEADER_BYTES,
  type CommitHeader,
  extentOf,
  isTorn,
  isTornHeader,
  isZero,
  readCommitHeader,
  SECTOR_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "./format.ts";
import { Window } from "./window.ts";

/** Told of each commit in order. */
export interface CommitVisitor {
  /** A whole commit at an offset of the segment: its records are bytes [start, end). False: they make no sense. */
  onCommit(bytes: Uint8Array, start: number, end: number, offset: number): boolean;
}

export interface Scanned {
  /** Where the next commit would go, its number, and the checksum that it would refer to. */
  readonly end: number;
  readonly sequence: number;
  readonly chain: number;
  /** Where the last commit begins; null: there is none. */
  readonly lastCommitAt: number | null;
  /** There are remains of a commit that was being written when the member stopped: nobody was told of it. */
  readonly isTorn: boolean;
}

/** What the next segment says of the end of this one. */
export interface KnownEnd {
  readonly end: number;
  readonly sequence: number;
  readonly chain: number;
}

export interface SegmentFile {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly chain: number;
}

/** Throws a DamageError unless all is well up to the end. `known` is null for the last segment. */
export async function scanSegment(
  files: Files,
  segment: SegmentFile,
  known: KnownEnd | null,
  visitor: CommitVisitor,
): Promise<Scanned> {
  const file = await files.open(segment.path, "read");
  try {
    const length = await files.length(file);
    const { allocated } = segment.header;
    if (known === null && length < allocated) {
      throw new DamageError(segment.path, length, `the file ends here, ${allocated - length} bytes short`);
    }
    if (known !== null && length < known.end) {
      throw new DamageError(segment.path, length, `the file ends here, ${known.end - length} bytes short`);
    }
    return await scan(new Window(files, file, known?.end ?? length), segment, known, visitor);
  } finally {
    await files.close(file);
  }
}

async function scan(
  window: Window,
  { path, header, chain: headerChain }: SegmentFile,
  known: KnownEnd | null,
  visitor: CommitVisitor,
): Promise<Scanned> {
  let at = SEGMENT_HEADER_BYTES;
  let { sequence } = header;
  let chain = headerChain;
  let lastCommitAt: number | null = null;
  for (;;) {
    const commit = await commitAt(window, at, header.salt);
    if (
      commit === null ||
      commit.sequence !== sequence ||
      commit.previousChain !== chain ||
      !isWhole(window, at, commit)
    ) {
      if (known !== null && at === known.end && sequence === known.sequence && chain === known.chain) {
        return { end: at, sequence, chain, lastCommitAt, isTorn: false };
      }
      if (known !== null) throw new DamageError(path, at, `commit ${sequence} is damaged or missing`);
      const torn = await judgeEnd(window, at, path, header.salt, sequence, chain, commit);
      return { end: at, sequence, chain, lastCommitAt, isTorn: torn };
    }
    if (commit.isSeal) {
      if (known === null) {
        throw new DamageError(path, at, `the log goes on in segment ${header.number + 1}, which is missing`);
      }
      throw new DamageError(path, at, "the segment ends here, earlier than the next one says");
    }
    const start = at - window.start + COMMIT_HEADER_BYTES;
    if (!visitor.onCommit(window.bytes, start, start + commit.recordBytes, at))
      throw new DamageError(path, at, `commit ${sequence} holds records that make no sense`);
    lastCommitAt = at;
    at += extentOf(commit.recordBytes);
    sequence++;
    chain = commit.chain;
  }
}

/** The commit whose header stands at an offset, all its bytes in the window if the file has them. */
async function commitAt(window: Window, at: number, salt: number): Promise<CommitHeader | null> {
  if (!window.holds(at, SECTOR_BYTES) && !(await window.move(at, SECTOR_BYTES))) return null;
  const commit = readCommitHeader(window.bytes, at - window.start, salt);
  if (commit === null) return null;
  const extent = extentOf(commit.recordBytes);
  if (!window.holds(at, extent)) await window.move(at, extent);
  return commit;
}

function isWhole(window: Window, at: number, commit: CommitHeader): boolean {
  return window.holds(at, extentOf(commit.recordBytes)) && areRecordsWhole(window.bytes, at - window.start, commit);
}

/**
 * What ends the last segment: nothing (false), a torn commit (true), or damage (thrown). One commit is in flight at a
 * time, so a whole commit further on proves that the one here was durable.
 */
async function judgeEnd(
  window: Window,
  at: number,
  path: string,
  salt: number,
  sequence: number,
  chain: number,
  commit: CommitHeader | null,
): Promise<boolean> {
  const damaged = (what: string) => new DamageError(path, at, what);
  if (commit !== null && (commit.sequence !== sequence || commit.previousChain !== chain)) {
    throw damaged(`commit ${commit.sequence} stands where commit ${sequence} should`);
  }
  const rest = await readRest(window, at, salt, sequence);
  if (rest.laterCommitAt !== null) {
    throw damaged(`commit ${sequence} is damaged: a later one, at offset ${rest.laterCommitAt}, is whole`);
  }
  if (rest.isZero) return false;
  if (commit !== null) {
    const extent = extentOf(commit.recordBytes);
    if (!window.holds(at, extent) && !(await window.move(at, extent))) {
      throw damaged(`commit ${sequence} is longer than the file`);
    }
    if (isTorn(window.bytes, at - window.start, commit)) return true;
    throw damaged(`commit ${sequence} was written whole, and is damaged`);
  }
  if (!window.holds(at, SECTOR_BYTES)) await window.move(at, SECTOR_BYTES);
  if (isTornHeader(window.bytes, at - window.start)) return true;
  throw damaged(`the header of commit ${sequence} is damaged`);
}

async function readRest(
  window: Window,
  from: number,
  salt: number,
  sequence: number,
): Promise<{ isZero: boolean; laterCommitAt: number | null }> {
  let allZero = true;
  for (let at = from; at + SECTOR_BYTES <= window.length; at += SECTOR_BYTES) {
    if (!window.holds(at, SECTOR_BYTES) && !(await window.move(at, SECTOR_BYTES))) break;
    const start = at - window.start;
    if (window.bytes[start] === 0 && isZero(window.bytes, start, start + SECTOR_BYTES)) continue;
    allZero = false;
    const found = readCommitHeader(window.bytes, start, salt);
    if (found !== null && found.sequence > sequence) return { isZero: false, laterCommitAt: at };
  }
  return { isZero: allZero, laterCommitAt: null };
}
