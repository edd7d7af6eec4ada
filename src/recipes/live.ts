// Something kept current: looked at, told of, and looked at again whenever it may have changed, for as long as it is wanted,
// over lost connections and sessions, and while the servers refuse.

import { Backoff } from "./backoff.ts";
import type { Engine, Glance, LookOptions } from "./engine.ts";
import { follow } from "./follow.ts";
import { messageOf } from "./held.ts";
import { Patience, type WaitOptions } from "./patience.ts";

export interface LiveOptions<T> {
  /** As errors speak of it: `configuration "flags"`. */
  readonly what: string;
  look(options: LookOptions): Promise<Glance<T>>;
  /** Hears of each value; the next is not looked for before it is done. Must not fail. */
  onValue(value: T): void | Promise<void>;
  /** Called once, when it is over: closed, or with the connection. */
  onEnd(): void;
}

export class Live<T> implements Disposable {
  readonly #engine: Engine;
  readonly #options: LiveOptions<T>;
  readonly #closing = new AbortController();
  readonly #first: Promise<void>;
  #onFirst: () => void = () => {};
  #onFailure: (error: Error) => void = () => {};
  #trouble: Error | null = null;

  private constructor(engine: Engine, options: LiveOptions<T>) {
    this.#engine = engine;
    this.#options = options;
    this.#first = new Promise((resolve, reject) => {
      this.#onFirst = resolve;
      this.#onFailure = reject;
    });
    void this.#keep();
  }

  /** Completes when `onValue` was told of the first value. Fails as its options say, and when looking is refused. */
  static async open<T>(engine: Engine, options: LiveOptions<T>, wait: WaitOptions): Promise<Live<T>> {
    using patience = new Patience(engine.runtime, options.what, wait);
    patience.failed = "was not read";
    if (patience.end !== null) throw patience.end;
    const live = new Live(engine, options);
    try {
      await patience.until(live.#first);
      return live;
    } catch (error) {
      live[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether the servers are reached: else the last value may be an old one. */
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
    const { what, look, onValue } = this.#options;
    const { signal } = this.#closing;
    const backoff = new Backoff(this.#engine);
    while (!signal.aborted) {
      try {
        for await (const value of follow(this.#engine, what, look, { signal })) {
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
