// An open configuration: the last good value, in memory.

import { callBack } from "../base/callback.ts";
import { CoordinationError } from "../base/errors.ts";
import { OPTION, type OptionRules } from "../base/options.ts";
import type { Configuration, InvalidConfiguration, Reading } from "./configuration.ts";
import type { Engine, ReadOptions, Versioned, WatchedRead } from "./engine.ts";
import { messageOf } from "./handle.ts";
import { checkOptions } from "./options.ts";
import { SubscribedView } from "./subscribed-view.ts";
import type { SubscribeOptions } from "./subscription.ts";
import { WAIT, type WaitOptions, WaitScope, waitOf } from "./wait-scope.ts";

export interface OpenOptions<Output> {
  /** The value as long as there is no good one. */
  readonly fallback?: Output | undefined;
  /** Called with each bad value, once; the logger is told as well. */
  readonly onInvalid?: ((invalid: InvalidConfiguration) => void) | undefined;
}

const OPEN: OptionRules<OpenOptions<never> & WaitOptions> = {
  fallback: OPTION.any,
  onInvalid: OPTION.callback,
  ...WAIT,
};

/** Where the values come from. */
export interface Source<Input, Output> {
  /** As errors speak of it: `configuration "flags"`. */
  readonly what: string;
  readonly configuration: Configuration<Input, Output>;
  read(options: ReadOptions): Promise<WatchedRead<Versioned | null>>;
  /** Never fails. */
  understand(read: Versioned | null): Promise<Reading<Output>>;
}

export class OpenConfiguration<Input, Output> extends SubscribedView<Versioned | null> {
  readonly #source: Source<Input, Output>;
  readonly #onInvalid: (invalid: InvalidConfiguration) => void;
  #current: { readonly value: Output; readonly revision: bigint } | null;
  #invalid: InvalidConfiguration | null = null;

  private constructor(engine: Engine, source: Source<Input, Output>, { fallback, onInvalid }: OpenOptions<Output>) {
    super(engine, source.what);
    this.#source = source;
    this.#onInvalid = onInvalid ?? (() => {});
    this.#current = fallback === undefined ? null : { value: fallback, revision: 0n };
  }

  static async open<Input, Output>(
    engine: Engine,
    source: Source<Input, Output>,
    options: OpenOptions<Output> & WaitOptions,
  ): Promise<OpenConfiguration<Input, Output>> {
    const { what, read } = source;
    checkOptions(what, options, OPEN);
    const open = new OpenConfiguration(engine, source, options);
    await open.subscribe(read, (found) => open.#onRead(found), waitOf(options));
    if (open.#current !== null) return open;
    open.close();
    const why = open.#invalid?.message ?? "there is none";
    throw new CoordinationError("rejected", "not-applied", `${what} was not opened, and has no fallback: ${why}`);
  }

  /** The last good value. */
  get value(): Output {
    return this.#current!.value;
  }

  /** The value's revision, which grows with every change; 0n for the fallback. */
  get revision(): bigint {
    return this.#current!.revision;
  }

  /** The bad value on the servers; null when `value` is what they have. */
  get invalid(): InvalidConfiguration | null {
    return this.#invalid;
  }

  /** As `Configuration.set`. Afterwards `value` is this one, or a newer one. */
  async set(value: Input, options: WaitOptions = {}): Promise<void> {
    this.assertOpen();
    await this.#source.configuration.set(value, options);
    await this.#catchUp(options);
  }

  /**
   * As `Configuration.update`; where the servers have no value, `change` gets the value here. Afterwards `value` is the new one,
   * or a newer one.
   */
  async update(change: (value: Output) => Input | Promise<Input>, options: WaitOptions = {}): Promise<Output> {
    this.assertOpen();
    const value = await this.#source.configuration.update((value) => change(value ?? this.value), options);
    await this.#catchUp(options);
    return value;
  }

  /** The value, now and after every good change. Ends with the signal and with `close`. */
  values(options: SubscribeOptions = {}): AsyncGenerator<Output, void, void> {
    let seen: bigint | null = null;
    return this.stream(options, () => {
      if (seen === this.revision) return null;
      seen = this.revision;
      return { item: this.value };
    });
  }

  [Symbol.asyncIterator](): AsyncGenerator<Output, void, void> {
    return this.values();
  }

  /** Reads what was just written. Where that fails or takes too long, the watch brings it later. */
  async #catchUp(options: WaitOptions): Promise<void> {
    using scope = new WaitScope(this.engine.runtime, this.#source.what, options);
    const reading = this.#source.read({});
    reading.then(
      (watched) => watched.unwatch(),
      () => {},
    );
    await scope.until(reading.then(({ value }) => this.#onRead(value))).catch(() => {});
  }

  async #onRead(read: Versioned | null): Promise<void> {
    const reading = await this.#source.understand(read);
    const revision = read?.revision ?? null;
    // An older value may pass the schema's check later than a newer one.
    const newest = this.#invalid?.revision ?? this.#current?.revision ?? 0n;
    if (this.isClosed || (revision !== null && revision < newest)) return;
    if (reading.kind === "good") {
      this.#invalid = null;
      if (this.#current?.revision === reading.revision) return;
      this.#current = reading;
      this.changed.notify();
      return;
    }
    const { invalid } = reading;
    const isKnown = this.#invalid !== null && this.#invalid.revision === invalid.revision;
    this.#invalid = invalid;
    if (isKnown) return;
    const kept = this.#current === null ? "" : "; the last good value is kept";
    this.engine.logger.warn(`${this.#source.what}: ${invalid.message}${kept}`);
    callBack(this.#onInvalid, invalid, (error) => {
      this.engine.logger.error(`${this.#source.what}: onInvalid failed: ${messageOf(error)}`);
    });
  }
}
