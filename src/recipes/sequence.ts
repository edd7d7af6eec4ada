// The sequence: numbers that are given once, each larger than all before it, to whoever asks.

import { CoordinationError } from "../base/errors.ts";
import { type AccessOptions, accessOf } from "./access.ts";
import { AtomicLong } from "./atomic-long.ts";
import type { Engine, HasValues } from "./engine.ts";
import type { LocalQueues } from "./local-queue.ts";
import type { WaitOptions, WaitScope } from "./wait-scope.ts";

/** It begins with 1. It may skip numbers: one whose answer was lost is not given to anybody. */
export class Sequence {
  readonly name: string;
  readonly #long: AtomicLong;

  constructor(engine: Engine & HasValues, name: string, queues: LocalQueues, options: AccessOptions = {}) {
    this.name = name;
    const what = `sequence ${JSON.stringify(name)}`;
    this.#long = new AtomicLong(engine, what, engine.value("sequence", name, accessOf(what, options)), queues);
  }

  /**
   * The next number, larger than every one that was given before this was asked. Goes on through lost connections and
   * sessions. Fails with a CoordinationError: `aborted`, `deadline`, `closed`, `rejected`; a number is skipped at most.
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

/** It may have been taken, and then nobody has it: the next one does as well. */
function isWorthAnother(error: unknown, scope: WaitScope): boolean {
  if (scope.end !== null || !(error instanceof CoordinationError) || error.outcome !== "unknown") return false;
  return error.code !== "closed";
}
