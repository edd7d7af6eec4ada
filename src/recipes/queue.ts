// The queue: work items in the order in which they were put, by priority, or with a date. Each item is leased to one consumer
// until that one acknowledges it. On ZooKeeper the items are those of Curator's DistributedQueue.

import { CoordinationError } from "../base/errors.ts";
import { OPTION, type OptionRules } from "../base/options.ts";
import { ACCESS, type AccessOptions, accessOf } from "./access.ts";
import type { AcquireOptions } from "./acquire.ts";
import { ACQUIRE, acquireWith, tryAcquire, type Wanted } from "./acquire.ts";
import { Backoff } from "./backoff.ts";
import { type Codec, checkedCodec, jsonCodec } from "./codec.ts";
import type { Engine, HasQueues, ItemLease, QueueItem, WorkQueue } from "./engine.ts";
import { InvalidValueError } from "./errors.ts";
import { type Grant, GrantHandle, type Handle, HOLD, type HoldOptions, messageOf } from "./handle.ts";
import type { LocalQueues } from "./local-queue.ts";
import { checkOptions } from "./options.ts";
import { SCHEMA, type ValueSchema } from "./standard-schema.ts";
import { WAIT, type WaitOptions, WaitScope } from "./wait-scope.ts";

export interface QueueOptions<T> extends AccessOptions {
  /** JSON unless given. All programs must use the same. */
  readonly codec?: Codec<T> | undefined;
  /**
   * Checks each value that is put in, and each that comes out: any Standard Schema (Zod, Valibot, ArkType), or a function that
   * returns the value or throws. It must answer at once. What does not pass is not put in (InvalidValueError); an item that does
   * not pass comes out, and its `value` throws.
   */
  readonly schema?: ValueSchema<T> | undefined;
}

export interface PutOptions extends WaitOptions {
  /** The highest comes out first. A signed whole number of 32 bits; 0 unless given. */
  readonly priority?: number | undefined;
  /** No consumer gets it before this date (or milliseconds since 1970), by the clock of the consumer's machine. */
  readonly delayUntil?: Date | number | undefined;
}

export interface ConsumeOptions extends HoldOptions {
  /** Ends the loop: no further item is taken. The current item can still be finished. */
  readonly signal?: AbortSignal | undefined;
}

const QUEUE: OptionRules<QueueOptions<never>> = {
  codec: OPTION.objectWith(
    "an object with encode and decode",
    ({ encode, decode }) => typeof encode === "function" && typeof decode === "function",
  ),
  schema: SCHEMA,
  ...ACCESS,
};
const PUT: OptionRules<PutOptions> = { priority: OPTION.any, delayUntil: OPTION.any, ...WAIT }; // `#orderOf` says more
const CONSUME: OptionRules<ConsumeOptions> = { signal: OPTION.signal, ...HOLD };

/** An item in the queue. */
export interface QueuedItem<T> {
  readonly id: string;
  readonly priority: number;
  /** Milliseconds since 1970; null: at once. */
  readonly delayUntil: number | null;
  /** Throws where the item cannot be read. */
  readonly value: T;
}

/**
 * A leased item, held as a lock is: `signal` aborts when the lease ends, and others may work on the item then. `token` is larger
 * than that of every earlier lease of the item.
 */
export interface Job<T> extends Handle, QueuedItem<T> {
  /** All values of an item in which another program put several; `value` throws there. */
  readonly values: readonly T[];
  /**
   * The work is done: removes the item for good. Fails with the signal's reason when the lease was lost before, and with the
   * outcome "unknown" when the session was lost before the answer: the item may come out again. A passing refusal is retried
   * for the session's timeout. May be called again after a failure while the lease is held. A second success does nothing.
   */
  ack(): Promise<void>;
  /** The work is not done: puts the item back in its old place. The same as `release`. */
  return(): Promise<void>;
}

/**
 * Every item comes out at least once. It is leased to one consumer at a time, and to another when that one returns it, dies, or
 * loses it before `ack`.
 */
export class Queue<T> {
  readonly name: string;
  readonly #engine: Engine;
  readonly #queue: WorkQueue;
  readonly #codec: Codec<T>;
  readonly #consumers: LocalQueues;
  readonly #what: string;
  readonly #wanted: Wanted<ItemLease>;

  constructor(engine: Engine & HasQueues, name: string, options: QueueOptions<T>, consumers: LocalQueues) {
    this.name = name;
    this.#engine = engine;
    this.#consumers = consumers;
    this.#what = `queue ${JSON.stringify(name)}`;
    const queue = engine.queue(name, accessOf(this.#what, options, QUEUE));
    const codec = options.codec ?? jsonCodec<T>();
    const { schema } = options;
    this.#codec = schema === undefined ? codec : checkedCodec(this.#what, codec as Codec<unknown>, schema);
    this.#queue = queue;
    this.#wanted = {
      what: `an item of ${this.#what}`,
      name,
      waitsFor: (ahead) => (ahead === 0 ? "an item that is due" : `${ahead} ahead of it`),
      contend: (session) => queue.contend(session),
    };
  }

  /**
   * Puts an item in, and returns its id. Fails with a CoordinationError. Where its `outcome` is "unknown" the item may be in the
   * queue, and a second `put` may put it in twice.
   */
  async put(value: T, options: PutOptions = {}): Promise<string> {
    checkOptions(this.#what, options, PUT);
    const order = this.#orderOf(options);
    const data = this.#encode(value);
    using scope = new WaitScope(this.#engine.runtime, this.#what, options, "was not put into", PUT);
    if (scope.end !== null) throw scope.end;
    return await this.#queue.put({ ...order, data }, scope.limits());
  }

  /**
   * One item after another: one round of the loop works on one item. Going on to the next round, or leaving the loop, without
   * `ack` returns the item. A lost session or a passing refusal (a full disk) does not end the loop. Fails when the connection
   * is closed, or the servers refuse for good.
   */
  async *consume(options: ConsumeOptions = {}): AsyncGenerator<Job<T>, void, void> {
    checkOptions(this.#what, options, CONSUME);
    const { signal } = options;
    const backoff = new Backoff(this.#engine);
    while (signal?.aborted !== true) {
      const job = await this.#next(options, backoff);
      if (job === null) continue;
      backoff.reset();
      try {
        yield job;
      } finally {
        await job[Symbol.asyncDispose]();
      }
    }
  }

  /** Waits for one item. Fails as `Lock.acquire` does. */
  async take(options: AcquireOptions = {}): Promise<Job<T>> {
    using scope = new WaitScope(this.#engine.runtime, this.#wanted.what, options, "was not taken", ACQUIRE);
    scope.waitingFor = "another of this process";
    const leave = await this.#consumers.of(this.name).enter(scope);
    try {
      return this.#job(await acquireWith(this.#engine, this.#wanted, scope), options);
    } finally {
      leave();
    }
  }

  /** Null when no item is due, or others wait for one. */
  async tryTake(options: AcquireOptions = {}): Promise<Job<T> | null> {
    using scope = new WaitScope(this.#engine.runtime, this.#wanted.what, options, "was not taken", ACQUIRE);
    if (scope.end !== null) throw scope.end;
    const leave = this.#consumers.of(this.name).tryEnter();
    if (leave === null) return null;
    try {
      const grant = await tryAcquire(this.#engine, this.#wanted, options);
      return grant === null ? null : this.#job(grant, options);
    } finally {
      leave();
    }
  }

  /** How many items are in the queue: waiting, delayed, and leased ones. */
  async size(options: WaitOptions = {}): Promise<number> {
    using scope = new WaitScope(this.#engine.runtime, this.#what, options, "was not read");
    return (await scope.until(this.#queue.items())).length;
  }

  /** The item that would come out next; null: none is due. Another consumer may take it at any time. */
  async peek(options: WaitOptions = {}): Promise<QueuedItem<T> | null> {
    using scope = new WaitScope(this.#engine.runtime, this.#what, options, "was not read");
    for (;;) {
      const first = (await scope.until(this.#queue.items())).find(({ isReady }) => isReady);
      if (first === undefined) return null;
      const item = await scope.until(this.#queue.read(first.id));
      if (item !== null) return new Contents(this.#what, item, this.#codec);
    }
  }

  /** Null: it got none, and may try again. */
  async #next(options: ConsumeOptions, backoff: Backoff): Promise<Job<T> | null> {
    try {
      return await this.take(options);
    } catch (error) {
      const isPassing = error instanceof CoordinationError && error.code === "session-expired";
      if (isPassing || options.signal?.aborted === true) return null;
      if (this.#engine.mayPass?.(error) !== true) throw error;
      this.#engine.logger.error(`no item was taken, and it is tried again: ${messageOf(error)}`);
      await backoff.next(options.signal);
      return null;
    }
  }

  #job(grant: Grant & { readonly contender: ItemLease }, options: HoldOptions): Job<T> {
    return new LeasedJob(this.#engine, grant, options, new Contents(this.#what, grant.contender.item!, this.#codec));
  }

  #encode(value: T): Uint8Array {
    try {
      return this.#codec.encode(value);
    } catch (error) {
      if (error instanceof InvalidValueError) throw error;
      throw this.#rejected(`a value cannot be put into it: ${messageOf(error)}`, error);
    }
  }

  #orderOf({ priority = 0, delayUntil }: PutOptions): { priority: number; dueAt: number | null } {
    if (!Number.isInteger(priority) || Math.abs(priority) > PRIORITY_MAX) {
      throw this.#rejected(`priority is a whole number from ${-PRIORITY_MAX} to ${PRIORITY_MAX}, not ${priority}`);
    }
    if (delayUntil === undefined) return { priority, dueAt: null };
    const dueAt = Math.ceil(Number(delayUntil));
    if (dueAt >= 0 && dueAt <= DATE_MAX) return { priority, dueAt };
    throw this.#rejected(`delayUntil is a date, or milliseconds since 1970, not ${String(delayUntil)}`);
  }

  #rejected(why: string, cause?: unknown): CoordinationError {
    return new CoordinationError(
      "rejected",
      "not-applied",
      `${this.#what}: ${why}`,
      cause === undefined ? {} : { cause },
    );
  }
}

/** The first pause between two tries of an `ack`; short, because the lease goes on meanwhile. */
const RETRY_MS = 50;
const PRIORITY_MAX = 2 ** 31 - 1;
/** The largest time that a Date can hold. */
const DATE_MAX = 8.64e15;

/** Decoded when it is asked for: an item that cannot be read is its consumer's to handle, and does not end the loop. */
class Contents<T> implements QueuedItem<T> {
  readonly #what: string;
  readonly #item: QueueItem;
  readonly #codec: Codec<T>;
  #values: readonly T[] | null = null;

  constructor(what: string, item: QueueItem, codec: Codec<T>) {
    this.#what = what;
    this.#item = item;
    this.#codec = codec;
  }

  get id(): string {
    return this.#item.id;
  }

  get priority(): number {
    return this.#item.priority;
  }

  get delayUntil(): number | null {
    return this.#item.dueAt;
  }

  get values(): readonly T[] {
    if (this.#values !== null) return this.#values;
    if (this.#item.data.length === 0) throw this.#unreadable("it is not in the format of this queue's items");
    try {
      this.#values = this.#item.data.map((bytes) => this.#codec.decode(bytes));
      return this.#values;
    } catch (error) {
      throw this.#unreadable(messageOf(error), error);
    }
  }

  get value(): T {
    const [first, ...others] = this.values;
    if (others.length === 0) return first!;
    throw this.#unreadable(`another program put ${others.length + 1} values into it: see its "values"`);
  }

  #unreadable(why: string, cause?: unknown): CoordinationError {
    const message = `item ${this.id} of ${this.#what} cannot be read: ${why}`;
    return new CoordinationError("damaged", "not-applied", message, cause === undefined ? {} : { cause });
  }
}

class LeasedJob<T> extends GrantHandle implements Job<T> {
  readonly #engine: Engine;
  readonly #lease: ItemLease;
  readonly #contents: Contents<T>;
  readonly #what: string;
  #acking: Promise<void> | null = null;

  constructor(
    engine: Engine,
    grant: Grant & { readonly contender: ItemLease },
    options: HoldOptions,
    contents: Contents<T>,
  ) {
    super(engine, grant, options);
    this.#engine = engine;
    this.#lease = grant.contender;
    this.#contents = contents;
    this.#what = grant.what;
  }

  get id(): string {
    return this.#contents.id;
  }

  get priority(): number {
    return this.#contents.priority;
  }

  get delayUntil(): number | null {
    return this.#contents.delayUntil;
  }

  get value(): T {
    return this.#contents.value;
  }

  get values(): readonly T[] {
    return this.#contents.values;
  }

  ack(): Promise<void> {
    this.#acking ??= this.#ack().catch((error) => {
      this.#acking = null; // another call tries again
      throw error;
    });
    return this.#acking;
  }

  async #ack(): Promise<void> {
    const engine = this.#engine;
    const backoff = new Backoff(this.#engine, RETRY_MS);
    let end: number | null = null;
    let doubt: unknown = null; // the failure of an attempt that may have completed it
    for (;;) {
      this.#assertHeldOr(doubt);
      try {
        await this.#lease.complete();
        break;
      } catch (error) {
        end ??= engine.runtime.now() + this.session.timeoutMs;
        if (engine.mayPass?.(error) !== true || engine.runtime.now() >= end) throw this.#notCompleted(error);
        if (error instanceof CoordinationError && error.outcome === "unknown") doubt = this.#notCompleted(error);
        await backoff.next(this.signal);
      }
    }
    await this[Symbol.asyncDispose](); // the item is gone, whatever else is left to release
  }

  /** Once it may be completed, the loss of the lease does not say that it is not. */
  #assertHeldOr(doubt: unknown): void {
    try {
      this.assertHeld();
    } catch (lost) {
      throw doubt ?? lost;
    }
  }

  #notCompleted(error: unknown): unknown {
    if (!(error instanceof CoordinationError)) return error;
    const doubt = error.outcome === "unknown" ? "whether it was completed is unknown" : "it was not completed";
    const message = `${this.#what} (${this.id}): ${doubt}: ${error.message}`;
    return new CoordinationError(error.code, error.outcome, message, { cause: error });
  }

  return(): Promise<void> {
    return this.release();
  }
}
