// The latch: a candidate as long as it is open. It can tell at any moment whether it leads.

import { whenAborted } from "../base/abort.ts";
import { assert } from "../base/assert.ts";
import { callBack } from "../base/callback.ts";
import { CoordinationError } from "../base/errors.ts";
import type { Term } from "./election.ts";
import type { Engine } from "./engine.ts";
import { messageOf } from "./handle.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

/**
 * Made by `Election.latch`. Invariants: listeners are told of each term once, and of its end once, in that order, whatever ends
 * it; between two terms they are told nothing.
 */
export class Latch implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #what: string;
  readonly #controller = new AbortController();
  readonly #listeners = new Set<(term: Term | null) => void>();
  readonly #waiting = new Set<() => void>();
  readonly #running: Promise<void>;
  #term: Term | null = null;
  /** Why it is no candidate any more. */
  #end: Error | null = null;

  constructor(
    engine: Engine,
    what: string,
    signal: AbortSignal | undefined,
    campaign: (signal: AbortSignal) => AsyncIterable<Term>,
  ) {
    this.#engine = engine;
    this.#what = what;
    const stop = () => this.#controller.abort();
    if (signal?.aborted) stop();
    const forget = signal === undefined ? () => {} : whenAborted(signal, stop);
    this.#running = this.#run(campaign).finally(forget);
  }

  /** Its leadership; null unless it leads at this moment. Reads the clock, so it is right also where no timer could run. */
  get term(): Term | null {
    return this.#term !== null && this.#term.expiresIn() > 0 ? this.#term : null;
  }

  get isLeader(): boolean {
    return this.term !== null;
  }

  /**
   * Completes when it leads, at once if it does. Fails with a CoordinationError: `aborted`, `deadline`, or when it
   * is no candidate any more: `closed`, or the servers' refusal.
   */
  async wait(options: WaitOptions = {}): Promise<Term> {
    using scope = new WaitScope(this.#engine.runtime, this.#what, options, "was not won");
    scope.waitingFor = "its turn";
    for (;;) {
      if (scope.end !== null) throw scope.end;
      const { term } = this;
      if (term !== null) return term;
      if (this.#end !== null) throw this.#end;
      let wake = () => {};
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      this.#waiting.add(wake);
      try {
        await scope.until(changed);
      } finally {
        this.#waiting.delete(wake);
      }
    }
  }

  /** Calls the listener with each term that begins, and with null at its end. Returns a function that stops that. */
  onChange(listener: (term: Term | null) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resigns, and ends the candidacy. Completes when nothing of it is left, at the latest when its session is over. Never fails. */
  async close(): Promise<void> {
    this.#controller.abort();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(campaign: (signal: AbortSignal) => AsyncIterable<Term>): Promise<void> {
    try {
      for await (const term of campaign(this.#controller.signal)) {
        if (!term.signal.aborted) await this.#lead(term);
      }
      this.#end = new CoordinationError("closed", "not-applied", `${this.#what}: the latch is closed`);
    } catch (error) {
      this.#end = error instanceof Error ? error : new Error(String(error));
    }
    this.#wake();
  }

  async #lead(term: Term): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      term.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#become(term);
    await ended;
    this.#become(null);
  }

  #become(term: Term | null): void {
    assert((this.#term === null) !== (term === null), "terms and their ends alternate");
    this.#term = term;
    if (term !== null) this.#wake();
    for (const listener of [...this.#listeners]) callBack(listener, term, this.#onListenerError);
  }

  /** A listener that fails must not end a leadership. */
  readonly #onListenerError = (error: unknown): void => {
    this.#engine.logger.error(`a listener of ${this.#what} failed: ${messageOf(error)}`);
  };

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
