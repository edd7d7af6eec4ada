// One number that many change, each change as one: read it, write the next if nobody was faster, else read again. What
// counters and sequences stand on. On ZooKeeper it is the node of Curator's DistributedAtomicLong.

import { CoordinationError, type CoordinationErrorCode } from "../base/errors.ts";
import type { Engine, Value, Versioned } from "./engine.ts";
import { messageOf } from "./handle.ts";
import type { LocalQueues } from "./local-queue.ts";
import { bytesOfLong, isLong, longOf } from "./long.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

export class AtomicLong {
  /** As errors speak of it: `counter "hits"`. */
  readonly what: string;
  readonly value: Value;
  readonly #engine: Engine;
  readonly #queues: LocalQueues;

  constructor(engine: Engine, what: string, value: Value, queues: LocalQueues) {
    this.what = what;
    this.value = value;
    this.#engine = engine;
    this.#queues = queues;
  }

  scope(options: WaitOptions, inVain: string): WaitScope {
    return new WaitScope(this.#engine.runtime, this.what, options, inVain);
  }

  /** 0 while nobody has set it. */
  numberIn(found: Versioned | null): bigint {
    if (found === null) return 0n;
    const number = longOf(found.data);
    if (number !== null) return number;
    const why = `it holds ${found.data.length} bytes, not a number's 8: something else writes at its place`;
    throw new CoordinationError("rejected", "not-applied", `${this.what}: ${why}`);
  }

  /**
   * `next` is asked for what follows a number until it is written, or until it says null: then nothing is. Gives the number
   * before, of which it knows that it was the last one. Fails with the outcome "unknown" when no answer to the
   * write came; it is not written again then, for it might count twice.
   *
   * Those of one process take turns, so that they do not make each other begin anew.
   */
  async change(scope: WaitScope, next: (number: bigint) => bigint | null): Promise<bigint> {
    scope.waitingFor = "another of this process";
    const leave = await this.#queues.of(this.what).enter(scope);
    try {
      scope.waitingFor = "the servers";
      // The first reading may be old: then the write is refused. That there is nothing to write has to be certain.
      for (let isFresh = false; ; ) {
        const found = await scope.until(this.value.current(isFresh));
        const number = this.numberIn(found);
        const following = next(number);
        if (following === null && isFresh) return number;
        isFresh = following === null;
        if (following !== null && (await this.#write(scope, found, following))) return number;
      }
    } finally {
      leave();
    }
  }

  async #write(scope: WaitScope, found: Versioned | null, number: bigint): Promise<boolean> {
    const data = bytesOfLong(number);
    try {
      if (found === null) return await this.value.create(data, scope.limits());
      return await this.value.replace(found.version, data, scope.limits());
    } catch (error) {
      if (!(error instanceof CoordinationError)) throw error;
      if (error.outcome !== "unknown") {
        // The next reading waits for a connection, as long as its asker does.
        if (PASSING.has(error.code)) return false;
        throw scope.end ?? error;
      }
      const why = `whether ${number} was written is unknown, read it to see: ${messageOf(error)}`;
      throw new CoordinationError(error.code, "unknown", `${this.what}: ${why}`, { cause: error });
    }
  }

  /** Before anything is asked. */
  checkLong(option: string, value: unknown): void {
    if (isLong(value)) return;
    const shown = typeof value === "bigint" ? "" : `, not ${typeof value === "number" ? value : typeof value}`;
    const why = `${option} is a bigint that fits into 64 bits with its sign${shown}`;
    throw new CoordinationError("rejected", "not-applied", `${this.what}: ${why}`);
  }

  checkRange(number: bigint): bigint {
    if (isLong(number)) return number;
    const why = `${number} does not fit into 64 bits with a sign, which is all that it can hold`;
    throw new CoordinationError("rejected", "not-applied", `${this.what}: ${why}`);
  }
}

/** It had not left when its connection or session went, or nobody was there to take it: there may be others. */
const PASSING: ReadonlySet<CoordinationErrorCode> = new Set(["connection-lost", "deadline", "session-expired"]);
