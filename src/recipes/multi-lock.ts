// Several locks as one: all of them or none.

import { CoordinationError } from "../base/errors.ts";
import type { AcquireOptions } from "./acquire.ts";
import { ACQUIRE } from "./acquire.ts";
import type { Engine, Runtime } from "./engine.ts";
import type { Handle, HandleState } from "./handle.ts";
import { INSPECT, shownHandle } from "./handle-text.ts";
import type { Lock } from "./lock.ts";
import { checkOptions } from "./options.ts";
import { runWhileHeld } from "./run.ts";

/** Either all are held, or none: when one is lost, the others are released. */
export interface MultiLockHandle extends Handle {
  /** Each lock's own handle, by name: fence what a lock guards with that lock's token. */
  readonly all: ReadonlyMap<string, Handle>;
  /** The largest of their tokens. */
  readonly token: bigint;
}

/** Locks are acquired in the order of their names, so two multi-locks that overlap never deadlock. */
export class MultiLock {
  readonly names: readonly string[];
  readonly #engine: Engine;
  readonly #locks: readonly Lock[];

  constructor(engine: Engine, locks: readonly Lock[]) {
    const byName = new Map(locks.map((lock) => [lock.name, lock]));
    if (locks.length === 0 || byName.size !== locks.length) {
      const why = locks.length === 0 ? "it has no locks" : "a name is in it twice";
      throw new CoordinationError("rejected", "not-applied", `multi-lock: ${why}`);
    }
    this.#engine = engine;
    this.names = [...byName.keys()].sort();
    this.#locks = this.names.map((name) => byName.get(name)!);
  }

  get #what(): string {
    return `multi-lock ${JSON.stringify(this.names)}`;
  }

  /** `timeoutMs` is for all of them together. Fails as `Lock.acquire` does; those acquired by then are released. */
  async acquire(options: AcquireOptions = {}): Promise<MultiLockHandle> {
    checkOptions(this.#what, options, ACQUIRE);
    const remaining = countdown(this.#engine.runtime, options);
    const held = await this.#each((lock) => lock.acquire({ ...options, ...remaining() }));
    return new MultiHolding(held!);
  }

  /** Null when one of them is held, or waited for, by another. */
  async tryAcquire(options: AcquireOptions = {}): Promise<MultiLockHandle | null> {
    checkOptions(this.#what, options, ACQUIRE);
    const remaining = countdown(this.#engine.runtime, options);
    const held = await this.#each((lock) => lock.tryAcquire({ ...options, ...remaining() }));
    return held === null ? null : new MultiHolding(held);
  }

  /** As `Lock.run`. */
  async run<T>(body: (held: MultiLockHandle) => T | Promise<T>, options: AcquireOptions = {}): Promise<T> {
    return runWhileHeld(this.#engine, await this.acquire(options), body);
  }

  async #each(acquire: (lock: Lock) => Promise<Handle | null>): Promise<Handle[] | null> {
    const all: Handle[] = [];
    const giveBack = () => Promise.all(all.reverse().map((held) => held[Symbol.asyncDispose]()));
    try {
      for (const lock of this.#locks) {
        const held = await acquire(lock);
        if (held === null) {
          await giveBack();
          return null;
        }
        all.push(held);
      }
      for (const held of all) held.assertHeld();
      return all;
    } catch (error) {
      void giveBack();
      throw error;
    }
  }
}

function countdown({ now }: Pick<Runtime, "now">, { timeoutMs }: AcquireOptions): () => { timeoutMs?: number } {
  if (timeoutMs === undefined) return () => ({});
  const end = now() + timeoutMs;
  return () => ({ timeoutMs: Math.max(0, end - now()) });
}

class MultiHolding implements MultiLockHandle {
  readonly name: string;
  readonly token: bigint;
  readonly all: ReadonlyMap<string, Handle>;
  readonly #held: readonly Handle[];
  readonly #controller = new AbortController();

  constructor(held: readonly Handle[]) {
    this.#held = held;
    this.name = held.map(({ name }) => name).join(" ");
    this.token = held.reduce((highest, { token }) => (token > highest ? token : highest), 0n);
    this.all = new Map(held.map((each) => [each.name, each]));
    for (const { signal } of held) {
      const onEnd = () => this.#onEnd(signal.reason);
      signal.addEventListener("abort", onEnd, { once: true });
      if (signal.aborted) onEnd();
    }
  }

  get signal(): AbortSignal {
    for (const held of this.#held) void held.state; // marks it as lost if its deadline has passed
    return this.#controller.signal;
  }

  get state(): HandleState {
    const states = this.#held.map(({ state }) => state);
    return (["lost", "releasing", "released", "unsure"] as const).find((state) => states.includes(state)) ?? "held";
  }

  expiresIn(): number {
    return Math.min(...this.#held.map((held) => held.expiresIn()));
  }

  assertHeld(): void {
    for (const held of this.#held) held.assertHeld();
  }

  async release(): Promise<void> {
    await Promise.all(this.#held.map((held) => held.release()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#held.map((held) => held[Symbol.asyncDispose]()));
  }

  toString(): string {
    return shownHandle(`locks ${JSON.stringify([...this.all.keys()])}`, this);
  }

  [INSPECT](): string {
    return this.toString();
  }

  toJSON(): Record<string, unknown> {
    return { name: this.name, token: String(this.token), state: this.state, expiresInMs: Math.round(this.expiresIn()) };
  }

  /** One has ended, so the others end too. */
  #onEnd(reason: unknown): void {
    if (this.#controller.signal.aborted) return;
    this.#controller.abort(reason);
    for (const held of this.#held) void held[Symbol.asyncDispose]();
  }
}
