// Reads old entries from the disk, for followers that are far behind and for the state after a restart.

import { CoordinationError } from "../../base/errors.ts";
import type { Entry, EntryKind } from "../../consensus/raft/types.ts";
import { DamageError } from "./damage.ts";
import { type Files, isAbsent } from "./files.ts";
import { areRecordsWhole, COMMIT_HEADER_BYTES, extentOf, readCommitHeader, SECTOR_BYTES } from "./journal/format.ts";
import { Window } from "./journal/window.ts";
import { type RecordVisitor, visitRecords } from "./log-records.ts";
import type { Positions, Run } from "./positions.ts";

const READ_STEP_BYTES = 256 * 1024;

/** Entries [from, to], cut after `bytesMax` of payload but at least one; none if `from` was purged or is not there yet. */
export async function readEntries(
  files: Files,
  positions: Positions,
  from: number,
  to: number,
  bytesMax: number,
): Promise<readonly Entry[]> {
  const reading = new Reading(from, Math.min(to, positions.lastIndex), bytesMax);
  try {
    while (!reading.isDone) {
      const found = positions.find(reading.next);
      if (found === null) break;
      await readRun(files, found.run, found.offset, reading);
    }
  } catch (error) {
    if (isAbsent(error)) return reading.entries; // purged meanwhile
    if (!(error instanceof DamageError)) throw error;
    throw new CoordinationError("damaged", "not-applied", error.message, { cause: error });
  }
  return reading.entries;
}

async function readRun(files: Files, run: Run, offset: number, reading: Reading): Promise<void> {
  const { path, salt, end } = run.segment;
  const last = run.last; // as it is now: a run can be cut while it is read, and then nobody wants what was asked for
  const file = await files.open(path, "read");
  try {
    const window = new Window(files, file, end, READ_STEP_BYTES);
    for (let at = offset; at < end && !reading.isDone && reading.next <= last; ) {
      if (!window.holds(at, SECTOR_BYTES)) await window.move(at, SECTOR_BYTES);
      const header = window.holds(at, SECTOR_BYTES) ? readCommitHeader(window.bytes, at - window.start, salt) : null;
      if (header === null) throw new DamageError(path, at, "the header of a commit is damaged");
      const extent = extentOf(header.recordBytes);
      const isThere = window.holds(at, extent) || (await window.move(at, extent));
      if (!isThere || !areRecordsWhole(window.bytes, at - window.start, header)) {
        throw new DamageError(path, at, `commit ${header.sequence} is damaged`);
      }
      reading.visit(window.bytes, at - window.start + COMMIT_HEADER_BYTES, header.recordBytes, last);
      at += extent;
    }
    if (reading.next <= last && !reading.isDone) {
      throw new DamageError(path, end, `entry ${reading.next} is not where it was written`);
    }
  } finally {
    await files.close(file);
  }
}

class Reading implements RecordVisitor {
  readonly entries: Entry[] = [];
  next: number;
  readonly #to: number;
  readonly #bytesMax: number;
  #bytes = 0;
  #source: Uint8Array = new Uint8Array(0);
  #last = 0;

  constructor(from: number, to: number, bytesMax: number) {
    this.next = from;
    this.#to = to;
    this.#bytesMax = bytesMax;
  }

  get isDone(): boolean {
    return this.next > this.#to || (this.entries.length > 0 && this.#bytes >= this.#bytesMax);
  }

  /** Takes what is wanted of one commit's records, up to entry `last`. */
  visit(bytes: Uint8Array, start: number, length: number, last: number): void {
    this.#source = bytes;
    this.#last = last;
    visitRecords(bytes, start, start + length, this);
  }

  onTruncate(): void {}

  onHardState(): void {}

  onEntry(index: number, term: number, kind: EntryKind, start: number, end: number): void {
    if (index !== this.next || index > this.#last || this.isDone) return;
    this.entries.push({ index, term, kind, payload: this.#source.subarray(start, end) });
    this.#bytes += end - start;
    this.next++;
  }
}
