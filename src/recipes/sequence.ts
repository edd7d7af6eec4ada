// The sequence: numbers that are given out once, each larger than all before.

import { CoordinationError } from "../base/errors.ts";
import { type AccessOptions, accessOf } from "./access.ts";
import { AtomicLong } from "./atomic-long.ts";
import type { Engine, HasValues } from "./engine.ts";
import type { LocalQueues } from "./local-queue.ts";
import type { WaitOptions, WaitScope } from "./wait-scope.ts";

/** Begins with 1. A number whose answer was lost is skipped. */
export class Sequence {
  readonly name: string;
  readonly #long: AtomicLong;

  constructor(engine: Engine & HasValues, name: string, queues: LocalQueues, options: AccessOptions = {}) {
    this.name = name;
    const what = `sequence ${JSON.stringify(name)}`;
    this.#long = new AtomicLong(engine, what, engine.value("sequence", name, accessOf(what, options)), queues);
  }

  /**
   * The next number, larger than every one given before the call. Goes on through lost connections and sessions. Fails with a
   * CoordinationError: `aborted`, `deadline`, `closed`, `rejected`; then a number may have been skipped.
   */
  async next(options: WaitOptions = {}): Promise<bigint> {
    using scope = this.#long.scope(options, "gave no number");
    for (;;) {
      try {
        return (await this.#long.change(scope, (number) => this.#long.checkRange(number + 1n))) + 1n;
      } catch (error) {
        if (!isWorthAnother(error, scope)) throw scope.end ?? error;
      }
    }
  }
}

/** The number may have been taken: it is skipped, and the next one serves as well. */
function isWorthAnother(error: unknown, scope: WaitScope): boolean {
  if (scope.end !== null || !(error instanceof CoordinationError) || error.outcome !== "unknown") return false;
  return error.code !== "closed";
}
