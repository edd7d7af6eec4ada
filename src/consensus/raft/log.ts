// A member's log: its terms and configurations in full, its entries as far as they are in memory, and how far each of
// the things that happen to entries has come. Invariants, whatever a peer says:
//
//   snapshot.index <= appliedIndex <= commitIndex <= lastIndex, and durableIndex <= lastIndex;
//   entries up to commitIndex never change;
//   an entry leaves memory only when it is applied and durable: what is on the disk alone is committed, but for what a
//   restart found there.

import { assert } from "../../base/assert.ts";
import { decodeConfiguration } from "./configuration.ts";
import { ConfigurationHistory } from "./configuration-history.ts";
import { Tail } from "./tail.ts";
import { Terms } from "./terms.ts";
import type { Configuration, Entry, LogPosition, RecoveredState, SnapshotMeta } from "./types.ts";

/** Entries handed to the disk, and with which request. */
interface Saving {
  readonly sequence: number;
  lastIndex: number;
}

/** What the log wants made durable, in the words of the `persist` effect. */
export interface Unsaved {
  readonly truncateFrom: number | null;
  readonly entries: readonly Entry[];
}

export class RaftLog {
  commitIndex: number;
  appliedIndex: number;
  /** Entries up to here survive a crash of this member. */
  durableIndex: number;
  snapshot: SnapshotMeta;
  readonly #tail: Tail;
  readonly #tailBytesMax: number;
  #terms: Terms;
  #history: ConfigurationHistory;
  /** The oldest entry that the disk still holds. */
  #diskFirst: number;
  #unsavedFrom: number;
  #truncateFrom: number | null = null;
  #saving: Saving[] = [];

  constructor({ hardState, snapshot, lastIndex, termStarts, configurations }: RecoveredState, tailBytesMax: number) {
    assert(lastIndex >= snapshot.index, "the log ends before its snapshot");
    assert(hardState.commitIndex <= lastIndex, "the log ends before what was committed: entries were lost");
    this.snapshot = snapshot;
    this.commitIndex = Math.max(snapshot.index, hardState.commitIndex);
    this.appliedIndex = snapshot.index;
    this.durableIndex = lastIndex;
    this.#tail = new Tail(lastIndex + 1);
    this.#tailBytesMax = tailBytesMax;
    this.#terms = new Terms(snapshot);
    for (const { index, term } of termStarts) if (index > snapshot.index) this.#terms.note(index, term);
    this.#history = new ConfigurationHistory(snapshot, configurations);
    this.#diskFirst = snapshot.index + 1;
    this.#unsavedFrom = lastIndex + 1;
  }

  get lastIndex(): number {
    return this.#tail.next - 1;
  }

  get lastTerm(): number {
    return this.#terms.at(this.lastIndex);
  }

  get last(): LogPosition {
    return { index: this.lastIndex, term: this.lastTerm };
  }

  /** The first entry that can still be had, from memory or from the disk. */
  get firstIndex(): number {
    return Math.min(this.#diskFirst, this.#tail.first);
  }

  get configuration(): Configuration {
    return this.#history.latest;
  }

  get configurationIndex(): number {
    return this.#history.latestIndex;
  }

  configurationAt(index: number): Configuration {
    return this.#history.at(index);
  }

  /** The latest known to be committed, and those after it, which a new leader may yet take back. */
  uncertainConfigurations(): Configuration[] {
    return this.#history.since(this.commitIndex);
  }

  /** −1 where it is not known: before what snapshots have swallowed, or after the end. */
  termAt(index: number): number {
    return index > this.lastIndex ? -1 : this.#terms.at(index);
  }

  /** Whether another log, ending at `other`, holds all that this one may have committed (Raft §5.4.1). */
  isUpToDate(other: LogPosition): boolean {
    const { lastTerm } = this;
    return other.term > lastTerm || (other.term === lastTerm && other.index >= this.lastIndex);
  }

  isInMemory(index: number): boolean {
    return index >= this.#tail.first && index <= this.lastIndex;
  }

  /** Entries [from, to] from memory, cut after `bytesMax` but never to none while `from` is there. */
  slice(from: number, to: number, bytesMax: number): readonly Entry[] {
    return this.#tail.slice(from, to, bytesMax);
  }

  get uncommittedBytes(): number {
    return this.#tail.bytesBetween(this.commitIndex, this.lastIndex);
  }

  /** Where to look for agreement with a log that has `term` at `index`: no later index can hold the same entry. */
  agreementBefore(index: number, term: number): LogPosition {
    const at = this.#terms.lastAtMost(Math.min(index, this.lastIndex), term);
    return { index: at, term: this.#terms.at(at) };
  }

  append(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, "an entry that does not follow the last");
    this.#terms.note(entry.index, entry.term);
    this.#tail.push(entry);
    if (entry.kind === "configuration") this.#history.push(entry.index, decodeConfiguration(entry.payload));
  }

  /**
   * A leader's entries after `previous`: overwrites what differs (Raft §5.3). Returns the index up to which this log now
   * equals the leader's; −1 where it does not hold `previous`. What is committed here is in every later leader's log, so
   * that an append which reaches back before it agrees up to there without a look.
   */
  accept(previous: LogPosition, entries: readonly Entry[]): number {
    let at = 0;
    if (previous.index < this.commitIndex) {
      at = this.commitIndex - previous.index;
      if (at >= entries.length) return this.commitIndex;
    } else if (this.termAt(previous.index) !== previous.term) {
      return -1;
    }
    while (at < entries.length && this.termAt(entries[at]!.index) === entries[at]!.term) at++;
    if (at < entries.length && entries[at]!.index <= this.lastIndex) this.#truncate(entries[at]!.index);
    for (; at < entries.length; at++) this.append(entries[at]!);
    return previous.index + entries.length;
  }

  #truncate(from: number): void {
    assert(from > this.commitIndex, "an append that would overwrite committed entries");
    this.#tail.truncate(from);
    this.#terms.truncate(from);
    this.#history.truncate(from);
    this.durableIndex = Math.min(this.durableIndex, from - 1);
    // A write under way may yet report the old entries durable: by then it speaks of the new ones' indexes.
    for (const saving of this.#saving) saving.lastIndex = Math.min(saving.lastIndex, from - 1);
    if (from < this.#unsavedFrom) {
      this.#truncateFrom = from;
      this.#unsavedFrom = from;
    }
  }

  commitTo(index: number): void {
    assert(index <= this.lastIndex, "a commit past the end of the log");
    assert(index >= this.commitIndex, "a commit taken back");
    this.commitIndex = index;
  }

  appliedTo(index: number): void {
    assert(index <= this.commitIndex, "applied what is not committed");
    if (index <= this.appliedIndex) return; // told before, or of a state that a snapshot has replaced
    this.appliedIndex = index;
    this.#shrink();
  }

  get hasUnsaved(): boolean {
    return this.#unsavedFrom <= this.lastIndex || this.#truncateFrom !== null;
  }

  /** What the disk does not know of yet, from now on under way to it with this request. */
  takeUnsaved(sequence: number): Unsaved {
    const { lastIndex } = this;
    const unsaved = {
      truncateFrom: this.#truncateFrom,
      entries: this.slice(this.#unsavedFrom, lastIndex, Number.POSITIVE_INFINITY),
    };
    this.#saving.push({ sequence, lastIndex });
    this.#unsavedFrom = lastIndex + 1;
    this.#truncateFrom = null;
    return unsaved;
  }

  /** Everything handed to the disk up to this request is durable. */
  persisted(sequence: number): void {
    let done = 0;
    for (const saving of this.#saving) {
      if (saving.sequence > sequence) break;
      this.durableIndex = Math.max(this.durableIndex, saving.lastIndex);
      done++;
    }
    this.#saving.splice(0, done);
    this.#shrink();
  }

  #shrink(): void {
    this.#tail.shrink(Math.min(this.appliedIndex, this.durableIndex), this.#tailBytesMax);
  }

  /** A snapshot of this member's own state is durable; the disk keeps entries from `logFrom` on. */
  compact(snapshot: SnapshotMeta, logFrom: number): void {
    assert(snapshot.index <= this.appliedIndex, "a snapshot of what is not applied");
    assert(logFrom <= snapshot.index + 1, "entries gone that no snapshot holds");
    if (snapshot.index <= this.snapshot.index) return; // one from the leader came in between
    assert(this.termAt(snapshot.index) === snapshot.term, "a snapshot of another log");
    this.snapshot = snapshot;
    this.#diskFirst = Math.max(this.#diskFirst, logFrom);
    this.#terms.trim(this.firstIndex - 1);
    this.#history.trim(snapshot.index);
  }

  /** The state was replaced by a leader's snapshot: the log begins again, empty, after it. */
  restart(snapshot: SnapshotMeta): void {
    assert(snapshot.index > this.commitIndex, "a snapshot older than what is committed here");
    this.snapshot = snapshot;
    this.commitIndex = snapshot.index;
    this.appliedIndex = snapshot.index;
    this.durableIndex = snapshot.index;
    this.#tail.clear(snapshot.index + 1);
    this.#terms = new Terms(snapshot);
    this.#history = new ConfigurationHistory(snapshot, []);
    this.#diskFirst = snapshot.index + 1;
    this.#unsavedFrom = snapshot.index + 1;
    this.#truncateFrom = null;
    for (const saving of this.#saving) saving.lastIndex = snapshot.index;
  }

  /** The entries in memory are contiguous, their terms ascend and are those of the index, and what is unsaved is here. */
  checkThoroughly(): void {
    const { lastIndex } = this;
    let { first: index } = this.#tail;
    for (const entry of this.#tail.slice(index, lastIndex, Number.POSITIVE_INFINITY)) {
      assert(entry.index === index, "an entry of the tail stands at another index");
      assert(entry.term === this.#terms.at(index), "an entry has another term than its index");
      assert(entry.term >= this.#terms.at(index - 1), "terms go back along the log");
      index++;
    }
    assert(index === lastIndex + 1, "the tail has a gap");
    assert(this.#unsavedFrom >= this.#tail.first, "an entry left memory before the disk was asked to keep it");
    assert(this.configurationIndex <= lastIndex, "a configuration outlives its entry");
    assert(this.#tail.first <= this.durableIndex + 1, "an entry left memory before it was durable");
  }
}
