// Subscriptions: a value that is read again whenever it may have changed. `subscribe` gives it as a stream that ends with the
// first failure; a `Subscription` calls back, and goes on over lost sessions and while the servers refuse.

import { OPTION, type OptionRules } from "../base/options.ts";
import { Backoff } from "./backoff.ts";
import type { Engine, ReadOptions, WatchedRead } from "./engine.ts";
import { messageOf } from "./handle.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

export interface SubscribeOptions {
  /** Ends the stream, in order. */
  readonly signal?: AbortSignal | undefined;
}

export const SUBSCRIBE: OptionRules<SubscribeOptions> = { signal: OPTION.signal };

/**
 * The value now, with every write that was acknowledged before, then again whenever it may have changed. A slow reader misses
 * values in between, and never the last. Ends with the signal; fails when reading does. Leaving the loop removes the watch.
 */
export async function* subscribe<T>(
  engine: Engine,
  what: string,
  read: (options: ReadOptions) => Promise<WatchedRead<T>>,
  options: SubscribeOptions,
): AsyncGenerator<T, void, void> {
  using scope = new WaitScope(engine.runtime, what, options, undefined, SUBSCRIBE);
  let isFirst = true;
  while (scope.end === null) {
    const reading = read({ isFresh: isFirst, signal: scope.signal });
    isFirst = false;
    let watched: WatchedRead<T>;
    try {
      watched = await scope.until(reading);
    } catch (error) {
      reading.then(
        (late) => late.unwatch(),
        () => {},
      );
      if (scope.end !== null) return;
      throw error;
    }
    try {
      yield watched.value;
      await scope.until(watched.changed).catch(() => {});
    } finally {
      watched.unwatch();
    }
  }
}

/** The value now, with every write that was acknowledged before. Fails as reading does, and as the options say. */
export async function readOnce<T>(
  engine: Engine,
  what: string,
  read: (options: ReadOptions) => Promise<WatchedRead<T>>,
  options: WaitOptions,
): Promise<T> {
  using scope = new WaitScope(engine.runtime, what, options);
  scope.failed = "was not read";
  if (scope.end !== null) throw scope.end;
  const reading = read({ isFresh: true, signal: scope.signal });
  const forget = () =>
    reading.then(
      (watched) => watched.unwatch(),
      () => {},
    );
  try {
    return (await scope.until(reading)).value;
  } finally {
    void forget();
  }
}

interface SubscriptionOptions<T> {
  /** As errors speak of it: `configuration "flags"`. */
  readonly what: string;
  read(options: ReadOptions): Promise<WatchedRead<T>>;
  /** Called with each value; the next is not read before it has completed. Must not fail. */
  onValue(value: T): void | Promise<void>;
  /** Called once, when the subscription or its connection is closed. */
  onEnd(): void;
}

export class Subscription<T> implements Disposable {
  readonly #engine: Engine;
  readonly #options: SubscriptionOptions<T>;
  readonly #closing = new AbortController();
  readonly #first: Promise<void>;
  #onFirst: () => void = () => {};
  #onFailure: (error: Error) => void = () => {};
  #trouble: Error | null = null;

  private constructor(engine: Engine, options: SubscriptionOptions<T>) {
    this.#engine = engine;
    this.#options = options;
    this.#first = new Promise((resolve, reject) => {
      this.#onFirst = resolve;
      this.#onFailure = reject;
    });
    void this.#keep();
  }

  /** Completes when `onValue` has had the first value. Fails as its options say, and when reading is refused. */
  static async open<T>(engine: Engine, options: SubscriptionOptions<T>, wait: WaitOptions): Promise<Subscription<T>> {
    using scope = new WaitScope(engine.runtime, options.what, wait);
    scope.failed = "was not read";
    if (scope.end !== null) throw scope.end;
    const subscription = new Subscription(engine, options);
    try {
      await scope.until(subscription.#first);
      return subscription;
    } catch (error) {
      subscription[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether the servers are reached. If not, the last value may be old. */
  get isCurrent(): boolean {
    const { status } = this.#engine;
    return !this.isOver && this.#trouble === null && status.kind === "ready" && status.session.state.kind === "sure";
  }

  /** It was closed, or its connection was. */
  get isOver(): boolean {
    return this.#closing.signal.aborted;
  }

  [Symbol.dispose](): void {
    if (this.isOver) return;
    this.#closing.abort();
    this.#options.onEnd();
  }

  /** Never fails. */
  async #keep(): Promise<void> {
    const { what, read, onValue } = this.#options;
    const { signal } = this.#closing;
    const backoff = new Backoff(this.#engine);
    while (!signal.aborted) {
      try {
        for await (const value of subscribe(this.#engine, what, read, { signal })) {
          await onValue(value);
          this.#trouble = null;
          backoff.reset();
          this.#onFirst();
        }
      } catch (error) {
        this.#trouble = error instanceof Error ? error : new Error(String(error));
        this.#onFailure(this.#trouble);
        if (this.#engine.status.kind === "closed") this[Symbol.dispose]();
        if (signal.aborted) return;
        this.#engine.logger.error(`${what} could not be read, and is tried again: ${messageOf(error)}`);
        await backoff.next(signal);
      }
    }
  }
}
