// Log lines about what others do wrong, few however often they do it.

import { performance } from "node:perf_hooks";
import type { Logger } from "../../replica/logger.ts";

const INTERVAL_MS = 10_000;

export class Complaints {
  readonly #logger: Logger;
  readonly #told = new Map<string, { at: number; silenced: number }>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** One line of a kind in ten seconds; the next tells how many were left out. Kinds must be few. */
  tell(kind: string, message: string): void {
    const now = performance.now();
    const last = this.#told.get(kind);
    if (last !== undefined && now - last.at < INTERVAL_MS) {
      last.silenced++;
      return;
    }
    const more = last === undefined || last.silenced === 0 ? "" : ` (and ${last.silenced} more like it before)`;
    this.#told.set(kind, { at: now, silenced: 0 });
    this.#logger.warn(message + more);
  }

  /** What was wrong is right again: the next time is told at once. */
  forget(kind: string): void {
    this.#told.delete(kind);
  }
}
