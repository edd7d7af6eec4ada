// Warnings about other members' mistakes: only a few are logged, however many there are.

import type { Logger } from "../../base/logger.ts";

const INTERVAL_MS = 10_000;

export class RateLimitedWarnings {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #given = new Map<string, { at: number; suppressed: number }>();

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** One line of a kind in ten seconds; the next tells how many were left out. Kinds must be few. */
  warn(kind: string, message: string): void {
    const now = this.#now();
    const last = this.#given.get(kind);
    if (last !== undefined && now - last.at < INTERVAL_MS) {
      last.suppressed++;
      return;
    }
    const more = last === undefined || last.suppressed === 0 ? "" : ` (and ${last.suppressed} more like it before)`;
    this.#given.set(kind, { at: now, suppressed: 0 });
    this.#logger.warn(message + more);
  }

  /** What was wrong is right again: the next warning of this kind is given at once. */
  reset(kind: string): void {
    this.#given.delete(kind);
  }
}
