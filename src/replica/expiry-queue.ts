// The leader's queue of lease deadlines, in buckets. Its time consists of ticks. A stalled loop or disk adds nothing to it, so
// no lease ends while its renewals may be waiting unread.

const BUCKET_MS = 100;

export class ExpiryQueue {
  /** The longest step in which time passes: what is renewed between two steps is renewed that much later than it seems. */
  readonly #stepMaxMs: number;
  #now = 0;
  /** Deadline of each lease; the bucket it stands in may be an earlier one, corrected when that bucket comes up. */
  readonly #deadlines = new Map<number, number>();
  /** The bucket in which each lease is looked for; in others it may stand as well, and is passed over. */
  readonly #places = new Map<number, number>();
  readonly #buckets = new Map<number, number[]>();
  #nextBucket = 0;

  constructor(stepMaxMs = 0) {
    this.#stepMaxMs = stepMaxMs;
  }

  /** Begins the full time of a lease, new or known. */
  renew(lease: number, timeoutMs: number): void {
    const deadline = this.#now + timeoutMs + this.#stepMaxMs;
    this.#deadlines.set(lease, deadline);
    const place = this.#places.get(lease);
    if (place === undefined || this.#bucketOf(deadline) < place) this.#place(lease, deadline);
  }

  /** How much of its time is left, at least 0; null: it is not in the queue. */
  remainingMs(lease: number): number | null {
    const deadline = this.#deadlines.get(lease);
    return deadline === undefined ? null : Math.max(0, Math.floor(deadline - this.#stepMaxMs - this.#now));
  }

  forget(lease: number): void {
    this.#deadlines.delete(lease);
    this.#places.delete(lease);
  }

  clear(): void {
    this.#deadlines.clear();
    this.#places.clear();
    this.#buckets.clear();
  }

  /** Lets time pass, and returns the leases that ran out; each is returned again later if it is not forgotten. */
  advance(milliseconds: number): number[] {
    this.#now += milliseconds;
    const expired: number[] = [];
    for (; (this.#nextBucket + 1) * BUCKET_MS <= this.#now; this.#nextBucket++) {
      const bucket = this.#buckets.get(this.#nextBucket);
      if (bucket === undefined) continue;
      this.#buckets.delete(this.#nextBucket);
      for (const lease of bucket) if (this.#places.get(lease) === this.#nextBucket) this.#settle(lease, expired);
    }
    return expired;
  }

  #settle(lease: number, expired: number[]): void {
    const deadline = this.#deadlines.get(lease)!;
    if (deadline > this.#now) {
      this.#place(lease, deadline);
      return;
    }
    expired.push(lease);
    this.#deadlines.set(lease, this.#now + EXPIRE_AGAIN_MS);
    this.#place(lease, this.#now + EXPIRE_AGAIN_MS);
  }

  #place(lease: number, deadline: number): void {
    const index = this.#bucketOf(deadline);
    this.#places.set(lease, index);
    const bucket = this.#buckets.get(index);
    if (bucket === undefined) this.#buckets.set(index, [lease]);
    else bucket.push(lease);
  }

  /** One that is past its time comes up next. */
  #bucketOf(deadline: number): number {
    return Math.max(this.#nextBucket, Math.ceil(deadline / BUCKET_MS));
  }
}

/** A proposal to expire may be lost with a leader's term; it is made again this much later. */
const EXPIRE_AGAIN_MS = 1000;
