// The lock: one holder at a time, first come, first served. On ZooKeeper it is Curator's InterProcessMutex.

import { type AccessOptions, accessOf } from "./access.ts";
import { ACQUIRE, type AcquireOptions, acquireWith, tryAcquire, type Wanted } from "./acquire.ts";
import { bytesOf } from "./bytes.ts";
import type { Contender, Engine, HasMutexes, Mutex } from "./engine.ts";
import { GrantHandle, type Handle } from "./handle.ts";
import { type ContenderInfo, contenderInfos } from "./identity.ts";
import type { LocalQueues } from "./local-queue.ts";
import { checkOptions } from "./options.ts";
import { runWhileHeld } from "./run.ts";
import { traced } from "./traced.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

/**
 * A lock by its name. Not reentrant: JavaScript has no threads that could own it, so a holder that acquires it again waits for
 * itself. Waiters of one process queue inside the process; only one of them at a time is in the queue on the servers.
 */
export class Lock {
  readonly name: string;
  readonly #engine: Engine;
  readonly #wanted: Wanted<Contender>;
  readonly #queues: LocalQueues;
  readonly #mutex: Mutex;

  constructor(engine: Engine & HasMutexes, name: string, queues: LocalQueues, options: AccessOptions = {}) {
    this.name = name;
    this.#engine = engine;
    this.#queues = queues;
    const what = `lock ${JSON.stringify(name)}`;
    const mutex = engine.mutex(name, accessOf(what, options));
    this.#mutex = mutex;
    const identity = bytesOf(engine.identity ?? "");
    this.#wanted = { what, name, contend: (session) => mutex.contend(session, identity) };
  }

  /**
   * Waits until it is held. Fails with a CoordinationError: `aborted`, `deadline` (`timeoutMs`), `session-expired` (its place
   * in the queue went with the session: acquire again), `closed`.
   */
  acquire(options: AcquireOptions = {}): Promise<Handle> {
    return traced(this.#engine, this.#wanted, () => this.#acquire(options));
  }

  async #acquire(options: AcquireOptions): Promise<Handle> {
    using scope = new WaitScope(this.#engine.runtime, this.#wanted.what, options, undefined, ACQUIRE);
    scope.waitingFor = "another of this process";
    const leave = await this.#queues.of(this.name).enter(scope);
    try {
      const grant = await acquireWith(this.#engine, this.#wanted, scope, options.onWaiting);
      return new GrantHandle(this.#engine, grant, options, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Null when it is held, or waited for, by another. */
  async tryAcquire(options: AcquireOptions = {}): Promise<Handle | null> {
    checkOptions(this.#wanted.what, options, ACQUIRE); // also where another caller in this process has it
    const leave = this.#queues.of(this.name).tryEnter();
    if (leave === null) return null;
    try {
      const grant = await tryAcquire(this.#engine, this.#wanted, options);
      if (grant !== null) return new GrantHandle(this.#engine, grant, options, leave);
    } catch (error) {
      leave();
      throw error;
    }
    leave();
    return null;
  }

  /** Who holds it, first, and who waits, in order: of this library, Curator and kazoo. A process shows one of its waiters. */
  async contenders(options: WaitOptions = {}): Promise<readonly ContenderInfo[]> {
    using scope = new WaitScope(this.#engine.runtime, this.#wanted.what, options, "was not read");
    return contenderInfos(await scope.until(this.#mutex.queue(scope.signal)));
  }

  /**
   * Runs `body` while it is held, and releases it. When it is lost the returned promise fails at once with the
   * `LockLostError`, whether or not the body stops at `held.signal`. The body's error wins over one of the release.
   */
  async run<T>(body: (held: Handle) => T | Promise<T>, options: AcquireOptions = {}): Promise<T> {
    return runWhileHeld(this.#engine, await this.acquire(options), body);
  }
}
