// A limit on the lines that callers without the token can cause in a member's log: a few in each period, and of the others the number.

import { type After, quietAfter } from "../adapters/timers.ts";
import type { Logger } from "../base/logger.ts";
import { RationedWarnings } from "../transport/rationed-warnings.ts";

const PERIOD_MS = 10_000;
const LINES_PER_PERIOD_MAX = 20;

export class RationedRefusals {
  readonly #warnings: RationedWarnings;
  readonly #after: After;
  #isInPeriod = false;

  constructor(log: Logger, after: After = quietAfter) {
    this.#warnings = new RationedWarnings(log, LINES_PER_PERIOD_MAX, "requests of operators refused");
    this.#after = after;
  }

  warn(line: string): void {
    this.#warnings.warn(() => line);
    if (this.#isInPeriod) return;
    this.#isInPeriod = true;
    this.#after(PERIOD_MS, () => {
      this.#isInPeriod = false;
      this.#warnings.endTick();
    });
  }
}
