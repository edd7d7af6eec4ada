// The segments of a journal that is written to: goes on in the next one when one is full, seals the one before, removes what
// is no longer needed, and waits for room where the disk is full.

import { assert } from "../../../base/assert.ts";
import { ByteWriter } from "../../../base/bytes.ts";
import type { After } from "../../timers.ts";
import type { Chance } from "../chance.ts";
import { type Files, isAbsent, isNoSpace } from "../files.ts";
import type { FullSignal } from "../full.ts";
import { pathIn } from "../paths.ts";
import { beginCommit, encodeSegmentHeader, endCommit, SECTOR_BYTES, SEGMENT_HEADER_BYTES } from "./format.ts";
import type { RecoveredJournal } from "./recovery.ts";
import { type Owner, type Segment, segmentName } from "./segment.ts";
import { Spare } from "./spare.ts";

export const FIRST_SEGMENT_BYTES = 4 * 1024 * 1024;
const SEGMENT_GROWTH = 4;
const RETRY_MS = 1000;

export interface SegmentChainOptions {
  readonly files: Files;
  readonly directory: string;
  readonly owner: Owner;
  readonly segmentBytes: number;
  readonly after: After;
  readonly chance: Chance;
}

/** The end of a segment that is no longer written to. */
interface Ending {
  readonly segment: Segment;
  readonly file: number | null;
  readonly sequence: number;
  readonly chain: number;
}

interface Current {
  readonly segment: Segment;
  readonly file: number;
  readonly allocated: number;
}

/**
 * Invariants: the segments are numbered without a gap, and the last of them is the current one, if there is one; a commit never
 * ends beyond what its segment has reserved, less a sector for the seal.
 */
export class SegmentChain {
  readonly #options: SegmentChainOptions;
  readonly #files: Files;
  readonly #full: FullSignal;
  readonly #spare: Spare;
  readonly #segments: Segment[];
  readonly #onFailure: (error: unknown) => void;
  /** The segment written to; null until the first one of this run is ready. */
  #current: Current | null = null;
  /** The last segment of the run before, to be sealed once a new one stands. */
  #old: Ending | null = null;
  #sequence: number;
  #chain: number;
  #usedBytes = 0;
  #spareBegun = false;
  #isClosed = false;
  /** What waits for room. */
  readonly #wakers = new Set<() => void>();
  /** Sealing and removing, one after another, beside the commits. */
  #background: Promise<void> = Promise.resolve();

  constructor(
    options: SegmentChainOptions,
    full: FullSignal,
    { segments, tail, leftovers }: RecoveredJournal,
    currentFile: number | null,
    onFailure: (error: unknown) => void,
  ) {
    this.#options = options;
    this.#files = options.files;
    this.#full = full;
    this.#onFailure = onFailure;
    this.#spare = new Spare({
      files: options.files,
      directory: options.directory,
      after: options.after,
      onFull: (isFull) => full.set("next segment", isFull),
    });
    this.#segments = segments;
    this.#sequence = tail.sequence;
    this.#chain = tail.chain;
    for (const segment of segments) this.#usedBytes += segment.end;
    const last = segments.at(-1)!;
    if (currentFile !== null) this.#current = { segment: last, file: currentFile, allocated: tail.header.allocated };
    else this.#old = { segment: last, file: null, sequence: tail.sequence, chain: tail.chain };
    for (const path of leftovers) this.#removeLater(path);
  }

  get list(): readonly Segment[] {
    return this.#segments;
  }

  get current(): Current | null {
    return this.#current;
  }

  /** The number of the next commit, and the checksum that it refers to. */
  get sequence(): number {
    return this.#sequence;
  }

  get chain(): number {
    return this.#chain;
  }

  /** Bytes of all segments that are written. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether the current segment has room for a commit of `extent`, and for its seal. */
  fits(extent: number): boolean {
    if (this.#current === null) return false;
    const { segment, allocated } = this.#current;
    return segment.end + extent + SECTOR_BYTES <= allocated;
  }

  /** A commit of so many bytes is durable at the end of the current segment. */
  noteCommit(bytes: number, checksum: number): void {
    const { segment, allocated } = this.#current!;
    segment.end += bytes;
    assert(segment.end % SECTOR_BYTES === 0, "a commit ends on a sector");
    assert(segment.end + SECTOR_BYTES <= allocated, "a commit beyond its segment");
    this.#usedBytes += bytes;
    this.#sequence++;
    this.#chain = checksum;
    if (!this.#spareBegun && segment.end * 4 > allocated) this.#prepareNext();
  }

  /** Goes on in a new segment, with room for a commit of `extent`. Nothing is done once this is closed. */
  async rotate(extent: number, context: Uint8Array, restarts: boolean): Promise<void> {
    const bytesMin = SEGMENT_HEADER_BYTES + Math.max(extent, SECTOR_BYTES) + SECTOR_BYTES;
    const spare = await this.#spare.take(this.#nextSegmentBytes(), bytesMin);
    if (spare === null) return;
    const before = this.#segments.at(-1)!;
    const number = before.number + 1;
    const path = pathIn(this.#options.directory, segmentName(number));
    const salt = this.#options.chance();
    const { bytes, chain } = encodeSegmentHeader({
      ...this.#options.owner,
      number,
      salt,
      allocated: spare.allocated,
      restarts,
      context,
      sequence: this.#sequence,
      previousEnd: before.end,
      previousChain: this.#chain,
    });
    await this.#untilRoom(() => this.#files.write(spare.file, bytes, 0));
    await this.#files.sync(spare.file);
    await this.#untilRoom(() => this.#files.rename(spare.path, path));
    await this.#files.syncDirectory(this.#options.directory);
    const ending: Ending = this.#old ?? {
      segment: before,
      file: this.#current!.file,
      sequence: this.#sequence,
      chain: this.#chain,
    };
    this.#old = null;
    const segment: Segment = { number, path, salt, context, end: SEGMENT_HEADER_BYTES };
    this.#segments.push(segment);
    this.#usedBytes += segment.end;
    this.#current = { segment, file: spare.file, allocated: spare.allocated };
    this.#chain = chain;
    this.#spareBegun = false;
    if (this.#full.isFull) this.#prepareNext(); // and so hear when there is room again
    this.#inBackground(() => this.#seal(ending));
  }

  /** The first segment is no longer needed: it goes, and is returned. */
  removeFirst(): Segment {
    assert(this.#segments.length > 1, "the segment that is written to is not removed");
    const removed = this.#segments.shift()!;
    this.#usedBytes -= removed.end;
    this.#removeLater(removed.path);
    return removed;
  }

  /** Waits a little for room; not at all once closed. */
  pause(): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        cancel();
        this.#wakers.delete(wake);
        resolve();
      };
      const cancel = this.#options.after(RETRY_MS, wake);
      this.#wakers.add(wake);
    });
  }

  /** Completes when nothing is under way any more and no file is open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const wake of [...this.#wakers]) wake();
    await this.#spare.close().catch((error) => this.#onFailure(error));
    await this.#background;
    if (this.#current !== null) await this.#files.close(this.#current.file);
  }

  #prepareNext(): void {
    this.#spareBegun = true;
    this.#spare.prepare(this.#nextSegmentBytes(), SEGMENT_HEADER_BYTES + 2 * SECTOR_BYTES);
  }

  #nextSegmentBytes(): number {
    const grown = (this.#current?.allocated ?? 0) * SEGMENT_GROWTH;
    return Math.min(Math.max(grown, FIRST_SEGMENT_BYTES), this.#options.segmentBytes);
  }

  /** Says at the end of a finished segment that there is a next one, and gives back what it did not use. */
  async #seal({ segment, file, sequence, chain }: Ending): Promise<void> {
    const opened = file ?? (await this.#files.open(segment.path, "update"));
    try {
      const writer = new ByteWriter(SECTOR_BYTES);
      beginCommit(writer);
      endCommit(writer, segment.salt, sequence, chain, true);
      await this.#untilRoom(() => this.#files.write(opened, writer.view(), segment.end));
      await this.#files.truncate(opened, segment.end + SECTOR_BYTES);
      await this.#files.sync(opened);
    } finally {
      await this.#files.close(opened);
    }
  }

  #removeLater(path: string): void {
    this.#inBackground(async () => {
      try {
        await this.#files.remove(path);
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    });
  }

  #inBackground(task: () => Promise<void>): void {
    this.#background = this.#background.then(task).catch((error) => this.#onFailure(error));
  }

  async #untilRoom(action: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await action();
        this.#full.set("segment", false);
        return;
      } catch (error) {
        if (!isNoSpace(error) || this.#isClosed) throw error;
        this.#full.set("segment", true);
        await this.pause();
      }
    }
  }
}
