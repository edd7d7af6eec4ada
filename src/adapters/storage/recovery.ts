// Finds the log again: which segments stand on the disk, whether they follow one another, and what they hold.

import { join } from "node:path";
import { MalformedError } from "../../base/bytes.ts";
import { decodeConfiguration } from "../../consensus/raft/configuration.ts";
import type { Configuration, EntryKind, HardState } from "../../consensus/raft/types.ts";
import { DamageError, foreignError } from "./damage.ts";
import { type Files, readWhole } from "./files.ts";
import { decodeSegmentHeader, isZero, LOG_FORMAT, SECTOR_BYTES, SEGMENT_HEADER_BYTES } from "./format.ts";
import { Positions, type Segment } from "./positions.ts";
import { type KnownEnd, type Scanned, type ScanVisitor, type SegmentFile, scanSegment } from "./scan.ts";

export const SPARE_NAME = "log-spare";
const SEGMENT_NAME = /^log-(\d{10})$/;

export function segmentName(number: number): string {
  return `log-${String(number).padStart(10, "0")}`;
}

export function isLogFile(name: string): boolean {
  return name === SPARE_NAME || SEGMENT_NAME.test(name);
}

export interface Owner {
  readonly member: number;
  readonly incarnation: number;
}

export interface RecoveredLog {
  readonly segments: Segment[];
  readonly positions: Positions;
  readonly hardState: HardState;
  readonly configurations: readonly { readonly index: number; readonly configuration: Configuration }[];
  /** The last segment, and how it ends. */
  readonly tail: SegmentFile & Scanned;
  /** Segments that an interrupted purge or restart left: to be removed. */
  readonly leftovers: readonly string[];
}

/** Whether these files are all that a very first start left, cut short before it had given the directory an identity. */
export async function isUnfinishedBirth(files: Files, directory: string, names: readonly string[]): Promise<boolean> {
  if (names.length !== 1 || names[0] !== segmentName(1)) return false;
  const bytes = await readWhole(files, join(directory, segmentName(1)), SEGMENT_HEADER_BYTES + SECTOR_BYTES);
  const decoded = headerIn(bytes, join(directory, segmentName(1)));
  return (
    decoded?.kind === "header" && decoded.header.base.index === 0 && isZero(bytes, SEGMENT_HEADER_BYTES, bytes.length)
  );
}

/** Null: there is no log here at all. Throws a DamageError at the first byte that is not as it was written. */
export async function recoverLog(files: Files, directory: string, owner: Owner): Promise<RecoveredLog | null> {
  const { kept, leftovers } = await findSegments(files, directory, owner);
  if (kept.length === 0) return null;
  const first = kept[0]!.header;
  const collector = new Collector(new Positions(first.base), first.hardState);
  const segments: Segment[] = [];
  let tail: (SegmentFile & Scanned) | null = null;
  for (const [position, file] of kept.entries()) {
    const next = kept[position + 1]?.header;
    const segment = { ...file.header, path: file.path, end: 0 };
    segments.push(segment);
    collector.begin(file, segment);
    const scanned = await scanSegment(files, file, next === undefined ? null : knownEnd(next), collector);
    segment.end = scanned.end;
    tail = { ...file, ...scanned };
  }
  const { positions, configurations } = collector;
  return { segments, positions, configurations, hardState: collector.hardState, tail: tail!, leftovers };
}

function knownEnd(next: SegmentFile["header"]): KnownEnd {
  return { end: next.previousEnd, sequence: next.sequence, chain: next.previousChain };
}

/** The segments that make up the log, in order; before the last restart or gap there are only leftovers. */
async function findSegments(
  files: Files,
  directory: string,
  owner: Owner,
): Promise<{ kept: SegmentFile[]; leftovers: string[] }> {
  const numbers = (await files.list(directory))
    .map((name) => SEGMENT_NAME.exec(name))
    .flatMap((match) => (match === null ? [] : [Number(match[1])]))
    .sort((a, b) => b - a);
  const kept: SegmentFile[] = [];
  const leftovers: string[] = [];
  let isComplete = false;
  for (const number of numbers) {
    const path = join(directory, segmentName(number));
    isComplete ||= kept.length > 0 && kept[0]!.header.number !== number + 1;
    if (isComplete) {
      leftovers.unshift(path);
      continue;
    }
    const file = await readHeader(files, path, number, owner);
    kept.unshift(file);
    isComplete = file.header.restarts;
  }
  return { kept, leftovers };
}

async function readHeader(files: Files, path: string, number: number, owner: Owner): Promise<SegmentFile> {
  const decoded = headerIn(await readWhole(files, path, SEGMENT_HEADER_BYTES), path);
  if (decoded === null) throw new DamageError(path, 0, "the header of this log segment is damaged");
  if (decoded.kind === "format") {
    throw foreignError(
      path,
      4,
      `this log segment has format ${decoded.format}, and this version reads ${LOG_FORMAT}`,
      "Start the version that wrote it",
    );
  }
  const { header, chain } = decoded;
  if (header.number !== number)
    throw new DamageError(path, 0, `this is segment ${header.number}, under another's name`);
  if (header.member !== owner.member || header.incarnation !== owner.incarnation) {
    throw foreignError(
      path,
      0,
      `this log segment was written by member ${header.member} in another data directory`,
      "Give each member a log directory of its own, or put back the segment that belongs here",
    );
  }
  return { path, header, chain };
}

/** Throws a DamageError where the numbers in it are none that a member writes. */
function headerIn(bytes: Uint8Array, path: string): ReturnType<typeof decodeSegmentHeader> {
  try {
    return decodeSegmentHeader(bytes);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new DamageError(path, 0, `the header of this log segment holds ${error.message}`);
  }
}

/** Gathers what the log as a whole amounts to, commit by commit; only a short payload is ever kept. */
class Collector implements ScanVisitor {
  readonly positions: Positions;
  readonly configurations: { index: number; configuration: Configuration }[] = [];
  hardState: HardState;
  #file: SegmentFile | null = null;
  #segment: Segment | null = null;
  #commitAt = 0;
  #first = 0;
  #last = 0;

  constructor(positions: Positions, hardState: HardState) {
    this.positions = positions;
    this.hardState = hardState;
  }

  begin(file: SegmentFile, segment: Segment): void {
    this.#file = file;
    this.#segment = segment;
  }

  onCommit(offset: number): void {
    this.#commitAt = offset;
    this.#first = 0;
  }

  onTruncate(from: number): void {
    if (this.#first !== 0) this.#contradiction("drops entries after it has added some");
    this.positions.truncate(from);
    while (this.configurations.length > 0 && this.configurations.at(-1)!.index >= from) this.configurations.pop();
  }

  onHardState(hardState: HardState): void {
    this.hardState = hardState;
  }

  onEntry(index: number, term: number, kind: EntryKind, payload: () => Uint8Array): void {
    const expected = this.#first === 0 ? this.positions.lastIndex + 1 : this.#last + 1;
    if (index !== expected) this.#contradiction(`holds entry ${index} where entry ${expected} should be`);
    if (this.#first === 0) this.#first = index;
    this.#last = index;
    const { term: before } = this.positions.last;
    if (term < before) this.#contradiction(`holds entry ${index} of term ${term} after one of term ${before}`);
    this.positions.noteTerm(index, term);
    if (kind === "configuration") this.#onConfiguration(index, payload().slice());
  }

  #onConfiguration(index: number, payload: Uint8Array): void {
    try {
      this.configurations.push({ index, configuration: decodeConfiguration(payload) });
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#contradiction(`holds entry ${index}, a configuration that cannot be read: ${error.message}`);
    }
  }

  onCommitEnd(offset: number): void {
    if (this.#first !== 0) this.positions.append(this.#segment!, offset, this.#first, this.#last);
  }

  #contradiction(what: string): never {
    throw new DamageError(this.#file!.path, this.#commitAt, `the commit here ${what}`);
  }
}
