// A journal of checksummed records with group commit. Requests that wait together are one commit: one write, one sync, and
// nobody is told before. One commit is in flight at a time. A failed sync ends it for good: what the kernel then holds as
// clean may be on no disk. What a request says is its user's matter.

import { assert } from "../../../base/assert.ts";
import { ByteWriter } from "../../../base/bytes.ts";
import type { Defer } from "../../timers.ts";
import { type Files, isNoSpace } from "../files.ts";
import { FullSignal } from "../full.ts";
import { beginCommit, COMMIT_HEADER_BYTES, endCommit, extentOf } from "./format.ts";
import { AdaptivePace, type Pace } from "./pace.ts";
import type { RecoveredJournal } from "./recovery.ts";
import type { Segment } from "./segment.ts";
import { SegmentChain, type SegmentChainOptions } from "./segment-chain.ts";
import type { SyncTimes } from "./sync-times.ts";

/** One commit holds no more than this, unless a single request does. */
export const COMMIT_BYTES_MAX = 4 * 1024 * 1024;
/** The encoding buffer is given back when a commit made it larger. */
const BUFFER_BYTES_MAX = 16 * 1024 * 1024;

/** What waits: records to be written, or a restart, after which nothing that was written before counts. */
export type Waiting<Records, Restart> =
  | { readonly kind: "append"; readonly records: Records; readonly done: () => void }
  | { readonly kind: "restart"; readonly restart: Restart; readonly done: () => void };

export interface JournalUser<Records, Restart> {
  /**
   * Writes as many of the waiting appends as belong into one commit, from the first on; returns how many, at least one. A
   * restart is never reached, and no further append after `COMMIT_BYTES_MAX`.
   */
  encode(waiting: readonly Waiting<Records, Restart>[], writer: ByteWriter): number;
  /** What was encoded last is durable: a commit at an offset of a segment. `done` is called afterwards. */
  onDurable(waiting: readonly Waiting<Records, Restart>[], count: number, segment: Segment, offset: number): void;
  /** The restart begins: from here on `context` speaks of what comes after it. */
  onRestart(restart: Restart): void;
  /** For the header of the next segment. */
  context(): Uint8Array;
  onFull(isFull: boolean): void;
  onFailure(error: Error): void;
}

export interface JournalOptions extends SegmentChainOptions {
  /** Runs a commit once this turn's frames have left for the other members. */
  readonly afterSends: Defer;
  readonly pace?: Pace | undefined;
  readonly syncTimes: SyncTimes;
}

/**
 * Invariants: requests are told in the order in which they came, each once, and only when they and all before them are
 * durable; while `#isBusy`, one commit, rotation or restart is under way; after a failure nothing is written or told.
 */
export class Journal<Records, Restart> {
  readonly #user: JournalUser<Records, Restart>;
  readonly #files: Files;
  readonly #pace: Pace;
  readonly #syncTimes: SyncTimes;
  readonly #afterSends: Defer;
  readonly #full: FullSignal;
  readonly #segments: SegmentChain;

  readonly #queue: Waiting<Records, Restart>[] = [];
  #writer = new ByteWriter(256 * 1024);
  /** How many requests the writer holds. */
  #gathered = 0;
  #isScheduled = false;
  #isBusy = false;
  #isFailed = false;
  #isClosed = false;
  #closing: Promise<void> | null = null;
  #onIdle: (() => void) | null = null;

  readonly #run = (): void => {
    this.#isScheduled = false;
    this.#pump();
  };

  /** `currentFile`: the last segment, opened, if it can be written on. */
  constructor(
    user: JournalUser<Records, Restart>,
    options: JournalOptions,
    recovered: RecoveredJournal,
    currentFile: number | null,
  ) {
    this.#user = user;
    this.#files = options.files;
    this.#pace = options.pace ?? new AdaptivePace();
    this.#syncTimes = options.syncTimes;
    this.#afterSends = options.afterSends;
    this.#full = new FullSignal((isFull) => {
      user.onFull(isFull);
      if (isFull) this.#idle(); // who closes does not wait for room
    });
    this.#segments = new SegmentChain(options, this.#full, recovered, currentFile, (error) => this.#fail(error));
  }

  /** Makes the first segment of this run ready without waiting for a request; after a restart, if there is one. */
  start(restart: Restart | null): void {
    if (restart === null && this.#segments.current !== null) return;
    this.#isBusy = true;
    const ready =
      restart !== null ? this.#restartAfter(restart) : this.#segments.rotate(0, this.#user.context(), false);
    ready.then(
      () => this.#resume(),
      (error) => this.#fail(error),
    );
  }

  /** Bytes on disk. */
  get size(): number {
    return this.#segments.usedBytes;
  }

  get segments(): readonly Segment[] {
    return this.#segments.list;
  }

  get isWriting(): boolean {
    return !this.#isClosed && !this.#isFailed;
  }

  /** Makes the records durable, then calls `done`. With a full disk it waits until there is room. */
  append(records: Records, done: () => void): void {
    if (!this.isWriting) return;
    this.#queue.push({ kind: "append", records, done });
    this.#schedule();
  }

  /** What was written before no longer counts. `done` is called when that is durable. */
  restart(restart: Restart, done: () => void): void {
    this.#queue.push({ kind: "restart", restart, done });
    this.#schedule();
  }

  /** Removes the first segment, which is not the one written to; returns it. */
  removeFirst(): Segment {
    return this.#segments.removeFirst();
  }

  /** Lets what waits be written, if there is room, and closes. */
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
    await this.#segments.close();
  }

  // ------------------------------------------------------------------------------------------------------- commits

  /**
   * Runs after this turn's frames have left for the other members, so that their disks and this one work at the same time.
   */
  #schedule(): void {
    if (this.#isScheduled || this.#isBusy) return;
    this.#isScheduled = true;
    this.#afterSends(this.#run);
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
    const first = this.#queue[0]!;
    if (first.kind === "restart") {
      this.#isBusy = true;
      this.#restartAfter(first.restart).then(
        () => this.#complete(1),
        (error) => this.#fail(error),
      );
      return;
    }
    const writer = this.#writer.clear();
    beginCommit(writer);
    this.#gathered = this.#user.encode(this.#queue, writer);
    assert(this.#gathered > 0 && this.#gathered <= this.#queue.length, "a commit of no request");
    const extent = extentOf(writer.length - COMMIT_HEADER_BYTES);
    if (this.#segments.fits(extent)) {
      this.#commit();
      return;
    }
    this.#isBusy = true;
    this.#segments.rotate(extent, this.#user.context(), false).then(
      () => {
        if (!this.#isClosed) this.#commit();
      },
      (error) => this.#fail(error),
    );
  }

  /** Writes what was gathered to the current segment. */
  #commit(): void {
    const { segment } = this.#segments.current!;
    const checksum = endCommit(this.#writer, segment.salt, this.#segments.sequence, this.#segments.chain);
    assert(this.#segments.fits(this.#writer.length), "a commit has no room in its segment");
    if (this.#pace.isBlocking) this.#commitNow(checksum);
    else this.#commitPooled(checksum);
  }

  #commitNow(checksum: number): void {
    const { segment, file } = this.#segments.current!;
    const began = this.#syncTimes.now();
    try {
      this.#files.writeNow(file, this.#writer.view(), segment.end);
    } catch (error) {
      this.#onWriteError(error, checksum);
      return;
    }
    const written = this.#syncTimes.now();
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
    const { segment, file } = this.#segments.current!;
    const began = this.#syncTimes.now();
    this.#files.write(file, this.#writer.view(), segment.end).then(
      () => {
        const written = this.#syncTimes.now();
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
    const now = this.#syncTimes.now();
    this.#pace.note(now - began);
    this.#syncTimes.note(now - written, now);
  }

  /** No room: the same bytes are written again to the same place until there is some. Anything else is the end. */
  #onWriteError(error: unknown, checksum: number): void {
    if (!isNoSpace(error)) {
      this.#fail(error);
      return;
    }
    this.#isBusy = true;
    this.#full.set("commit", true);
    this.#segments.pause().then(() => {
      if (!this.#isClosed && !this.#isFailed) this.#commitPooled(checksum);
    });
  }

  #onDurable(checksum: number): void {
    if (this.#isFailed) return;
    this.#full.set("commit", false);
    const { segment } = this.#segments.current!;
    const offset = segment.end;
    this.#segments.noteCommit(this.#writer.length, checksum);
    this.#user.onDurable(this.#queue, this.#gathered, segment, offset);
    if (this.#writer.bytes.length > BUFFER_BYTES_MAX) this.#writer = new ByteWriter(256 * 1024);
    this.#complete(this.#gathered);
  }

  /** The first `count` requests are durable: tells who waits, and goes on. */
  #complete(count: number): void {
    this.#isBusy = true; // what `done` brings joins the queue, and is committed after all of them have been told
    const completed = this.#queue.splice(0, count);
    for (const { done } of completed) done();
    this.#resume();
  }

  async #restartAfter(restart: Restart): Promise<void> {
    this.#user.onRestart(restart);
    await this.#segments.rotate(0, this.#user.context(), true);
    if (this.#isClosed) return;
    while (this.#segments.list.length > 1) this.#segments.removeFirst();
  }

  #fail(error: unknown): void {
    if (this.#isFailed || this.#isClosed) return;
    this.#isFailed = true;
    this.#queue.length = 0;
    this.#idle();
    this.#user.onFailure(error instanceof Error ? error : new Error(String(error)));
  }
}
