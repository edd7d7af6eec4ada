// The barrier: while it is set, those who come to it wait; when it is removed, all of them go on. On ZooKeeper it is
// Curator's DistributedBarrier.

import { type AccessOptions, accessOf } from "./access.ts";
import { bytesOf } from "./bytes.ts";
import type { Engine, HasValues, Value, Versioned, WatchedRead } from "./engine.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

/**
 * It belongs to nobody: it stays set when who set it has gone. Every method fails with a CoordinationError; where the
 * `outcome` of `set` or `remove` is "unknown", it may have been done: ask `isSet`, or do it again.
 */
export class Barrier {
  readonly name: string;
  readonly #engine: Engine;
  readonly #value: Value;
  readonly #what: string;

  constructor(engine: Engine & HasValues, name: string, options: AccessOptions = {}) {
    this.name = name;
    this.#engine = engine;
    this.#what = `barrier ${JSON.stringify(name)}`;
    this.#value = engine.value("barrier", name, accessOf(this.#what, options));
  }

  /** Whoever comes from now on waits. False: it was set already. */
  async set(options: WaitOptions = {}): Promise<boolean> {
    using scope = this.#scope(options, "was not set");
    if (scope.end !== null) throw scope.end;
    return await this.#value.create(NO_DATA, scope.limits());
  }

  /** Lets all go on who wait. False: it was not set. */
  async remove(options: WaitOptions = {}): Promise<boolean> {
    using scope = this.#scope(options, "was not removed");
    if (scope.end !== null) throw scope.end;
    return await this.#value.delete(null, scope.limits());
  }

  /** Whether it is, with everything that was acknowledged to anyone before this was asked. */
  async isSet(options: WaitOptions = {}): Promise<boolean> {
    using scope = this.#scope(options, "was not read");
    return (await scope.until(this.#value.current(true))) !== null;
  }

  /**
   * Waits until it is not set, at once if it is not; a removal is noticed also when it was set again right after. Goes on
   * through lost connections and sessions. Fails with `aborted`, `deadline`, `closed`.
   */
  async wait(options: WaitOptions = {}): Promise<void> {
    using scope = this.#scope(options, "was not passed");
    const found = await scope.until(this.#value.current(true));
    if (found === null) return;
    scope.waitingFor = "its removal";
    for (;;) {
      const watched = await this.#look(scope);
      try {
        // A barrier is not changed: another revision is another barrier, in the place of the one that was removed.
        if (watched.value?.revision !== found.revision) return;
        await scope.until(watched.changed);
      } finally {
        watched.unwatch();
      }
    }
  }

  async #look(scope: WaitScope): Promise<WatchedRead<Versioned | null>> {
    const reading = this.#value.read();
    try {
      return await scope.until(reading);
    } catch (error) {
      reading.then(
        (late) => late.unwatch(),
        () => {},
      );
      throw error;
    }
  }

  #scope(options: WaitOptions, inVain: string): WaitScope {
    return new WaitScope(this.#engine.runtime, this.#what, options, inVain);
  }
}

const NO_DATA = bytesOf("");
