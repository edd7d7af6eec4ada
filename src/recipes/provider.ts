// The instances of a service that may be called now, one at a time by a strategy, without those that failed lately. The list is
// kept current in memory, so picking goes on while the servers are not reached.

import { CoordinationError } from "../base/errors.ts";
import { OPTION, type OptionRules } from "../base/options.ts";
import type { Engine, EntryView, ReadOptions, WatchedRead } from "./engine.ts";
import { checkOptions } from "./options.ts";
import type { ServiceInstance, ServiceMeta } from "./service-instance.ts";
import { STRATEGIES, type Strategy, type StrategyName } from "./strategies.ts";
import { SubscribedView } from "./subscribed-view.ts";
import { WAIT, type WaitOptions, WaitScope, waitOf } from "./wait-scope.ts";

export interface ProviderOptions<Meta extends ServiceMeta = ServiceMeta> {
  /** "round-robin" unless given; or your own. */
  readonly strategy?: StrategyName | Strategy | undefined;
  /** Which instances may be called at all. Called at each pick, so its answer may change. */
  readonly filter?: ((instance: ServiceInstance<Meta>) => boolean) | undefined;
  /** When an instance that fails is left out, and for how long. */
  readonly down?: DownPolicy | undefined;
}

export interface DownPolicy {
  /** An instance is left out after so many errors within `forMs`; 2 unless given. */
  readonly errors?: number | undefined;
  /** It is left out for so many milliseconds; 30,000 unless given. One that registers again is back at once. */
  readonly forMs?: number | undefined;
}

const DOWN_ERRORS = 2;
const DOWN_MS = 30_000;

/** One instance's errors, and until when it is left out. */
interface Record {
  readonly token: bigint;
  readonly notedAt: number[];
  downUntil: number;
}

const DOWN: OptionRules<DownPolicy> = { errors: OPTION.any, forMs: OPTION.any };
const PROVIDER: OptionRules<ProviderOptions<never> & WaitOptions> = {
  strategy: {
    is: "the name of a strategy, or an object with pick",
    fits: (value) => typeof value === "string" || typeof (value as Partial<Strategy> | null)?.pick === "function",
  },
  filter: OPTION.callback,
  down: OPTION.any, // checked by rules of its own
  ...WAIT,
};

export class Provider<Meta extends ServiceMeta = ServiceMeta> extends SubscribedView<readonly EntryView[]> {
  readonly #strategy: Strategy;
  readonly #filter: (instance: ServiceInstance<Meta>) => boolean;
  readonly #errorsMax: number;
  readonly #downMs: number;
  #all: readonly ServiceInstance<Meta>[] = [];
  /** By the ids of registered instances. */
  readonly #records = new Map<string, Record>();

  private constructor(
    engine: Engine,
    what: string,
    { strategy = "round-robin", filter, down = {} }: ProviderOptions<Meta>,
  ) {
    super(engine, what);
    const refuse = (why: string): never => {
      throw new CoordinationError("rejected", "not-applied", `${what}: ${why}`);
    };
    const { errors = DOWN_ERRORS, forMs = DOWN_MS } = down;
    if (!(Number.isSafeInteger(errors) && errors >= 1)) refuse(`down.errors is a whole number from 1, not ${errors}`);
    if (!(typeof forMs === "number" && forMs >= 0)) refuse(`down.forMs is a number from 0, not ${forMs}`);
    if (typeof strategy === "string" && !Object.hasOwn(STRATEGIES, strategy)) {
      refuse(`strategy is one of ${Object.keys(STRATEGIES).join(", ")}, not ${strategy}`);
    }
    this.#strategy = typeof strategy === "string" ? STRATEGIES[strategy](engine.runtime.random) : strategy;
    this.#filter = filter ?? (() => true);
    this.#errorsMax = errors;
    this.#downMs = forMs;
  }

  static async open<Meta extends ServiceMeta>(
    engine: Engine,
    what: string,
    source: {
      list(options: ReadOptions): Promise<WatchedRead<readonly EntryView[]>>;
      read(views: readonly EntryView[]): readonly ServiceInstance<Meta>[];
    },
    options: ProviderOptions<Meta> & WaitOptions,
  ): Promise<Provider<Meta>> {
    checkOptions(what, options, PROVIDER);
    if (options.down !== undefined) checkOptions(`${what}: down`, options.down, DOWN);
    const provider = new Provider<Meta>(engine, what, options);
    const { list, read } = source;
    await provider.subscribe(list, (views) => provider.#onInstances(read(views)), waitOf(options));
    return provider;
  }

  /** All registered instances, also those that may not be called now. */
  get instances(): readonly ServiceInstance<Meta>[] {
    return this.#all;
  }

  /** The instances that may be called now, sorted by id. */
  get available(): readonly ServiceInstance<Meta>[] {
    const now = this.engine.runtime.now();
    const isUp = ({ id }: ServiceInstance<Meta>) => !((this.#records.get(id)?.downUntil ?? 0) > now);
    return this.#all.filter((each) => each.enabled && isUp(each) && this.#filter(each));
  }

  /** The next instance to call, by the strategy; null: there is none now. Throws ("closed") after `close`. */
  pick(): ServiceInstance<Meta> | null {
    this.assertOpen();
    const { available } = this;
    return available.length === 0 ? null : (this.#strategy.pick(available) as ServiceInstance<Meta> | null);
  }

  /** As `pick`, and waits until there is one. */
  async wait(options: WaitOptions = {}): Promise<ServiceInstance<Meta>> {
    using scope = new WaitScope(this.engine.runtime, this.what, options);
    scope.failed = "has no instance to call";
    scope.waitingFor = "an instance";
    for (;;) {
      if (scope.end !== null) throw scope.end;
      const { notified } = this.changed;
      const one = this.pick();
      if (one !== null) return one;
      const stop = this.#atNextReturn();
      try {
        await scope.until(notified);
      } finally {
        stop();
      }
    }
  }

  /** Reports that a call to it failed. After some errors it is left out for a time: see `DownPolicy`. */
  noteError(instance: Pick<ServiceInstance, "id" | "token">): void {
    const { id, token } = instance;
    if (!this.#all.some((each) => each.id === id && each.token === token)) return; // gone, or registered again since
    const now = this.engine.runtime.now();
    const record = this.#records.get(id) ?? { token, notedAt: [], downUntil: 0 };
    this.#records.set(id, record);
    const recent = record.notedAt.filter((at) => at > now - this.#downMs);
    record.notedAt.splice(0, record.notedAt.length, ...recent, now);
    if (record.notedAt.length < this.#errorsMax) return;
    record.notedAt.length = 0;
    record.downUntil = now + this.#downMs;
  }

  #onInstances(all: readonly ServiceInstance<Meta>[]): void {
    this.#all = all;
    const tokens = new Map(all.map(({ id, token }) => [id, token]));
    for (const [id, { token }] of this.#records) if (tokens.get(id) !== token) this.#records.delete(id);
    this.changed.notify();
  }

  /** Notifies when the first instance that is left out is back. */
  #atNextReturn(): () => void {
    const { runtime } = this.engine;
    const now = runtime.now();
    const ends = [...this.#records.values()].map(({ downUntil }) => downUntil).filter((until) => until > now);
    return ends.length === 0 ? () => {} : runtime.after(Math.min(...ends) - now + 1, () => this.changed.notify());
  }
}
