// Latencies in buckets of 1 % width, so that any number of them takes the same memory.

const SMALLEST_MS = 0.001;
const WIDTH = 1.01;
/** Up to about 100 s. */
const BUCKETS = Math.ceil(Math.log(100_000 / SMALLEST_MS) / Math.log(WIDTH));

export class Latencies {
  readonly #counts = new Uint32Array(BUCKETS + 1);
  count = 0;
  maxMs = 0;

  add(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) / Math.log(WIDTH));
    this.#counts[Math.min(bucket, BUCKETS)]!++;
    this.count++;
    if (ms > this.maxMs) this.maxMs = ms;
  }

  /** At most so many milliseconds for this share of them; 0 without any. */
  quantile(share: number): number {
    let left = Math.ceil(share * this.count);
    if (left === 0) return 0;
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0 && bucket < BUCKETS) return Math.min(SMALLEST_MS * WIDTH ** bucket, this.maxMs);
    }
    return this.maxMs;
  }
}
