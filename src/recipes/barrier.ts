// The barrier: while it is set, everyone who waits on it is blocked; when it is removed, all continue. On ZooKeeper it is
// Curator's DistributedBarrier.

import { type AccessOptions, accessOf } from "./access.ts";
import { bytesOf } from "./bytes.ts";
import type { Engine, HasValues, Value, Versioned, WatchedRead } from "./engine.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

/**
 * A barrier belongs to nobody: it stays set when the program that set it has gone. Every method fails with a CoordinationError.
 * Where the `outcome` of `set` or `remove` is "unknown", it may have been done: ask `isSet`, or repeat the call.
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

  /** From now on everyone who comes waits. False: it was set already. */
  async set(options: WaitOptions = {}): Promise<boolean> {
    using scope = this.#scope(options, "was not set");
    if (scope.end !== null) throw scope.end;
    return await this.#value.create(NO_DATA, scope.limits());
  }

  /** Lets all waiters go on. False: it was not set. */
  async remove(options: WaitOptions = {}): Promise<boolean> {
    using scope = this.#scope(options, "was not removed");
    if (scope.end !== null) throw scope.end;
    return await this.#value.delete(null, scope.limits());
  }

  /** Sees every change that was acknowledged before the call. */
  async isSet(options: WaitOptions = {}): Promise<boolean> {
    using scope = this.#scope(options, "was not read");
    return (await scope.until(this.#value.current(true))) !== null;
  }

  /**
   * Waits until it is not set; returns at once if it is not. Notices a removal also when the barrier was set again right after.
   * Goes on through lost connections and sessions. Fails with `aborted`, `deadline`, `closed`.
   */
  async wait(options: WaitOptions = {}): Promise<void> {
    using scope = this.#scope(options, "was not passed");
    const found = await scope.until(this.#value.current(true));
    if (found === null) return;
    scope.waitingFor = "its removal";
    for (;;) {
      const watched = await this.#read(scope);
      try {
        // A barrier's node never changes: another revision is another barrier, in the place of the removed one.
        if (watched.value?.revision !== found.revision) return;
        await scope.until(watched.changed);
      } finally {
        watched.unwatch();
      }
    }
  }

  async #read(scope: WaitScope): Promise<WatchedRead<Versioned | null>> {
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
