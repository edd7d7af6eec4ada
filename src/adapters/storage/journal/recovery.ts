// The recovery of a journal: which segments are on the disk, whether they follow one another, and where each ends.

import { MalformedError } from "../../../base/bytes.ts";
import { DamageError, foreignError } from "../damage.ts";
import { type Files, readWhole } from "../files.ts";
import { pathIn } from "../paths.ts";
import { decodeSegmentHeader, isZero, JOURNAL_FORMAT, SECTOR_BYTES, SEGMENT_HEADER_BYTES } from "./format.ts";
import { type CommitVisitor, type KnownEnd, type Scanned, type SegmentFile, scanSegment } from "./scan.ts";
import { type Owner, SEGMENT_NAME, type Segment, segmentName } from "./segment.ts";

/** What the user of a journal makes of it, segment by segment and commit by commit. */
export interface JournalReader extends CommitVisitor {
  /** Throws a `MalformedError` for what its user never writes into a header. */
  checkContext(context: Uint8Array): void;
  /** The commits that follow stand in this segment. */
  onSegment(segment: Segment): void;
}

export interface RecoveredJournal {
  readonly segments: Segment[];
  /** The last segment, and how it ends. */
  readonly tail: SegmentFile & Scanned;
  /** Segments that an interrupted purge or restart left: to be removed. */
  readonly leftovers: readonly string[];
}

/** The context of the first segment, where it is the only one and nothing was ever written to it; else null. */
export async function untouchedContext(
  files: Files,
  directory: string,
  names: readonly string[],
): Promise<Uint8Array | null> {
  if (names.length !== 1 || names[0] !== segmentName(1)) return null;
  const path = pathIn(directory, segmentName(1));
  const bytes = await readWhole(files, path, SEGMENT_HEADER_BYTES + SECTOR_BYTES);
  const decoded = headerIn(bytes, path);
  if (decoded?.kind !== "header" || !isZero(bytes, SEGMENT_HEADER_BYTES, bytes.length)) return null;
  return decoded.header.context;
}

/** Null: there is no journal here at all. Throws a DamageError at the first byte that is not as it was written. */
export async function recoverJournal(
  files: Files,
  directory: string,
  owner: Owner,
  reader: JournalReader,
): Promise<RecoveredJournal | null> {
  const { kept, leftovers } = await findSegments(files, directory, owner, reader);
  const segments: Segment[] = [];
  let tail: (SegmentFile & Scanned) | null = null;
  for (const [position, file] of kept.entries()) {
    const next = kept[position + 1]?.header;
    const { number, salt, context } = file.header;
    const segment: Segment = { number, path: file.path, salt, context, end: 0 };
    segments.push(segment);
    reader.onSegment(segment);
    const scanned = await scanSegment(files, file, next === undefined ? null : knownEnd(next), reader);
    segment.end = scanned.end;
    tail = { ...file, ...scanned };
  }
  return tail === null ? null : { segments, tail, leftovers };
}

function knownEnd(next: SegmentFile["header"]): KnownEnd {
  return { end: next.previousEnd, sequence: next.sequence, chain: next.previousChain };
}

/** The segments that make up the journal, in order; before the last restart or gap there are only leftovers. */
async function findSegments(
  files: Files,
  directory: string,
  owner: Owner,
  reader: JournalReader,
): Promise<{ kept: SegmentFile[]; leftovers: string[] }> {
  const numbers = (await files.list(directory))
    .map((name) => SEGMENT_NAME.exec(name))
    .flatMap((match) => (match === null ? [] : [Number(match[1])]))
    .sort((a, b) => b - a);
  const kept: SegmentFile[] = [];
  const leftovers: string[] = [];
  let isComplete = false;
  for (const number of numbers) {
    const path = pathIn(directory, segmentName(number));
    isComplete ||= kept.length > 0 && kept[0]!.header.number !== number + 1;
    if (isComplete) {
      leftovers.unshift(path);
      continue;
    }
    const file = await readHeader(files, path, number, owner);
    checkContext(file, reader);
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
      `this log segment has format ${decoded.format}, and this version reads ${JOURNAL_FORMAT}`,
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

function checkContext({ path, header }: SegmentFile, reader: JournalReader): void {
  asDamage(path, "in its context, ", () => reader.checkContext(header.context));
}

/** Throws a DamageError where the numbers in it are none that a member writes. */
function headerIn(bytes: Uint8Array, path: string): ReturnType<typeof decodeSegmentHeader> {
  return asDamage(path, "", () => decodeSegmentHeader(bytes));
}

function asDamage<T>(path: string, where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new DamageError(path, 0, `${where}the header of this log segment holds ${error.message}`);
  }
}
