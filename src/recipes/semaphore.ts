// The semaphore: a fixed number of permits, first come, first served. On ZooKeeper it is Curator's
// InterProcessSemaphoreV2.

import { OPTION, type OptionRules } from "../base/options.ts";
import { ACCESS, type AccessOptions, accessOf } from "./access.ts";
import type { AcquireOptions } from "./acquire.ts";
import { ACQUIRE, acquire, tryAcquire, type Wanted } from "./acquire.ts";
import { bytesOf } from "./bytes.ts";
import { checkCount } from "./counts.ts";
import type { Contender, Engine, HasSemaphores, Permits } from "./engine.ts";
import { GrantHandle, type Handle } from "./handle.ts";
import { type ContenderInfo, contenderInfos } from "./identity.ts";
import { COUNT, checkOptions } from "./options.ts";
import { runWhileHeld } from "./run.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

export interface SemaphoreOptions extends AccessOptions {
  /** How many permits there are. All programs must use the same number: the servers do not enforce it. */
  readonly permits: number;
}

export interface PermitOptions extends AcquireOptions {
  /** How many are wanted, all at once; 1 unless given. Nobody holds some while waiting for more, so there is no deadlock. */
  readonly count?: number | undefined;
}

/** One who holds permits, or waits for some. */
export interface PermitContenderInfo extends Omit<ContenderInfo, "token"> {
  /** Of its latest grant; null while it waits. */
  readonly token: bigint | null;
  /** How many it holds; of the first that waits, how many it wants; null: of the others this is not known. */
  readonly permits: number | null;
}

const SEMAPHORE: OptionRules<SemaphoreOptions> = { permits: COUNT, ...ACCESS };
const PERMITS: OptionRules<PermitOptions> = { count: OPTION.any, ...ACQUIRE };

export class Semaphore {
  readonly name: string;
  readonly permits: number;
  readonly #engine: Engine;
  readonly #permits: Permits;

  constructor(engine: Engine & HasSemaphores, name: string, options: SemaphoreOptions) {
    const what = `semaphore ${JSON.stringify(name)}`;
    const access = accessOf(what, options, SEMAPHORE);
    const { permits } = options;
    this.name = name;
    this.permits = permits;
    this.#engine = engine;
    this.#permits = engine.semaphore(name, permits, access);
  }

  /** Fails as `Lock.acquire` does. The token is larger than that of every grant before it. */
  async acquire(options: PermitOptions = {}): Promise<Handle> {
    return new GrantHandle(this.#engine, await acquire(this.#engine, this.#wanted(options), options, PERMITS), options);
  }

  /** Null while there are too few, and while another contender is being granted some or waits for some. */
  async tryAcquire(options: PermitOptions = {}): Promise<Handle | null> {
    const grant = await tryAcquire(this.#engine, this.#wanted(options), options, PERMITS);
    return grant === null ? null : new GrantHandle(this.#engine, grant, options);
  }

  /** Who holds permits, and who waits, in order. What one session holds is told together. */
  async contenders(options: WaitOptions = {}): Promise<readonly PermitContenderInfo[]> {
    using scope = new WaitScope(
      this.#engine.runtime,
      `semaphore ${JSON.stringify(this.name)}`,
      options,
      "was not read",
    );
    const view = await scope.until(this.#permits.queue());
    const permits = [...view.holders, ...view.waiting].map((each) => each.permits);
    return contenderInfos(view).map((info, at) => {
      return { ...info, token: info.isHolder ? info.token : null, permits: permits[at]! };
    });
  }

  /** As `Lock.run`. */
  async run<T>(body: (held: Handle) => T | Promise<T>, options: PermitOptions = {}): Promise<T> {
    return runWhileHeld(this.#engine, await this.acquire(options), body);
  }

  #wanted(options: PermitOptions): Wanted<Contender> {
    checkOptions(`semaphore ${JSON.stringify(this.name)}`, options, PERMITS);
    const { count = 1 } = options;
    const what = `${count === 1 ? "a permit" : `${count} permits`} of semaphore ${JSON.stringify(this.name)}`;
    checkCount(what, "count", count, this.permits);
    return {
      what,
      name: this.name,
      contend: (session) => this.#permits.contend(session, count, bytesOf(this.#engine.identity ?? "")),
    };
  }
}
