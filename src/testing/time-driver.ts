// Lets virtual time pass while somebody awaits a call of a virtual cluster, and only then. What is awaited elsewhere (a timer, a file, a
// request) moves no virtual time; where a test waits for either in vain, it is told.

import { CoordinationError } from "../base/errors.ts";
import type { VirtualTime } from "../sim/kernel/time.ts";

/** Virtual time without anything that ends or begins: what is awaited then will not come. */
const LIMIT_MS = 120_000;
/** Real time for which virtual time stands still before the test is told; test runners give up after 5 s. */
const STANDSTILL_MS = 3000;

interface AwaitedCall {
  readonly name: string;
  /** It ends at this moment, however long nothing else does. */
  readonly endsAt: number;
  fail(error: Error): void;
}

export class TimeDriver {
  readonly #time: VirtualTime;
  readonly #awaited = new Set<AwaitedCall>();
  #isRunning = false;
  #isClosed = false;
  /** When a call last began to be awaited, or ended. */
  #lastChange = 0;
  #standstill: NodeJS.Timeout | undefined;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** The same result; time passes while it is awaited. `name`: of the call, for errors. */
  track<T>(result: Promise<T>, name: string, endsAt = 0): Promise<T> {
    let isOver = false;
    let settle: { resolve(value: T): void; reject(error: unknown): void };
    const call: AwaitedCall = { name, endsAt, fail: (error) => end(() => settle.reject(error)) };
    const end = (tell: () => void): void => {
      if (isOver) return;
      isOver = true;
      this.#leave(call);
      tell();
    };
    const tracked = new TrackedPromise<T>((resolve, reject) => {
      settle = { resolve, reject };
    });
    result.then(
      (value) => end(() => settle.resolve(value)),
      (error) => end(() => settle.reject(error)),
    );
    tracked.onAwaited = () => {
      if (!isOver) this.#enter(call);
    };
    return tracked;
  }

  /** Lets so much time pass, once it is awaited. */
  pass(milliseconds: number): Promise<void> {
    const ended = this.#time.promiseAfter(milliseconds, () => {});
    return this.track(ended, "cluster.advance", this.#time.now + milliseconds);
  }

  /** Nothing is told any more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#standstill);
  }

  #enter(call: AwaitedCall): void {
    if (this.#awaited.has(call)) return;
    this.#awaited.add(call);
    this.#lastChange = this.#time.now;
    if (!this.#isRunning) void this.#run();
  }

  #leave(call: AwaitedCall): void {
    this.#awaited.delete(call);
    this.#lastChange = this.#time.now;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    clearTimeout(this.#standstill);
    try {
      while (this.#awaited.size > 0) {
        const ends = [...this.#awaited].map(({ endsAt }) => endsAt);
        const leftMs = Math.max(this.#lastChange + LIMIT_MS, ...ends) - this.#time.now;
        if (leftMs <= 0) this.#failAll((name) => waitedInVain(name));
        else await this.#time.runUntil(() => this.#awaited.size === 0, leftMs);
      }
    } catch (error) {
      // A broken invariant of the cluster itself.
      this.#failAll(() => error as Error);
    } finally {
      this.#isRunning = false;
    }
    if (!this.#isClosed) this.#standstill = setTimeout(tellOfStandstill, STANDSTILL_MS);
  }

  #failAll(errorOf: (name: string) => Error): void {
    for (const { name, fail } of [...this.#awaited]) fail(errorOf(name));
  }
}

/** Tells when it is first awaited. A native promise does not: `await` looks into it without a call. */
class TrackedPromise<T> extends Promise<T> {
  onAwaited: () => void = () => {};

  /** What `then` gives is a promise like any other. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.onAwaited();
    return super.then(onFulfilled, onRejected);
  }
}

function waitedInVain(name: string): CoordinationError {
  return new CoordinationError(
    "deadline",
    "unknown",
    `${name} was awaited for ${LIMIT_MS / 1000} s of virtual time in which no call of the virtual cluster ended. Either it never ends ` +
      "(is what it waits for held in this test?), or it waits for something real, such as a timer, a file or a request: virtual time " +
      "passes at once, and does not wait for those",
  );
}

function tellOfStandstill(): void {
  process.emitWarning(
    `virtual time has stood still for ${STANDSTILL_MS / 1000} s. It passes only while a call of the virtual cluster is awaited. To wait ` +
      "for something else that takes virtual time, such as an event of a signal: await cluster.advance(milliseconds), or " +
      "cluster.run(() => …). At the end of the test: await cluster.close()",
    { type: "CabildoVirtualTime" },
  );
}
