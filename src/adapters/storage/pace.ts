// Whether the next commit is made on the loop or in the thread pool. A write and sync on the loop costs half the processor
// time and a third less latency (measured: docs/performance.md), as long as the disk answers at once. One answer that
// does not sends the commits to the pool, so a stalled disk holds up heartbeats once, not once a commit.

const SLOW_MS = 2;
const FAST_MS = 1;
const FAST_IN_A_ROW_MIN = 16;
const FAST_IN_A_ROW_MAX = 4096;

export interface Pace {
  readonly isBlocking: boolean;
  /** How long a commit took, made as `isBlocking` said. */
  note(milliseconds: number): void;
}

export class AdaptivePace implements Pace {
  isBlocking = true;
  #fastNeeded = FAST_IN_A_ROW_MIN;
  #fastInARow = 0;

  note(milliseconds: number): void {
    if (this.isBlocking) {
      if (milliseconds < SLOW_MS) this.#settle();
      else this.#retreat();
      return;
    }
    this.#fastInARow = milliseconds < FAST_MS ? this.#fastInARow + 1 : 0;
    if (this.#fastInARow < this.#fastNeeded) return;
    this.isBlocking = true;
    this.#fastInARow = 0;
  }

  /** Each disappointment asks for a longer proof before the loop trusts the disk again. */
  #retreat(): void {
    this.isBlocking = false;
    this.#fastInARow = 0;
    this.#fastNeeded = Math.min(this.#fastNeeded * 2, FAST_IN_A_ROW_MAX);
  }

  #settle(): void {
    if (this.#fastNeeded === FAST_IN_A_ROW_MIN || ++this.#fastInARow < this.#fastNeeded) return;
    this.#fastInARow = 0;
    this.#fastNeeded = Math.max(this.#fastNeeded / 2, FAST_IN_A_ROW_MIN);
  }
}
