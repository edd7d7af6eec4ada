// The one handle for whatever is held: a lock, a permit, leadership.
//
// `signal` is for liveness: it aborts on every end of ownership, at the latest at a deadline of this side's own, which no
// request and no socket has a part in. `token` is for safety: whoever writes on the strength of a lock sends it along, and
// the store turns down what is lower than it has seen. A blocked event loop delays every signal, so `assertHeld` asks the
// clock.

import { assert } from "../base/assert.ts";
import { OPTION, type OptionRules } from "../base/options.ts";
import type { Contender, Engine, EngineSession, OnRefused, SessionState } from "./engine.ts";
import { LockLostError, type LossCause, ReleasedError } from "./errors.ts";
import { PendingRelease } from "./pending-release.ts";

/**
 * `unsure`: the servers are not reached; it is held until `expiresIn()` is over, unless they are reached before. `releasing`:
 * given up here, and not released yet on the servers, where nobody else has it so far.
 */
export type HandleState = "held" | "unsure" | "lost" | "releasing" | "released";

export interface Handle extends AsyncDisposable {
  /** Of what is held. */
  readonly name: string;
  /** The fencing token: larger than that of every grant before it. */
  readonly token: bigint;
  /** Aborts when it is not held any more; its reason is a `LockLostError` or a `ReleasedError`. */
  readonly signal: AbortSignal;
  readonly state: HandleState;
  /** Milliseconds for which it is certainly held, whatever happens to the servers; 0 when it is not. Asks the clock. */
  expiresIn(): number;
  /** Throws the signal's reason unless it is held at this moment, also when no timer could run until now. */
  assertHeld(): void;
  /**
   * Gives it up. The signal aborts first; completes when the servers have let go of it, at once if it was lost or released
   * before. A lost connection is waited for until the session is over. What the servers refuse is tried again until it is done
   * or the session is over: this fails where that takes longer than the session's timeout, or may last (no permission); it is
   * not released yet then. Called again it waits again.
   */
  release(): Promise<void>;
  /** As `release`, and never fails, so that it cannot hide the error of the block that it ends: the logger is told. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface HoldOptions {
  /** When the servers are not reached: hold on until the deadline ("until-deadline", the default), or stop at once. */
  readonly onUnsure?: "abort" | "until-deadline" | undefined;
}

export const HOLD: OptionRules<HoldOptions> = { onUnsure: OPTION.oneOf("abort", "until-deadline") };

export interface Grant {
  /** As errors speak of it: `lock "billing"`. */
  readonly what: string;
  readonly name: string;
  readonly token: bigint;
  readonly session: EngineSession;
  readonly contender: Contender;
}

/** From the grant until somebody is told that a handle was deleted on the servers: short holders need no watch. */
const GUARD_DELAY_MS = 250;

/**
 * Invariants: the signal aborts exactly once, whatever comes together; from then on nothing of it is left here, and on the
 * servers only what `leave` is still taking back.
 */
export class GrantHandle implements Handle {
  readonly name: string;
  readonly token: bigint;
  readonly #engine: Engine;
  readonly #grant: Grant;
  readonly #options: HoldOptions;
  /** Made for the first who asks: a short holder whose signal nobody wants does without, and without a reason. */
  #controller: AbortController | null = null;
  readonly #onEnd: () => void;
  readonly #stops: (() => void)[] = [];
  #end: "lost" | "released" | null = null;
  #makeReason: () => Error = () => new Error("it is held");
  #pendingRelease: PendingRelease | null = null;

  /** `onEnd` is called once, when it is not held any more, before the signal aborts. */
  constructor(engine: Engine, grant: Grant, options: HoldOptions, onEnd: () => void = () => {}) {
    this.name = grant.name;
    this.token = grant.token;
    this.#engine = engine;
    this.#grant = grant;
    this.#options = options;
    this.#onEnd = onEnd;
    const { session, contender } = grant;
    this.#stops.push(session.onState((state) => this.#onSession(state)));
    const guard = () => this.#stops.push(contender.guard((cause) => this.#lose(cause)));
    this.#stops.push(engine.runtime.after(GUARD_DELAY_MS, guard));
    this.#onSession(session.state);
  }

  get signal(): AbortSignal {
    this.#checkDeadline();
    return this.#signal;
  }

  get #signal(): AbortSignal {
    this.#controller ??= new AbortController();
    const { signal } = this.#controller;
    if (this.#end !== null && !signal.aborted) this.#controller.abort(this.#makeReason());
    return signal;
  }

  get session(): EngineSession {
    return this.#grant.session;
  }

  get contender(): Contender {
    return this.#grant.contender;
  }

  get state(): HandleState {
    this.#checkDeadline();
    if (this.#end === "released") return this.#pendingRelease?.isDone === true ? "released" : "releasing";
    if (this.#end === "lost") return "lost";
    return this.#grant.session.state.kind === "unsure" ? "unsure" : "held";
  }

  expiresIn(): number {
    this.#checkDeadline();
    return this.#end === null ? this.#grant.session.expiresIn() : 0;
  }

  assertHeld(): void {
    this.#checkDeadline();
    if (this.#end !== null) throw this.#signal.reason;
  }

  /** Whatever of it is looked at, after the deadline it is lost, and says so: also when no timer could run until now. */
  #checkDeadline(): void {
    if (this.#end !== null || this.#grant.session.expiresIn() > 0) return;
    if (this.#end === null) this.#lose("deadline"); // unless the session has told already, and knows why
  }

  async release(): Promise<void> {
    this.stop();
    if (this.#end === "lost") return; // after a loss there is nothing to wait for
    this.#pendingRelease ??= this.#beginRelease();
    await this.#pendingRelease.wait();
  }

  /** Ends it for whoever works under it, whose work may have to end before the servers let go of it: that is `release`'s. */
  stop(): void {
    this.#finish("released", () => new ReleasedError(this.#grant.what, this.token));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.release();
    } catch (error) {
      this.#engine.logger.error(`${this.#grant.what} could not be released: ${messageOf(error)}`);
    }
  }

  /** As logs have it. */
  toJSON(): Record<string, unknown> {
    return { name: this.name, token: String(this.token), state: this.state, expiresInMs: Math.round(this.expiresIn()) };
  }

  #onSession(state: SessionState): void {
    if (state.kind === "lost") this.#lose(state.cause, state.error);
    else if (state.kind === "unsure" && this.#options.onUnsure === "abort") this.#lose("unsure");
  }

  #lose(lossCause: LossCause, cause?: unknown): void {
    if (!this.#finish("lost", () => new LockLostError(this.#grant.what, this.token, lossCause, cause))) return;
    this.#pendingRelease = this.#beginRelease(); // where the session lives on, nobody else would take it from the servers
  }

  #beginRelease(): PendingRelease {
    assert(this.#end !== null, "a holder leaves before it knows that it does not hold");
    const { what, name, token, session, contender } = this.#grant;
    const { tracer } = this.#engine;
    const options = {
      notYet: `${what} is not released yet`,
      session,
      release: (onRefused: OnRefused) => contender.release(onRefused),
    };
    if (tracer === undefined) return new PendingRelease(this.#engine, options);
    return new PendingRelease(this.#engine, options, (work) => tracer.trace("release", { what, name, token }, work));
  }

  #finish(end: "lost" | "released", reason: () => Error): boolean {
    if (this.#end !== null) return false;
    this.#end = end;
    this.#makeReason = reason;
    for (const stop of this.#stops.splice(0)) stop();
    this.#onEnd();
    this.#engine.tracer?.onEnd(() => {
      const { what, name, token } = this.#grant;
      return { what, name, token, end, reason: this.#signal.reason };
    });
    if (this.#controller !== null) void this.#signal; // whoever has it hears of it now
    return true;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
