// The local view that a subscription keeps current: a configuration, a tree, or the instances of a service.

import { CoordinationError } from "../base/errors.ts";
import { Condition } from "./condition.ts";
import type { Engine, ReadOptions, WatchedRead } from "./engine.ts";
import { SUBSCRIBE, type SubscribeOptions, Subscription } from "./subscription.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

/** Invariant: after `close` nothing is watched, and every stream ends. */
export abstract class SubscribedView<T> implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #what: string;
  readonly #changed = new Condition();
  #subscription: Subscription<T> | null = null;
  #isClosed = false;

  /** `what`: as errors name it, `configuration "flags"`. */
  constructor(engine: Engine, what: string) {
    this.#engine = engine;
    this.#what = what;
  }

  /** False while the servers are not reached: what is here may be old. */
  get isCurrent(): boolean {
    return this.#subscription?.isCurrent ?? false;
  }

  /** Nothing is watched any more. What is here stays as it is. */
  close(): void {
    this.#isClosed = true;
    this.#subscription?.[Symbol.dispose]();
    this.#changed.notify();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  protected get engine(): Engine {
    return this.#engine;
  }

  protected get what(): string {
    return this.#what;
  }

  protected get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Notified when something changed here, and at the end. */
  protected get changed(): Condition {
    return this.#changed;
  }

  /** Completes when `onValue` has heard of the first value. Fails as waits do. */
  protected async subscribe(
    read: (options: ReadOptions) => Promise<WatchedRead<T>>,
    onValue: (value: T) => void | Promise<void>,
    wait: WaitOptions,
    onEnd: () => void = () => {},
  ): Promise<void> {
    const ended = () => {
      onEnd();
      this.#changed.notify();
    };
    this.#subscription = await Subscription.open(this.#engine, { what: this.#what, read, onValue, onEnd: ended }, wait);
  }

  /** Items as `next` gives them, as soon as it has one. Ends with the signal and with `close`; fails when the connection is closed. */
  protected async *stream<Item>(
    options: SubscribeOptions,
    next: () => { readonly item: Item } | null,
  ): AsyncGenerator<Item, void, void> {
    using scope = new WaitScope(this.#engine.runtime, this.#what, options, undefined, SUBSCRIBE);
    while (scope.end === null && !this.#isClosed) {
      const { notified } = this.#changed;
      const found = next();
      if (found !== null) {
        yield found.item;
        continue;
      }
      this.assertOpen();
      await scope.until(notified).catch(() => {});
    }
  }

  protected assertOpen(): void {
    if (!this.#isClosed && this.#subscription?.isOver !== true) return;
    throw new CoordinationError("closed", "not-applied", `${this.#what}: it was closed, or its connection was`);
  }
}
