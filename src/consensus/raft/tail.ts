// The end of the log that is held in memory: what is not yet durable, not yet applied, or likely to be asked for by a
// follower that is a little behind. Older entries are on the disk alone.

import { assert } from "../../base/assert.ts";
import type { Entry } from "./types.ts";

/** What an entry costs besides its payload, so that a flood of empty ones is bounded as well. */
const ENTRY_OVERHEAD_BYTES = 32;

function sizeOf(entry: Entry): number {
  return entry.payload.length + ENTRY_OVERHEAD_BYTES;
}

const DROPPED: Entry = { index: 0, term: 0, kind: "noop", payload: new Uint8Array(0) };

/** Entries [first, next), contiguous. `#ends[i]` counts all bytes up to and including entry i, for sums in one step. */
export class Tail {
  #entries: Entry[] = [];
  #ends: number[] = [];
  #head = 0;
  #first: number;
  #endBefore = 0;

  constructor(first: number) {
    this.#first = first;
  }

  get first(): number {
    return this.#first;
  }

  get next(): number {
    return this.#first + this.#entries.length - this.#head;
  }

  push(entry: Entry): void {
    assert(entry.index === this.next, "a gap in the log");
    this.#ends.push(this.#endAt(this.#entries.length - 1) + sizeOf(entry));
    this.#entries.push(entry);
  }

  /** Entries [from, to] as far as they are here, cut after `bytesMax` but never to none. */
  slice(from: number, to: number, bytesMax: number): readonly Entry[] {
    if (from < this.#first || from > to || from >= this.next) return [];
    const start = this.#at(from);
    const limit = this.#endAt(start - 1) + bytesMax;
    let end = Math.min(this.#at(to) + 1, this.#entries.length);
    if (this.#ends[end - 1]! > limit) {
      end = start + 1;
      while (this.#ends[end]! <= limit) end++;
    }
    return this.#entries.slice(start, end);
  }

  /** The bytes of entries (after, upTo], counting only those here. */
  bytesBetween(after: number, upTo: number): number {
    const from = Math.max(after, this.#first - 1);
    return upTo <= from ? 0 : this.#endAt(this.#at(upTo)) - this.#endAt(this.#at(from));
  }

  truncate(from: number): void {
    if (from >= this.next) return;
    const keep = Math.max(this.#head, this.#at(from));
    this.#entries.length = keep;
    this.#ends.length = keep;
    if (from < this.#first) this.clear(from);
  }

  /** Drops the oldest entries up to `limit` while those up to it take more than `bytesMax`. */
  shrink(limit: number, bytesMax: number): void {
    if (limit < this.#first) return;
    const enough = this.#endAt(this.#at(limit)) - bytesMax;
    if (this.#endBefore >= enough) return;
    while (this.#first <= limit && this.#endBefore < enough) {
      this.#endBefore = this.#ends[this.#head]!;
      this.#entries[this.#head] = DROPPED;
      this.#head++;
      this.#first++;
    }
    if (this.#head > 64 && this.#head * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#head);
      this.#ends.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Begins again, empty, at an index. */
  clear(first: number): void {
    this.#entries = [];
    this.#ends = [];
    this.#head = 0;
    this.#first = first;
    this.#endBefore = 0;
  }

  #at(index: number): number {
    return this.#head + index - this.#first;
  }

  #endAt(position: number): number {
    return position < this.#head ? this.#endBefore : this.#ends[position]!;
  }
}
