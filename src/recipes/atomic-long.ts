// A number that is changed by compare-and-set: read it, write the next value if nobody was faster, else read again. Counters
// and sequences are made of it. On ZooKeeper it is the node of Curator's DistributedAtomicLong.

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
   * Writes what `next` returns for the current number; where `next` returns null, nothing is written. `next` is called again
   * when another was faster. Returns the number before the change. Fails with the outcome "unknown" when the write got no
   * answer; it is not repeated then, because it might count twice.
   *
   * Callers of one process take turns, so that they do not make each other start again.
   */
  async change(scope: WaitScope, next: (number: bigint) => bigint | null): Promise<bigint> {
    scope.waitingFor = "another of this process";
    const leave = await this.#queues.of(this.what).enter(scope);
    try {
      scope.waitingFor = "the servers";
      // The first read may be old: then the write is refused. That there is nothing to write must be certain.
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
        // The next read waits for a connection, as long as its caller does.
        if (PASSING.has(error.code)) return false;
        throw scope.end ?? error;
      }
      const why = `whether ${number} was written is unknown, read it to see: ${messageOf(error)}`;
      throw new CoordinationError(error.code, "unknown", `${this.what}: ${why}`, { cause: error });
    }
  }

  /** The number as it is kept; refused before anything is asked where it is none. */
  longOf(option: string, value: unknown): bigint {
    const long = Number.isSafeInteger(value) ? BigInt(value as number) : value;
    if (isLong(long)) return long;
    const shown = typeof value === "bigint" ? "" : `, not ${typeof value === "number" ? value : typeof value}`;
    const why = `${option} is a whole number, or a bigint that fits into 64 bits with its sign${shown}`;
    throw new CoordinationError("rejected", "not-applied", `${this.what}: ${why}`);
  }

  checkRange(number: bigint): bigint {
    if (isLong(number)) return number;
    const why = `${number} does not fit into 64 bits with a sign, which is all that it can hold`;
    throw new CoordinationError("rejected", "not-applied", `${this.what}: ${why}`);
  }
}

/** The write was not sent, because there was no connection or session: the next one may take it. */
const PASSING: ReadonlySet<CoordinationErrorCode> = new Set(["connection-lost", "deadline", "session-expired"]);
