// A limit on warnings that strangers can cause. In each tick a few are logged one by one, and of the others only the number, so
// that they cannot fill the log.

import type { Logger } from "../base/logger.ts";

export class RationedWarnings {
  readonly #logger: Logger;
  readonly #perTick: number;
  readonly #what: string;
  #count = 0;

  /** `what` names many of them: "connections closed". */
  constructor(logger: Logger, perTick: number, what: string) {
    this.#logger = logger;
    this.#perTick = perTick;
    this.#what = what;
  }

  warn(line: () => string): void {
    this.#count += 1;
    if (this.#count <= this.#perTick) this.#logger.warn(line());
  }

  endTick(): void {
    const unlogged = this.#count - this.#perTick;
    if (unlogged > 0) this.#logger.warn(`${unlogged} more ${this.#what}, for reasons like those above`);
    this.#count = 0;
  }
}
