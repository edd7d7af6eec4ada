// The end of a turn of the event loop. Everything that came in during the turn is sent, asked and proposed together.

import type { Clock } from "../base/clock.ts";
import type { Lifecycle } from "./lifecycle.ts";

export class TurnEnd {
  readonly #clock: Clock;
  readonly #lifecycle: Lifecycle;
  readonly #flush: () => void;
  #isDue = false;

  constructor(clock: Clock, lifecycle: Lifecycle, flush: () => void) {
    this.#clock = clock;
    this.#lifecycle = lifecycle;
    this.#flush = flush;
  }

  /** Has the flush run once this turn's input is all there. */
  request(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#clock.defer(() => {
      this.#isDue = false;
      this.#lifecycle.guarded(this.#flush);
    });
  }
}
