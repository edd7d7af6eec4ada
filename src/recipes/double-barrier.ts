// The double barrier: a number of participants begin together, and none continues at the end before all have finished. On
// ZooKeeper it is Curator's DistributedDoubleBarrier.

import type { OptionRules } from "../base/options.ts";
import { ACCESS, type AccessOptions, accessOf } from "./access.ts";
import type { AcquireOptions } from "./acquire.ts";
import { ACQUIRE, acquireWith, type Wanted } from "./acquire.ts";
import type { BarrierParticipant, Engine, HasDoubleBarriers } from "./engine.ts";
import { type Grant, GrantHandle, type Handle } from "./handle.ts";
import { COUNT } from "./options.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

export interface DoubleBarrierOptions extends AccessOptions {
  /** How many must come before they begin. All must use the same number. More may come, and begin at once. */
  readonly members: number;
}

/** A place inside, held as a lock is: its `signal` aborts when the place is lost with its session. */
export interface BarrierEntry extends Handle {
  /**
   * Leaves, and waits until all who were inside with it have left or died. It is out afterwards also when this fails. Fails as a
   * wait does, and with the signal's reason when the place was lost or released before.
   */
  leave(options?: WaitOptions): Promise<void>;
}

const DOUBLE_BARRIER: OptionRules<DoubleBarrierOptions> = { members: COUNT, ...ACCESS };

export class DoubleBarrier {
  readonly name: string;
  readonly members: number;
  readonly #engine: Engine;
  readonly #wanted: Wanted<BarrierParticipant>;

  constructor(engine: Engine & HasDoubleBarriers, name: string, options: DoubleBarrierOptions) {
    const what = `double barrier ${JSON.stringify(name)}`;
    const access = accessOf(what, options, DOUBLE_BARRIER);
    const { members } = options;
    this.name = name;
    this.members = members;
    this.#engine = engine;
    const doubleBarrier = engine.doubleBarrier(name, members, access);
    const waitsFor = (missing: number) => `${missing} more to come`;
    this.#wanted = {
      what,
      name,
      waitsFor,
      contend: (session) => doubleBarrier.contend(session),
      cancel: (participant) => participant.cancelEntry(),
    };
  }

  /**
   * Waits until enough members are there. Each call is one member. Fails as `Lock.acquire` does, or with a refusal by the
   * servers: with the outcome "not-applied" it was not counted, and never will be. The outcome is "unknown" where its node
   * could not be removed: then the others may begin with it. When its wait ends just as the others begin with it, it enters.
   * `release` of the handle goes out without waiting for the others.
   */
  async enter(options: AcquireOptions = {}): Promise<BarrierEntry> {
    using scope = new WaitScope(this.#engine.runtime, this.#wanted.what, options, "was not entered", ACQUIRE);
    const grant = await acquireWith(this.#engine, this.#wanted, scope);
    return new EntryHandle(this.#engine, grant, options);
  }
}

class EntryHandle extends GrantHandle implements BarrierEntry {
  readonly #engine: Engine;
  readonly #what: string;
  readonly #participant: BarrierParticipant;

  constructor(engine: Engine, grant: Grant & { readonly contender: BarrierParticipant }, options: AcquireOptions) {
    super(engine, grant, options);
    this.#engine = engine;
    this.#what = grant.what;
    this.#participant = grant.contender;
  }

  async leave(options: WaitOptions = {}): Promise<void> {
    this.assertHeld();
    using scope = new WaitScope(this.#engine.runtime, this.#what, options, "was not left by all");
    scope.bindTo(this.session);
    try {
      for (;;) {
        scope.waitingFor = "the servers";
        const progress = await scope.until(this.#participant.leave());
        if (progress.kind === "over") break;
        scope.waitingFor = `${progress.inside} still inside`;
        await scope.until(progress.changed);
      }
    } catch (error) {
      void this[Symbol.asyncDispose]();
      throw error;
    }
    await this.release();
  }
}
