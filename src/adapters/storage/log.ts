// The write-ahead log. Requests that wait together are one commit: one write, one sync, and nobody is told before. One
// commit is in flight at a time. A failed sync ends it for good: what the kernel then holds as clean may be on no disk.

import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { assert } from "../../base/assert.ts";
import { ByteWriter } from "../../base/bytes.ts";
import type { Entry, HardState, SnapshotMeta } from "../../consensus/raft/types.ts";
import type { DurationHistogram, Log, LogWrite, StorageEvents } from "../../replica/ports.ts";
import type { After, Defer } from "../timers.ts";
import type { Chance } from "./chance.ts";
import { type Files, isAbsent, isNoSpace } from "./files.ts";
import {
  beginCommit,
  COMMIT_HEADER_BYTES,
  encodeSegmentHeader,
  endCommit,
  extentOf,
  SECTOR_BYTES,
  SEGMENT_HEADER_BYTES,
  writeEntry,
  writeHardStateRecord,
  writeTruncate,
} from "./format.ts";
import { FullSignal } from "./full.ts";
import { AdaptivePace, type Pace } from "./pace.ts";
import type { Positions, Segment } from "./positions.ts";
import { readEntries } from "./reader.ts";
import { type Owner, type RecoveredLog, segmentName } from "./recovery.ts";
import { Spare } from "./spare.ts";
import type { SyncTimes } from "./sync-times.ts";

/** One commit holds no more than this, unless a single request does. */
const COMMIT_BYTES_MAX = 4 * 1024 * 1024;
/** The encoding buffer is given back when a commit made it larger. */
const BUFFER_BYTES_MAX = 16 * 1024 * 1024;
export const FIRST_SEGMENT_BYTES = 4 * 1024 * 1024;
const SEGMENT_GROWTH = 4;
const RETRY_MS = 1000;

export interface LogOptions {
  readonly files: Files;
  readonly directory: string;
  readonly owner: Owner;
  readonly segmentBytes: number;
  readonly events: StorageEvents;
  readonly after: After;
  /** Runs a commit once this turn's frames have left for the other members. */
  readonly afterSends: Defer;
  readonly chance: Chance;
  readonly pace?: Pace | undefined;
  readonly syncTimes: SyncTimes;
  /** The log is kept from here on, whatever a purge says: where the oldest retained snapshot ends. */
  readonly keptFrom: () => number;
  readonly onClosed: () => Promise<void>;
}

interface Request {
  /** Null: the log restarts after `snapshot`. */
  readonly write: LogWrite | null;
  readonly snapshot: SnapshotMeta | null;
  readonly done: () => void;
}

/** The end of a segment that is no longer written to. */
interface Ending {
  readonly segment: Segment;
  readonly file: number | null;
  readonly sequence: number;
  readonly chain: number;
}

export class WriteAheadLog implements Log {
  readonly #options: LogOptions;
  readonly #files: Files;
  readonly #pace: Pace;
  readonly #full: FullSignal;
  readonly #spare: Spare;
  readonly #positions: Positions;
  readonly #segments: Segment[];
  #hardState: HardState;

  /** The segment written to; null until the first one of this run is ready. */
  #current: { readonly segment: Segment; readonly file: number; readonly allocated: number } | null = null;
  /** The last segment of the run before, to be sealed once a new one stands. */
  #old: Ending | null = null;
  #sequence: number;
  #chain: number;
  #usedBytes = 0;
  #spareBegun = false;

  readonly #queue: Request[] = [];
  /** The last index of what is queued: requests must follow one another. */
  #queuedIndex: number;
  #writer = new ByteWriter(256 * 1024);
  /** How many requests the writer holds, and what they come to. */
  #gathered = 0;
  #truncateFrom: number | null = null;
  #newHardState: HardState | null = null;
  #firstIndex = 0;
  #lastIndex = 0;

  #isScheduled = false;
  #isBusy = false;
  #isFailed = false;
  #isClosed = false;
  /** What waits for room. */
  readonly #wakers = new Set<() => void>();
  #closing: Promise<void> | null = null;
  #onIdle: (() => void) | null = null;
  /** Sealing and removing, one after another, beside the commits. */
  #background: Promise<void> = Promise.resolve();

  readonly #run = (): void => {
    this.#isScheduled = false;
    this.#pump();
  };

  constructor(options: LogOptions, recovered: RecoveredLog, currentFile: number | null) {
    this.#options = options;
    this.#files = options.files;
    this.#pace = options.pace ?? new AdaptivePace();
    this.#full = new FullSignal((isFull) => {
      options.events.onFull(isFull);
      if (isFull) this.#idle(); // who closes does not wait for room
    });
    this.#spare = new Spare({
      files: options.files,
      directory: options.directory,
      after: options.after,
      onFull: (isFull) => this.#full.set("next segment", isFull),
    });
    this.#positions = recovered.positions;
    this.#segments = recovered.segments;
    this.#hardState = recovered.hardState;
    this.#queuedIndex = recovered.positions.lastIndex;
    const { tail } = recovered;
    this.#sequence = tail.sequence;
    this.#chain = tail.chain;
    for (const segment of this.#segments) this.#usedBytes += segment.end;
    const last = this.#segments.at(-1)!;
    if (currentFile !== null) {
      this.#current = { segment: last, file: currentFile, allocated: tail.header.allocated };
    } else {
      this.#old = { segment: last, file: null, sequence: tail.sequence, chain: tail.chain };
    }
    for (const path of recovered.leftovers) this.#removeLater(path);
  }

  /**
   * Makes the first segment of this run ready, without waiting for a request; after a snapshot, if the log is to restart
   * there.
   */
  start(restart: SnapshotMeta | null): void {
    if (restart !== null) {
      this.#queuedIndex = restart.index;
      this.#isBusy = true;
      this.#restartAfter(restart).then(
        () => this.#resume(),
        (error) => this.#fail(error),
      );
    } else if (this.#current === null) {
      this.#isBusy = true;
      this.#rotate(0, null).then(
        () => this.#resume(),
        (error) => this.#fail(error),
      );
    }
  }

  get size(): number {
    return this.#usedBytes;
  }

  get syncDurations(): DurationHistogram {
    return this.#options.syncTimes;
  }

  /** The first entry that can still be read, if there is one. */
  get firstIndex(): number {
    return this.#positions.base.index + 1;
  }

  write(request: LogWrite, done: () => void): void {
    if (this.#isClosed || this.#isFailed) return;
    const { truncateFrom, entries } = request;
    if (truncateFrom !== null) this.#queuedIndex = Math.min(this.#queuedIndex, truncateFrom - 1);
    if (entries.length > 0) {
      assert(entries[0]!.index === this.#queuedIndex + 1, "the log would have a gap");
      this.#queuedIndex += entries.length;
      assert(entries[entries.length - 1]!.index === this.#queuedIndex, "the entries are not contiguous");
    }
    this.#queue.push({ write: request, snapshot: null, done });
    this.#schedule();
  }

  read(from: number, to: number, bytesMax: number): Promise<readonly Entry[]> {
    return readEntries(this.#files, this.#positions, from, to, bytesMax);
  }

  purge(index: number): void {
    const limit = Math.min(index, this.#options.keptFrom());
    while (this.#segments.length > 1 && this.#segments[1]!.base.index <= limit) {
      const removed = this.#segments.shift()!;
      this.#positions.forget(removed, this.#segments[0]!.base);
      this.#usedBytes -= removed.end;
      this.#removeLater(removed.path);
    }
  }

  restart(snapshot: SnapshotMeta): Promise<void> {
    return new Promise((resolve) => {
      this.#queuedIndex = snapshot.index;
      this.#queue.push({ write: null, snapshot, done: resolve });
      this.#schedule();
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (!this.#isFailed && !this.#full.isFull && (this.#isBusy || this.#queue.length > 0)) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#isClosed = true;
    for (const wake of [...this.#wakers]) wake();
    await this.#spare.close().catch((error) => this.#fail(error));
    await this.#background;
    if (this.#current !== null) await this.#files.close(this.#current.file);
    await this.#options.onClosed();
  }

  // ------------------------------------------------------------------------------------------------------- commits

  /**
   * Runs after this turn's frames have left for the other members, so that their disks and this one work at the same time.
   */
  #schedule(): void {
    if (this.#isScheduled || this.#isBusy) return;
    this.#isScheduled = true;
    this.#options.afterSends(this.#run);
  }

  #resume(): void {
    this.#isBusy = false;
    if (this.#queue.length > 0) this.#schedule();
    else this.#idle();
  }

  #idle(): void {
    this.#onIdle?.();
    this.#onIdle = null;
  }

  #pump(): void {
    if (this.#isBusy || this.#isFailed || this.#isClosed || this.#queue.length === 0) return;
    const { snapshot } = this.#queue[0]!;
    if (snapshot !== null) {
      this.#isBusy = true;
      this.#restartAfter(snapshot).then(
        () => this.#complete(1),
        (error) => this.#fail(error),
      );
      return;
    }
    this.#gather();
    const extent = extentOf(this.#writer.length - COMMIT_HEADER_BYTES);
    if (this.#current !== null && this.#fits(extent)) {
      this.#commit();
      return;
    }
    this.#isBusy = true;
    this.#rotate(extent, null).then(
      () => {
        if (!this.#isClosed) this.#commit();
      },
      (error) => this.#fail(error),
    );
  }

  /** Puts as many of the waiting requests as belong together into the writer. */
  #gather(): void {
    const writer = this.#writer.clear();
    beginCommit(writer);
    this.#gathered = 0;
    this.#truncateFrom = null;
    this.#newHardState = null;
    this.#firstIndex = 0;
    for (const { write } of this.#queue) {
      if (write === null || writer.length > COMMIT_BYTES_MAX) break;
      if (write.truncateFrom !== null) {
        if (this.#firstIndex !== 0) break; // a commit drops entries only before it adds some
        this.#truncateFrom = Math.min(this.#truncateFrom ?? write.truncateFrom, write.truncateFrom);
        writeTruncate(writer, write.truncateFrom);
      }
      for (const entry of write.entries) writeEntry(writer, entry);
      if (write.entries.length > 0) {
        if (this.#firstIndex === 0) this.#firstIndex = write.entries[0]!.index;
        this.#lastIndex = write.entries[write.entries.length - 1]!.index;
      }
      if (write.hardState !== null) this.#newHardState = write.hardState;
      this.#gathered++;
    }
    if (this.#newHardState !== null) writeHardStateRecord(writer, this.#newHardState);
  }

  #fits(extent: number): boolean {
    const { segment, allocated } = this.#current!;
    return segment.end + extent + SECTOR_BYTES <= allocated; // a sector for the seal
  }

  /** Writes what was gathered to the current segment. */
  #commit(): void {
    const { segment } = this.#current!;
    const checksum = endCommit(this.#writer, segment.salt, this.#sequence, this.#chain);
    if (this.#pace.isBlocking) this.#commitNow(checksum);
    else this.#commitPooled(checksum);
  }

  #commitNow(checksum: number): void {
    const { segment, file } = this.#current!;
    const began = performance.now();
    try {
      this.#files.writeNow(file, this.#writer.view(), segment.end);
    } catch (error) {
      this.#onWriteError(error, checksum);
      return;
    }
    const written = performance.now();
    try {
      this.#files.syncNow(file);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#noteTimes(began, written);
    this.#onDurable(checksum);
  }

  #commitPooled(checksum: number): void {
    this.#isBusy = true;
    const { segment, file } = this.#current!;
    const began = performance.now();
    this.#files.write(file, this.#writer.view(), segment.end).then(
      () => {
        const written = performance.now();
        this.#files.sync(file).then(
          () => {
            this.#noteTimes(began, written);
            this.#onDurable(checksum);
          },
          (error) => this.#fail(error),
        );
      },
      (error) => this.#onWriteError(error, checksum),
    );
  }

  #noteTimes(began: number, written: number): void {
    const now = performance.now();
    this.#pace.note(now - began);
    this.#options.syncTimes.note(now - written, now);
  }

  /** No room: the same bytes are written again to the same place until there is some. Anything else is the end. */
  #onWriteError(error: unknown, checksum: number): void {
    if (!isNoSpace(error)) {
      this.#fail(error);
      return;
    }
    this.#isBusy = true;
    this.#full.set("commit", true);
    this.#pause().then(() => {
      if (!this.#isClosed && !this.#isFailed) this.#commitPooled(checksum);
    });
  }

  #onDurable(checksum: number): void {
    if (this.#isFailed) return;
    this.#full.set("commit", false);
    const { segment, allocated } = this.#current!;
    const offset = segment.end;
    segment.end += this.#writer.length;
    this.#usedBytes += this.#writer.length;
    this.#sequence++;
    this.#chain = checksum;
    if (this.#truncateFrom !== null) this.#positions.truncate(this.#truncateFrom);
    this.#notePositions(segment, offset);
    if (this.#newHardState !== null) this.#hardState = this.#newHardState;
    if (this.#writer.bytes.length > BUFFER_BYTES_MAX) this.#writer = new ByteWriter(256 * 1024);
    if (!this.#spareBegun && segment.end * 4 > allocated) this.#prepareNext();
    this.#complete(this.#gathered);
  }

  #notePositions(segment: Segment, offset: number): void {
    if (this.#firstIndex === 0) return;
    for (let i = 0; i < this.#gathered; i++) {
      for (const entry of this.#queue[i]!.write!.entries) this.#positions.noteTerm(entry.index, entry.term);
    }
    this.#positions.append(segment, offset, this.#firstIndex, this.#lastIndex);
  }

  /** The first `count` requests are durable: tells who waits, and goes on. */
  #complete(count: number): void {
    this.#isBusy = true; // what `done` brings joins the queue, and is committed after all of them have been told
    const completed = this.#queue.splice(0, count);
    for (const request of completed) request.done();
    this.#resume();
  }

  #fail(error: unknown): void {
    if (this.#isFailed || this.#isClosed) return;
    this.#isFailed = true;
    this.#queue.length = 0;
    this.#idle();
    this.#options.events.onFailure(error instanceof Error ? error : new Error(String(error)));
  }

  // ------------------------------------------------------------------------------------------------------ segments

  #prepareNext(): void {
    this.#spareBegun = true;
    this.#spare.prepare(this.#nextSegmentBytes(), SEGMENT_HEADER_BYTES + 2 * SECTOR_BYTES);
  }

  #nextSegmentBytes(): number {
    const grown = (this.#current?.allocated ?? 0) * SEGMENT_GROWTH;
    return Math.min(Math.max(grown, FIRST_SEGMENT_BYTES), this.#options.segmentBytes);
  }

  /** Goes on in a new segment, with room for a commit of `extent`; after a snapshot if one is given. */
  async #rotate(extent: number, restart: SnapshotMeta | null): Promise<void> {
    const bytesMin = SEGMENT_HEADER_BYTES + Math.max(extent, SECTOR_BYTES) + SECTOR_BYTES;
    const spare = await this.#spare.take(this.#nextSegmentBytes(), bytesMin);
    if (spare === null) return;
    const before = this.#segments.at(-1)!;
    const number = before.number + 1;
    const path = join(this.#options.directory, segmentName(number));
    const base = restart === null ? this.#positions.last : { index: restart.index, term: restart.term };
    const salt = this.#options.chance();
    const { bytes, chain } = encodeSegmentHeader({
      ...this.#options.owner,
      number,
      salt,
      allocated: spare.allocated,
      restarts: restart !== null,
      base,
      sequence: this.#sequence,
      previousEnd: before.end,
      previousChain: this.#chain,
      hardState: this.#hardState,
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
    const segment: Segment = { number, path, salt, base, end: SEGMENT_HEADER_BYTES };
    this.#segments.push(segment);
    this.#usedBytes += segment.end;
    this.#current = { segment, file: spare.file, allocated: spare.allocated };
    this.#chain = chain;
    this.#spareBegun = false;
    if (this.#full.isFull) this.#prepareNext(); // and so hear when there is room again
    this.#inBackground(() => this.#seal(ending));
  }

  async #restartAfter(snapshot: SnapshotMeta): Promise<void> {
    this.#positions.restart({ index: snapshot.index, term: snapshot.term });
    await this.#rotate(0, snapshot);
    if (this.#isClosed) return;
    for (const removed of this.#segments.splice(0, this.#segments.length - 1)) {
      this.#usedBytes -= removed.end;
      this.#removeLater(removed.path);
    }
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
    this.#background = this.#background.then(task).catch((error) => this.#fail(error));
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
        await this.#pause();
      }
    }
  }

  /** Waits a little for room; not at all once closed. */
  #pause(): Promise<void> {
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
}
