// Warnings of one kind that strangers can cause: so many are logged one by one in a tick, of more only the number, so that
// ten thousand strangers are not a full log.

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
