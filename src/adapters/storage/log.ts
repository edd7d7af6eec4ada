// Raft's log on a journal: entries, dropped entries and the hard state as records; where each entry stands, for reading it
// back; and the segments that snapshots have made superfluous, removed.

import { assert } from "../../base/assert.ts";
import type { ByteWriter } from "../../base/bytes.ts";
import type { Entry, HardState, SnapshotMeta } from "../../consensus/raft/types.ts";
import type { DurationHistogram, Log, LogWrite, StorageEvents } from "../../replica/ports.ts";
import type { Files } from "./files.ts";
import { COMMIT_BYTES_MAX, Journal, type JournalOptions, type JournalUser, type Waiting } from "./journal/journal.ts";
import type { Segment } from "./journal/segment.ts";
import type { SyncTimes } from "./journal/sync-times.ts";
import { readEntries } from "./log-reader.ts";
import { decodeContext, encodeContext, writeEntry, writeHardStateRecord, writeTruncate } from "./log-records.ts";
import type { RecoveredLog } from "./log-recovery.ts";
import type { Positions } from "./positions.ts";

export interface LogOptions extends JournalOptions {
  readonly events: StorageEvents;
  /** The log is kept from here on, whatever a purge says: where the oldest retained snapshot ends. */
  readonly keptFrom: () => number;
  readonly onClosed: () => Promise<void>;
}

type LogWaiting = Waiting<LogWrite, SnapshotMeta>;

/**
 * Invariants: entries are queued without a gap; positions and hard state are those of what is durable; the segments kept reach
 * back to the oldest retained snapshot.
 */
export class WriteAheadLog implements Log, JournalUser<LogWrite, SnapshotMeta> {
  readonly #options: LogOptions;
  readonly #files: Files;
  readonly #syncTimes: SyncTimes;
  readonly #journal: Journal<LogWrite, SnapshotMeta>;
  readonly #positions: Positions;
  #hardState: HardState;
  /** The last index of what is queued: requests must follow one another. */
  #queuedIndex: number;
  /** What the commit that was encoded last comes to. */
  #truncateFrom: number | null = null;
  #newHardState: HardState | null = null;
  #firstIndex = 0;
  #lastIndex = 0;

  constructor(options: LogOptions, recovered: RecoveredLog, currentFile: number | null) {
    this.#options = options;
    this.#files = options.files;
    this.#syncTimes = options.syncTimes;
    this.#positions = recovered.positions;
    this.#hardState = recovered.hardState;
    this.#queuedIndex = recovered.positions.lastIndex;
    this.#journal = new Journal(this, options, recovered.journal, currentFile);
  }

  /**
   * Makes the first segment of this run ready, without waiting for a request; after a snapshot, if the log is to restart
   * there.
   */
  start(restart: SnapshotMeta | null): void {
    if (restart !== null) this.#queuedIndex = restart.index;
    this.#journal.start(restart);
  }

  get size(): number {
    return this.#journal.size;
  }

  get syncDurations(): DurationHistogram {
    return this.#syncTimes;
  }

  /** The first entry that can still be read, if there is one. */
  get firstIndex(): number {
    return this.#positions.base.index + 1;
  }

  write(request: LogWrite, done: () => void): void {
    if (!this.#journal.isWriting) return;
    const { truncateFrom, entries } = request;
    if (truncateFrom !== null) {
      assert(truncateFrom > 0, "entries are dropped from the first on at most");
      this.#queuedIndex = Math.min(this.#queuedIndex, truncateFrom - 1);
    }
    if (entries.length > 0) {
      assert(entries[0]!.index === this.#queuedIndex + 1, "the log would have a gap");
      this.#queuedIndex += entries.length;
      assert(entries[entries.length - 1]!.index === this.#queuedIndex, "the entries are not contiguous");
    }
    this.#journal.append(request, done);
  }

  async read(from: number, to: number, bytesMax: number): Promise<readonly Entry[]> {
    const entries = await readEntries(this.#files, this.#positions, from, to, bytesMax);
    assert(entries.length === 0 || entries[0]!.index === from, "another entry was read than was asked for");
    return entries;
  }

  purge(index: number): void {
    const limit = Math.min(index, this.#options.keptFrom());
    const { segments } = this.#journal;
    while (segments.length > 1 && baseOf(segments[1]!).index <= limit) {
      const removed = this.#journal.removeFirst();
      this.#positions.forget(removed, baseOf(segments[0]!));
    }
  }

  restart(snapshot: SnapshotMeta): Promise<void> {
    return new Promise((resolve) => {
      this.#queuedIndex = snapshot.index;
      this.#journal.restart(snapshot, resolve);
    });
  }

  async close(): Promise<void> {
    this.#closing ??= this.#journal.close().then(() => this.#options.onClosed());
    await this.#closing;
  }

  #closing: Promise<void> | null = null;

  // ---------------------------------------------------------------------------------------- as the journal's user

  encode(waiting: readonly LogWaiting[], writer: ByteWriter): number {
    let count = 0;
    this.#truncateFrom = null;
    this.#newHardState = null;
    this.#firstIndex = 0;
    for (const each of waiting) {
      if (each.kind === "restart" || writer.length > COMMIT_BYTES_MAX) break;
      const write = each.records;
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
      count++;
    }
    if (this.#newHardState !== null) {
      assert(this.#newHardState.term >= this.#hardState.term, "a term that goes back");
      writeHardStateRecord(writer, this.#newHardState);
    }
    return count;
  }

  onDurable(waiting: readonly LogWaiting[], count: number, segment: Segment, offset: number): void {
    if (this.#truncateFrom !== null) this.#positions.truncate(this.#truncateFrom);
    if (this.#firstIndex !== 0) {
      for (let i = 0; i < count; i++) {
        const each = waiting[i]!;
        assert(each.kind === "append", "a commit holds no restart");
        for (const entry of each.records.entries) this.#positions.noteTerm(entry.index, entry.term);
      }
      this.#positions.append(segment, offset, this.#firstIndex, this.#lastIndex);
    }
    if (this.#newHardState !== null) this.#hardState = this.#newHardState;
  }

  onRestart(snapshot: SnapshotMeta): void {
    this.#positions.restart({ index: snapshot.index, term: snapshot.term });
  }

  context(): Uint8Array {
    return encodeContext({
      base: this.#positions.last,
      hardState: this.#hardState,
    });
  }

  onFull(isFull: boolean): void {
    this.#options.events.onFull(isFull);
  }

  onFailure(error: Error): void {
    this.#options.events.onFailure(error);
  }
}

/** The last entry when the segment began. */
function baseOf({ context }: Segment) {
  return decodeContext(context).base;
}
