// When a member sends a batch again although nothing says that it was lost: the connection and the leader are the same.
// Most often the batch only takes long, and the leader has it. So one batch is tried, after longer and longer waits. If
// that helps, more was lost, and each try sends twice as many.

const WAIT_MIN_MS = 1000;
const WAIT_MAX_MS = 8000;

export class Retries {
  #since = 0;
  #waitMs = WAIT_MIN_MS;
  #count = 0;
  #hasProgressed = false;

  /** The first batch after none was outstanding. */
  begin(now: number): void {
    this.#since = now;
    this.#waitMs = WAIT_MIN_MS;
    this.#count = 0;
    this.#hasProgressed = false;
  }

  /** A batch was applied. */
  onProgress(now: number): void {
    this.#since = now;
    this.#waitMs = WAIT_MIN_MS;
    this.#hasProgressed = true;
  }

  /** Everything was sent again, because its way was cut. */
  onSentAgain(now: number): void {
    this.begin(now);
  }

  /** How many batches to send again now, the oldest first; 0: none. It is to be done, or to be asked again. */
  due(now: number): number {
    if (now - this.#since <= this.#waitMs) return 0;
    const isHelping = this.#count > 0 && this.#hasProgressed;
    this.#count = isHelping ? this.#count * 2 : 1;
    this.#waitMs = Math.min(2 * this.#waitMs, WAIT_MAX_MS);
    this.#since = now;
    this.#hasProgressed = false;
    return this.#count;
  }
}
