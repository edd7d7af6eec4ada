// Growing pauses between two tries of what the servers refuse: a disk may have room again, an access list may change.

import type { Engine } from "./engine.ts";
import { pause } from "./wait-scope.ts";

const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 30_000;

export class Backoff {
  readonly #engine: Engine;
  readonly #minMs: number;
  #milliseconds: number;

  constructor(engine: Engine, minMs = RETRY_MS_MIN) {
    this.#engine = engine;
    this.#minMs = minMs;
    this.#milliseconds = minMs;
  }

  /** Until it is time for the next try; ends early with the signal, and when the engine is closed. Never fails. */
  async next(signal?: AbortSignal): Promise<void> {
    const milliseconds = this.#milliseconds;
    this.#milliseconds = Math.min(RETRY_MS_MAX, 2 * milliseconds);
    await pause(this.#engine, milliseconds, signal);
  }

  /** The try succeeded: the pauses begin small again. */
  reset(): void {
    this.#milliseconds = this.#minMs;
  }
}
