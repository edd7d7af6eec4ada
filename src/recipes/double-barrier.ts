// The double barrier: so many members begin together, and none goes on at the end before all are through. On ZooKeeper it is
// Curator's DistributedDoubleBarrier.

import type { OptionRules } from "../base/options.ts";
import { ACCESS, type AccessOptions, accessOf } from "./access.ts";
import { ACQUIRE, acquireWith, type Wanted } from "./acquire.ts";
import type { BarrierParticipant, Engine, HasDoubleBarriers } from "./engine.ts";
import { type Grant, GrantHandle, type Handle } from "./handle.ts";
import type { AcquireOptions } from "./lock.ts";
import { COUNT } from "./options.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

export interface DoubleBarrierOptions extends AccessOptions {
  /** How many have to come before they begin. All who use the name have to say the same. More may come, and begin with them. */
  readonly members: number;
}

/** A place inside. It is held as a lock is: its `signal` says when the session is lost, and with it the place. */
export interface BarrierEntry extends Handle {
  /**
   * Waits until all who were inside with it have left as well, or have died. Whatever this comes to, it is out then. Fails as
   * a wait does, and with the signal's reason when the place was lost or given up before.
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
   * Waits until as many are there as have to be. Each call is one member. Fails as `Lock.acquire` does, and has then not been
   * there: who waits no longer is not counted. Where its wait ends just when the others begin with it, it enters all the same.
   * Where the servers are not reached at its end, the error's outcome is "unknown": the others may begin with it. `release` of
   * what it gives goes out without waiting for the others.
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
