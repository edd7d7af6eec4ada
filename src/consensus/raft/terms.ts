// The term of every entry, stored as runs. A log of millions of entries has few terms, so the terms of entries that have left
// memory cost almost nothing.

import { assert } from "../../base/assert.ts";
import type { LogPosition } from "./types.ts";

/** Runs ascend by index and by term; the first begins at the oldest position still known, mostly a snapshot's. */
export class Terms {
  #runs: LogPosition[];

  constructor(oldest: LogPosition) {
    this.#runs = [{ index: oldest.index, term: oldest.term }];
  }

  get oldestIndex(): number {
    return this.#runs[0]!.index;
  }

  /** The term at an index from the oldest on; the caller knows where the log ends. −1 before the oldest. */
  at(index: number): number {
    const runs = this.#runs;
    for (let i = runs.length - 1; i >= 0; i--) if (runs[i]!.index <= index) return runs[i]!.term;
    return -1;
  }

  /** Notes the term of an appended entry. */
  note(index: number, term: number): void {
    const last = this.#runs.at(-1)!;
    if (last.term === term) return;
    assert(term > last.term && index > last.index, "terms descend along the log");
    this.#runs.push({ index, term });
  }

  truncate(from: number): void {
    assert(from > this.oldestIndex, "the oldest known position was cut off");
    while (this.#runs.at(-1)!.index >= from) this.#runs.pop();
  }

  /** Forgets the terms before `index`. */
  trim(index: number): void {
    const term = this.at(index);
    if (term === -1) return;
    this.#runs = [{ index, term }, ...this.#runs.filter((run) => run.index > index)];
  }

  /** The largest index up to `index` whose term is at most `term`; one before the oldest known, or less, if none is. */
  lastAtMost(index: number, term: number): number {
    const runs = this.#runs;
    let last = index;
    for (let i = runs.length - 1; i >= 0; i--) {
      const run = runs[i]!;
      if (run.index > last) continue;
      if (run.term <= term) return last;
      last = run.index - 1;
    }
    return last;
  }
}
