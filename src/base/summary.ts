// A summary of measured values: count, sum, least and greatest since the start or the last reset, and quantiles of
// about the last ten minutes. Adding one costs a few increments and never allocates; memory is bounded whatever is added. The
// quantiles come from a log-linear histogram: each is within 1/32 of the value it stands for.

/** Each power of two is cut into so many buckets: half of one is the error of a quantile. */
const BUCKETS_PER_OCTAVE = 16;
const OCTAVE_BITS = 4;
/** Values are counted in parts of 1/1024: of a millisecond, that is about a microsecond. */
const PARTS = 1024;
/** The largest that has a bucket of its own, in parts; what is above counts there. */
const PARTS_MAX = 2 ** 31 - 1;
const BUCKETS = (31 - OCTAVE_BITS + 1) * BUCKETS_PER_OCTAVE;
/** Quantiles forget in steps: of so many windows the oldest is dropped as a new one begins. */
const WINDOWS = 5;
const WINDOW_MS = 120_000;

/** What can be read of one. */
export interface SummaryFacts {
  readonly count: number;
  readonly sum: number;
  /** The latest value. 0 while nothing was counted, as with the least and the greatest. */
  readonly last: number;
  readonly min: number;
  readonly max: number;
  readonly average: number;
  /** The value that the share `share` (0 to 1) of the last ten minutes' values does not exceed; NaN: there were none. */
  quantile(share: number): number;
}

export class Summary implements SummaryFacts {
  count = 0;
  sum = 0;
  last = 0;
  max = 0;
  #min = Number.POSITIVE_INFINITY;
  readonly #now: () => number;
  readonly #counts = new Uint32Array(WINDOWS * BUCKETS);
  /** Which stretch of `WINDOW_MS` the newest window stands for, where it ends, and where its counts begin. */
  #period = 0;
  #periodEnd = 0;
  #newest = 0;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#begin(Math.floor(now() / WINDOW_MS));
  }

  get min(): number {
    return this.count === 0 ? 0 : this.#min;
  }

  get average(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /** Counts a value, measured at `now`, for callers who know the time already. A negative one counts as 0. */
  add(value: number, now = this.#now()): void {
    const counted = value > 0 ? value : 0;
    this.count += 1;
    this.sum += counted;
    this.last = counted;
    if (counted < this.#min) this.#min = counted;
    if (counted > this.max) this.max = counted;
    if (now >= this.#periodEnd) this.#turn(now);
    const place = this.#newest + bucketOf(counted);
    this.#counts[place] = this.#counts[place]! + 1;
  }

  quantile(share: number): number {
    this.#turn(this.#now());
    let total = 0;
    for (const count of this.#counts) total += count;
    if (total === 0) return Number.NaN;
    let rest = Math.max(1, Math.ceil(share * total));
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      for (let window = 0; window < WINDOWS; window++) rest -= this.#counts[window * BUCKETS + bucket]!;
      if (rest <= 0) return Math.min(this.max, Math.max(this.min, middleOf(bucket)));
    }
    return this.max;
  }

  reset(): void {
    this.count = 0;
    this.sum = 0;
    this.last = 0;
    this.max = 0;
    this.#min = Number.POSITIVE_INFINITY;
    this.#counts.fill(0);
  }

  /** Begins a new window when its time has come, and empties those whose time was over meanwhile. */
  #turn(now: number): void {
    if (now < this.#periodEnd) return;
    const period = Math.floor(now / WINDOW_MS);
    const stale = Math.min(period - this.#period, WINDOWS);
    for (let step = 0; step < stale; step++) {
      const start = ((period - step) % WINDOWS) * BUCKETS;
      this.#counts.fill(0, start, start + BUCKETS);
    }
    this.#begin(period);
  }

  #begin(period: number): void {
    this.#period = period;
    this.#periodEnd = (period + 1) * WINDOW_MS;
    this.#newest = (period % WINDOWS) * BUCKETS;
  }
}

function bucketOf(value: number): number {
  const parts = Math.min(value * PARTS, PARTS_MAX) | 0;
  if (parts < BUCKETS_PER_OCTAVE) return parts;
  const shift = 31 - Math.clz32(parts) - OCTAVE_BITS;
  return shift * BUCKETS_PER_OCTAVE + (parts >>> shift);
}

function middleOf(bucket: number): number {
  if (bucket < BUCKETS_PER_OCTAVE) return bucket / PARTS;
  const shift = Math.floor(bucket / BUCKETS_PER_OCTAVE) - 1;
  const from = (bucket - shift * BUCKETS_PER_OCTAVE) * 2 ** shift;
  return (from + 2 ** shift / 2) / PARTS;
}
