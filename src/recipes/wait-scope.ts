// The scope of one wait: until the caller's signal, a deadline, or the loss of the session, whichever comes first. A whole wait
// needs one listener on the signal and one timer, however many promises it goes through; both are gone after it.

import { whenAborted } from "../base/abort.ts";
import { CoordinationError, type OperationOutcome } from "../base/errors.ts";
import { OPTION, type OptionRule, type OptionRules } from "../base/options.ts";
import type { Engine, EngineSession, EngineStatus, Runtime, WriteLimits } from "./engine.ts";
import { checkOptions } from "./options.ts";

/** What every wait may be given. */
export interface WaitOptions {
  /** Ends the wait. What it began is undone, also when the servers cannot be reached now. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait, in milliseconds; without limit unless given. */
  readonly timeoutMs?: number | undefined;
}

export const WAIT: OptionRules<WaitOptions> = { signal: OPTION.signal, timeoutMs: OPTION.duration };

/** Only the wait's own options, of an object that has more. */
export function waitOf({ signal, timeoutMs }: WaitOptions): WaitOptions {
  return { signal, timeoutMs };
}

export class WaitScope implements Disposable {
  readonly #what: string;
  readonly #runtime: Runtime;
  readonly #options: WaitOptions;
  readonly #stops: (() => void)[] = [];
  #ending: AbortController | null = null;
  #stopSession: () => void = () => {};
  #end: CoordinationError | null = null;
  #deadline = Number.POSITIVE_INFINITY;
  #reject: ((error: Error) => void) | null = null;
  /** What it waits for, in the error at the deadline. */
  waitingFor = "the servers";
  /** What has not happened when the wait ends, in its errors: "was not acquired". */
  failed: string;
  /** The outcome in its errors. */
  outcome: OperationOutcome = "not-applied";

  /**
   * `what` and `inVain` begin its errors: `lock "billing"`, "was not acquired". Throws for an option that `rules` does not
   * have, and for an impossible value.
   */
  constructor(
    runtime: Runtime,
    what: string,
    options: WaitOptions,
    inVain = "was not acquired",
    rules: Readonly<Record<string, OptionRule>> = WAIT,
  ) {
    checkOptions(what, options, rules);
    const { signal, timeoutMs } = options;
    this.#what = what;
    this.failed = inVain;
    this.#runtime = runtime;
    this.#options = options;
    if (signal?.aborted) {
      this.#abort(signal);
      return;
    }
    if (signal !== undefined) {
      this.#stops.push(whenAborted(signal, () => this.#abort(signal)));
    }
    if (timeoutMs !== undefined && timeoutMs !== Number.POSITIVE_INFINITY) {
      const deadline = runtime.now() + timeoutMs;
      this.#deadline = deadline;
      let stop = () => {};
      const late = () => {
        const rest = deadline - runtime.now();
        // A timer may fire early: Node's by a little, and by weeks where the time is longer than a timer can be.
        if (rest > 1) stop = runtime.after(rest, late);
        else this.finish("deadline", `within ${Math.round(timeoutMs)} ms, waiting for ${this.waitingFor}`);
      };
      stop = runtime.after(timeoutMs, late);
      this.#stops.push(() => stop());
    }
  }

  /** From now on the wait ends with this session, and with no other. */
  bindTo(session: EngineSession): void {
    this.#stopSession();
    const check = (state: EngineSession["state"]) => {
      if (state.kind !== "lost") return;
      if (state.cause === "closed") this.finish("closed", "the connection was closed while it waited", state.error);
      else this.finish("session-expired", "its session was lost while it waited", state.error);
    };
    this.#stopSession = session.onState(check);
    check(session.state);
  }

  /** Milliseconds until its deadline. */
  get remainingMs(): number {
    return Math.max(0, this.#deadline - this.#runtime.now());
  }

  get end(): CoordinationError | null {
    return this.#end;
  }

  /** For reads: aborts when the wait has ended. Undefined where neither the caller's signal nor a deadline can end it. */
  get signal(): AbortSignal | undefined {
    if (this.#ending === null) {
      if (this.#options.signal === undefined && this.#deadline === Number.POSITIVE_INFINITY) return undefined;
      this.#ending = new AbortController();
      if (this.#end !== null) this.#ending.abort(this.#end);
    }
    return this.#ending.signal;
  }

  /** For writes: only the engine can tell their outcome. */
  limits(): WriteLimits {
    const { signal } = this.#options;
    if (this.#deadline === Number.POSITIVE_INFINITY) return { signal };
    return { signal, timeoutMs: Math.max(0, this.#deadline - this.#runtime.now()) };
  }

  /** The promise's value; fails when the wait ends before. The promise then goes on by itself. */
  until<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#end !== null) {
        promise.catch(() => {});
        reject(this.#end);
        return;
      }
      this.#reject = reject;
      promise.then(resolve, reject);
    });
  }

  finish(code: "aborted" | "deadline" | "session-expired" | "closed", why: string, cause?: unknown): void {
    if (this.#end !== null) return;
    const options = cause === undefined ? {} : { cause };
    this.#end = new CoordinationError(code, this.outcome, `${this.#what} ${this.failed}: ${why}`, options);
    this.#reject?.(this.#end);
    this.#ending?.abort(this.#end);
  }

  #abort(signal: AbortSignal): void {
    this.finish("aborted", "the wait was aborted", signal.reason);
  }

  [Symbol.dispose](): void {
    this.#stopSession();
    for (const stop of this.#stops.splice(0)) stop();
  }
}

/** Waits for a time, or until the signal aborts or the engine is closed. Never fails. */
export async function pause(engine: Engine, milliseconds: number, signal?: AbortSignal): Promise<void> {
  using scope = new WaitScope(engine.runtime, "a pause", { signal, timeoutMs: milliseconds });
  let stop = () => {};
  const closed = new Promise<void>((resolve) => {
    const check = ({ kind }: EngineStatus) => (kind === "closed" ? resolve() : undefined);
    stop = engine.onStatus(check);
    check(engine.status);
  });
  await scope.until(closed).catch(() => {});
  stop();
}
