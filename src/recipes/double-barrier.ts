// The double barrier: so many members begin together, and none goes on at the end before all are through. On ZooKeeper it is
// Curator's DistributedDoubleBarrier.

import type { OptionRules } from "../base/options.ts";
import { ACCESS, type AccessOptions, accessOf } from "./access.ts";
import { ACQUIRE, acquireWith, type Wanted } from "./acquire.ts";
import type { Attendee, Engine, HasDoubleBarriers } from "./engine.ts";
import { type Grant, type Held, Holding } from "./held.ts";
import type { AcquireOptions } from "./lock.ts";
import { COUNT } from "./options.ts";
import { Patience, type WaitOptions } from "./patience.ts";

export interface DoubleBarrierOptions extends AccessOptions {
  /** How many have to come before they begin. All who use the name have to say the same. More may come, and begin with them. */
  readonly members: number;
}

/** A place inside. It is held as a lock is: its `signal` says when the session is lost, and with it the place. */
export interface Inside extends Held {
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
  readonly #wanted: Wanted<Attendee>;

  constructor(engine: Engine & HasDoubleBarriers, name: string, options: DoubleBarrierOptions) {
    const what = `double barrier ${JSON.stringify(name)}`;
    const access = accessOf(what, options, DOUBLE_BARRIER);
    const { members } = options;
    this.name = name;
    this.members = members;
    this.#engine = engine;
    const meeting = engine.doubleBarrier(name, members, access);
    const waitsFor = (missing: number) => `${missing} more to come`;
    this.#wanted = {
      what,
      name,
      waitsFor,
      contend: (session) => meeting.contend(session),
      withdraw: (attendee) => attendee.withdraw(),
    };
  }

  /**
   * Waits until as many are there as have to be. Each call is one member. Fails as `Lock.acquire` does, and has then not been
   * there: who waits no longer is not counted. Where its wait ends just when the others begin with it, it enters all the same.
   * Where the servers are not reached at its end, the error's outcome is "unknown": the others may begin with it. `release` of
   * what it gives goes out without waiting for the others.
   */
  async enter(options: AcquireOptions = {}): Promise<Inside> {
    using patience = new Patience(this.#engine.runtime, this.#wanted.what, options, "was not entered", ACQUIRE);
    const grant = await acquireWith(this.#engine, this.#wanted, patience);
    return new Member(this.#engine, grant, options);
  }
}

class Member extends Holding implements Inside {
  readonly #engine: Engine;
  readonly #what: string;
  readonly #attendee: Attendee;

  constructor(engine: Engine, grant: Grant & { readonly contender: Attendee }, options: AcquireOptions) {
    super(engine, grant, options);
    this.#engine = engine;
    this.#what = grant.what;
    this.#attendee = grant.contender;
  }

  async leave(options: WaitOptions = {}): Promise<void> {
    this.assertHeld();
    using patience = new Patience(this.#engine.runtime, this.#what, options, "was not left by all");
    patience.standOn(this.session);
    try {
      for (;;) {
        patience.waitingFor = "the servers";
        const departure = await patience.until(this.#attendee.depart());
        if (departure.kind === "over") break;
        patience.waitingFor = `${departure.inside} still inside`;
        await patience.until(departure.changed);
      }
    } catch (error) {
      void this[Symbol.asyncDispose]();
      throw error;
    }
    await this.release();
  }
}
