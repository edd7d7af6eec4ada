// The counter: one number that many programs change. On ZooKeeper it is Curator's DistributedAtomicLong.

import { type AccessOptions, accessOf } from "./access.ts";
import { AtomicLong } from "./atomic-long.ts";
import type { Engine, HasValues } from "./engine.ts";
import type { LocalQueues } from "./local-queue.ts";
import { type SubscribeOptions, subscribe } from "./subscription.ts";
import type { WaitOptions } from "./wait-scope.ts";

/**
 * A signed number of 64 bits; 0 until somebody changes it. Every method fails with a CoordinationError: `aborted`, `deadline`,
 * `closed`, `rejected`. Where its `outcome` is "unknown" (the connection was lost before the answer), the change may have been
 * made; it is never repeated by itself.
 */
export class Counter {
  readonly name: string;
  readonly #engine: Engine;
  readonly #long: AtomicLong;

  constructor(engine: Engine & HasValues, name: string, queues: LocalQueues, options: AccessOptions = {}) {
    this.name = name;
    this.#engine = engine;
    const what = `counter ${JSON.stringify(name)}`;
    this.#long = new AtomicLong(engine, what, engine.value("counter", name, accessOf(what, options)), queues);
  }

  /** The number, with every change that was acknowledged before the call. */
  async get(options: WaitOptions = {}): Promise<bigint> {
    using scope = this.#long.scope(options, "was not read");
    return this.#long.numberIn(await scope.until(this.#long.value.current(true)));
  }

  /** Adds 1, or `amount`, which may be negative; returns the sum. Refused where the sum does not fit in 64 bits. */
  async add(amount: bigint | number = 1n, options: WaitOptions = {}): Promise<bigint> {
    const added = this.#long.longOf("amount", amount);
    using scope = this.#long.scope(options, "was not changed");
    const before = await this.#long.change(scope, (number) => this.#long.checkRange(number + added));
    return before + added;
  }

  /** Sets it to `value`; returns the old number. */
  async set(value: bigint | number, options: WaitOptions = {}): Promise<bigint> {
    const next = this.#long.longOf("value", value);
    using scope = this.#long.scope(options, "was not changed");
    return await this.#long.change(scope, () => next);
  }

  /** Sets it to `value` if it is `expected`. False: it is not. */
  async compareAndSet(expected: bigint | number, value: bigint | number, options: WaitOptions = {}): Promise<boolean> {
    const [before, after] = [this.#long.longOf("expected", expected), this.#long.longOf("value", value)];
    using scope = this.#long.scope(options, "was not changed");
    const found = await this.#long.change(scope, (number) => (number === before ? after : null));
    return found === before;
  }

  /** The number, now and after each change. A slow reader misses some in between, and never the last. */
  async *observe(options: SubscribeOptions = {}): AsyncGenerator<bigint, void, void> {
    for await (const found of subscribe(this.#engine, this.#long.what, () => this.#long.value.read(), options)) {
      yield this.#long.numberIn(found);
    }
  }
}
