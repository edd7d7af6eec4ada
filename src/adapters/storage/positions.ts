// An index from entries of the log to their positions on the disk. It is sparse: it has a mark every 32 KiB, and a
// reader goes forward from there. It also knows where each term begins.

import { assert } from "../../base/assert.ts";
import type { LogPosition } from "../../consensus/raft/types.ts";
import type { Segment } from "./journal/segment.ts";

const MARK_BYTES = 32 * 1024;

/** Entries [first, last] stand one after another in one segment, none of them replaced by a later one. */
export interface Run {
  readonly segment: Segment;
  readonly first: number;
  readonly last: number;
  /** Pairs: an entry's index, and the offset of the commit that begins with it. */
  readonly marks: number[];
}

/**
 * Invariant: the runs hold every index from `base.index + 1` to `last.index`, each once, in the order of the disk, and
 * `termStarts` tells the term of each.
 */
export class Positions {
  /** What the first entry stands on; its term is −1 where nobody knows any more. */
  base: LogPosition;
  readonly #runs: (Run & { last: number })[] = [];
  readonly #termStarts: LogPosition[] = [];
  /** Whether entries that follow may join the last run: nothing was cut off it. */
  #isRunOpen = false;
  #lastIndex: number;

  constructor(base: LogPosition) {
    this.base = base;
    this.#lastIndex = base.index;
  }

  get last(): LogPosition {
    return { index: this.#lastIndex, term: this.#termStarts.at(-1)?.term ?? this.base.term };
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get termStarts(): readonly LogPosition[] {
    return this.#termStarts;
  }

  /** The next entry's term; `append` then says where it stands. */
  noteTerm(index: number, term: number): void {
    if (this.#termStarts.length > 0 && this.#termStarts[this.#termStarts.length - 1]!.term === term) return;
    assert(term >= this.last.term, "the term of an entry goes back");
    this.#termStarts.push({ index, term });
  }

  /** The entries of one commit, which stands at an offset. */
  append(segment: Segment, offset: number, first: number, last: number): void {
    assert(first === this.#lastIndex + 1 && last >= first, "entries out of order");
    this.#lastIndex = last;
    const run = this.#runs.at(-1);
    if (run === undefined || run.segment !== segment || !this.#isRunOpen) {
      this.#runs.push({ segment, first, last, marks: [first, offset] });
      this.#isRunOpen = true;
      return;
    }
    assert(run.last === first - 1, "a run has no gap");
    run.last = last;
    if (offset - run.marks[run.marks.length - 1]! >= MARK_BYTES) run.marks.push(first, offset);
  }

  /** Entries from `from` on are no more. */
  truncate(from: number): void {
    if (from > this.#lastIndex) return;
    dropFrom(this.#runs, (run) => run.first >= from);
    const run = this.#runs.at(-1);
    if (run !== undefined && run.last >= from) run.last = from - 1;
    dropFrom(this.#termStarts, (start) => start.index >= from);
    if (from <= this.base.index) this.base = { index: from - 1, term: -1 };
    this.#isRunOpen = false;
    this.#lastIndex = from - 1;
    assert(this.base.index <= this.#lastIndex, "a log that ends before it begins");
  }

  /** The log begins again after this position. */
  restart(base: LogPosition): void {
    this.#runs.length = 0;
    this.#termStarts.length = 0;
    this.#isRunOpen = false;
    this.#lastIndex = base.index;
    this.base = base;
  }

  /** A segment was removed; the one after it begins at this base. */
  forget(segment: Segment, base: LogPosition): void {
    while (this.#runs.length > 0 && this.#runs[0]!.segment === segment) this.#runs.shift();
    if (base.index <= this.base.index) return;
    assert(base.index <= this.#lastIndex, "a purge beyond the last entry");
    this.base = base;
    while (this.#termStarts.length > 1 && this.#termStarts[1]!.index <= base.index + 1) this.#termStarts.shift();
  }

  /** Null: no entry of this index is here, or nobody knows its term. */
  termAt(index: number): number | null {
    if (index === this.base.index) return this.base.term === -1 ? null : this.base.term;
    if (index < this.base.index || index > this.#lastIndex) return null;
    return this.#termStarts.findLast((start) => start.index <= index)?.term ?? null;
  }

  /** The run that holds an index, and the offset of a commit at or before it. */
  find(index: number): { run: Run; offset: number } | null {
    const run = this.#runs.findLast((candidate) => candidate.first <= index);
    if (run === undefined || run.last < index) return null;
    const { marks } = run;
    let low = 0;
    let high = marks.length / 2 - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (marks[middle * 2]! <= index) low = middle;
      else high = middle - 1;
    }
    return { run, offset: marks[low * 2 + 1]! };
  }
}

function dropFrom<T>(list: T[], isGone: (element: T) => boolean): void {
  while (list.length > 0 && isGone(list[list.length - 1]!)) list.pop();
}
