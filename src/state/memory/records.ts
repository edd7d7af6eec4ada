// Records of a fixed number of fields in typed arrays: a million of them are a few hundred arrays to the garbage collector,
// which would otherwise stop the member to visit them, and none of their numbers is an object. Grows by segments, so
// that nothing is ever copied. Record 0 is none.

import { assert } from "../../base/assert.ts";

const SEGMENT_BITS = 12;
const SEGMENT_SIZE = 1 << SEGMENT_BITS;
const SEGMENT_MASK = SEGMENT_SIZE - 1;

/** Invariant: a record is in use, or in the list of released ones, or was never given. */
export class Records {
  readonly #doubles: Float64Array[] = [];
  readonly #integers: Int32Array[] = [];
  /** Doubles that a record takes; two integers take the place of one. */
  readonly #stride: number;
  #next = 1;
  /** The last record released; each keeps the one before in its first integer. */
  #released = 0;
  #size = 0;

  /** Integers come after the doubles: with `doubles` = 6 the first integer is field 12. */
  constructor(doubles: number, integers: number) {
    this.#stride = doubles + Math.ceil(integers / 2);
  }

  /** Records in use. */
  get size(): number {
    return this.#size;
  }

  /** A new record with all fields 0. */
  allocate(): number {
    this.#size++;
    const reused = this.#released;
    if (reused === 0) {
      const fresh = this.#next++;
      if (fresh >>> SEGMENT_BITS >= this.#doubles.length) this.#grow();
      return fresh;
    }
    this.#released = this.integer(reused, 0);
    const start = (reused & SEGMENT_MASK) * this.#stride;
    this.#doubles[reused >>> SEGMENT_BITS]!.fill(0, start, start + this.#stride);
    return reused;
  }

  release(record: number): void {
    assert(record > 0 && record < this.#next && this.#size > 0, "a record that is in use is released");
    this.#size--;
    this.setInteger(record, 0, this.#released);
    this.#released = record;
  }

  double(record: number, field: number): number {
    return this.#doubles[record >>> SEGMENT_BITS]![(record & SEGMENT_MASK) * this.#stride + field]!;
  }

  setDouble(record: number, field: number, value: number): void {
    this.#doubles[record >>> SEGMENT_BITS]![(record & SEGMENT_MASK) * this.#stride + field] = value;
  }

  /** Adds to a field and to the one behind it. */
  addDoubles(record: number, field: number, some: number, more: number): void {
    const doubles = this.#doubles[record >>> SEGMENT_BITS]!;
    const at = (record & SEGMENT_MASK) * this.#stride + field;
    doubles[at] = doubles[at]! + some;
    doubles[at + 1] = doubles[at + 1]! + more;
  }

  integer(record: number, field: number): number {
    return this.#integers[record >>> SEGMENT_BITS]![(record & SEGMENT_MASK) * this.#stride * 2 + field]!;
  }

  setInteger(record: number, field: number, value: number): void {
    this.#integers[record >>> SEGMENT_BITS]![(record & SEGMENT_MASK) * this.#stride * 2 + field] = value;
  }

  #grow(): void {
    const doubles = new Float64Array(SEGMENT_SIZE * this.#stride);
    this.#doubles.push(doubles);
    this.#integers.push(new Int32Array(doubles.buffer));
  }
}
