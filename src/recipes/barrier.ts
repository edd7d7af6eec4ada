// The barrier: while it is set, those who come to it wait; when it is removed, all of them go on. On ZooKeeper it is
// Curator's DistributedBarrier.

import { type AccessOptions, accessOf } from "./access.ts";
import { bytesOf } from "./bytes.ts";
import type { Engine, Glance, HasValues, Value, Versioned } from "./engine.ts";
import { Patience, type WaitOptions } from "./patience.ts";

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
    using patience = this.#patience(options, "was not set");
    if (patience.end !== null) throw patience.end;
    return await this.#value.create(NO_DATA, patience.limits());
  }

  /** Lets all go on who wait. False: it was not set. */
  async remove(options: WaitOptions = {}): Promise<boolean> {
    using patience = this.#patience(options, "was not removed");
    if (patience.end !== null) throw patience.end;
    return await this.#value.delete(null, patience.limits());
  }

  /** Whether it is, with everything that was acknowledged to anyone before this was asked. */
  async isSet(options: WaitOptions = {}): Promise<boolean> {
    using patience = this.#patience(options, "was not read");
    return (await patience.until(this.#value.current(true))) !== null;
  }

  /**
   * Waits until it is not set, at once if it is not; a removal is noticed also when it was set again right after. Goes on
   * through lost connections and sessions. Fails with `aborted`, `deadline`, `closed`.
   */
  async wait(options: WaitOptions = {}): Promise<void> {
    using patience = this.#patience(options, "was not passed");
    const found = await patience.until(this.#value.current(true));
    if (found === null) return;
    patience.waitingFor = "its removal";
    for (;;) {
      const glance = await this.#look(patience);
      try {
        // A barrier is not changed: another revision is another barrier, in the place of the one that was removed.
        if (glance.value?.revision !== found.revision) return;
        await patience.until(glance.changed);
      } finally {
        glance.forget();
      }
    }
  }

  async #look(patience: Patience): Promise<Glance<Versioned | null>> {
    const looking = this.#value.read();
    try {
      return await patience.until(looking);
    } catch (error) {
      looking.then(
        (late) => late.forget(),
        () => {},
      );
      throw error;
    }
  }

  #patience(options: WaitOptions, inVain: string): Patience {
    return new Patience(this.#engine.runtime, this.#what, options, inVain);
  }
}

const NO_DATA = bytesOf("");
