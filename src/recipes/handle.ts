// The handle of everything that is held: a lock, permits, leadership, a job.
//
// `signal` is for liveness: it aborts at every end of ownership, at the latest at a deadline of this process's own, which depends
// on no request and no socket. `token` is for safety: a holder sends it with what it writes, and the store refuses a token that
// is lower than one it has seen. A blocked event loop delays every signal, so `assertHeld` reads the clock.

import { assert } from "../base/assert.ts";
import { OPTION, type OptionRules } from "../base/options.ts";
import type { Contender, Engine, EngineSession, OnRefused, SessionState } from "./engine.ts";
import { LockLostError, type LossCause, ReleasedError } from "./errors.ts";
import { INSPECT, shownHandle } from "./handle-text.ts";
import { PendingRelease } from "./pending-release.ts";

/**
 * `unsure`: the servers are not reached; it is held until `expiresIn()` has passed, and longer if they are reached before.
 * `releasing`: given up here and not released on the servers yet, so nobody else has it so far.
 */
export type HandleState = "held" | "unsure" | "lost" | "releasing" | "released";

export interface Handle extends AsyncDisposable {
  /** The name of what is held. */
  readonly name: string;
  /** The fencing token: larger than that of every grant before it. */
  readonly token: bigint;
  /** Aborts when it is not held any more; its reason is a `LockLostError` or a `ReleasedError`. */
  readonly signal: AbortSignal;
  readonly state: HandleState;
  /** Milliseconds for which it is certainly held, whatever happens to the servers; 0 when it is not held. Reads the clock. */
  expiresIn(): number;
  /** Throws the signal's reason unless it is held at this moment, also when no timer could run until now. */
  assertHeld(): void;
  /**
   * Gives it up. The signal aborts first. Completes when the servers have released it; at once if it was lost or released
   * before. Waits for a lost connection until the session is over. A refusal by the servers is retried until the release is
   * done or the session is over. This fails when that takes longer than the session's timeout, or the refusal may last (no
   * permission); it is not released yet then, and another call waits again.
   */
  release(): Promise<void>;
  /** As `release`, but never fails, so that it cannot hide the error of the block that it ends. The logger is told instead. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface HoldOptions {
  /** When the servers are not reached: stay held until the deadline ("until-deadline", the default), or end at once. */
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

/** So long after the grant its node is watched for deletion: short holders need no watch. */
const GUARD_DELAY_MS = 250;

/**
 * Invariants: it is held, then lost or released, and that is final. The signal aborts exactly once, whatever comes together.
 * From then on no listener and no timer of it is left here, and on the servers only what is still being released.
 */
export class GrantHandle implements Handle {
  readonly name: string;
  readonly token: bigint;
  readonly #engine: Engine;
  readonly #grant: Grant;
  readonly #options: HoldOptions;
  /** Made when it is first asked for: most short holders need neither a signal nor its reason. */
  #controller: AbortController | null = null;
  readonly #onEnd: () => void;
  readonly #stops: (() => void)[] = [];
  #end: "lost" | "released" | null = null;
  #makeReason: () => Error = () => new Error("it is held");
  #pendingRelease: PendingRelease | null = null;

  /** `onEnd` is called once, when it is not held any more, before the signal aborts. */
  constructor(engine: Engine, grant: Grant, options: HoldOptions, onEnd: () => void = () => {}) {
    assert(grant.token > 0n, "a grant has a token");
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

  /** After its deadline the handle is lost at the first look, also when no timer could run until now. */
  #checkDeadline(): void {
    if (this.#end !== null || this.#grant.session.expiresIn() > 0) return;
    if (this.#end === null) this.#lose("deadline"); // unless the session's listener has ended it, with the cause
  }

  async release(): Promise<void> {
    this.stop();
    if (this.#end === "lost") return; // after a loss there is nothing to wait for
    this.#pendingRelease ??= this.#beginRelease();
    assert(this.#end === "released", "only a handle that was given up is waited for");
    await this.#pendingRelease.wait();
  }

  /** Ends it for those who work under it. The servers keep it until `release`, so that the work can end first. */
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

  /** `lock "billing" (token 4294967302): held, for 9.8 s at least`. */
  toString(): string {
    return shownHandle(this.#grant.what, this);
  }

  /** For `console.log`, in Node. */
  [INSPECT](): string {
    return this.toString();
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
    this.#pendingRelease = this.#beginRelease(); // where the session lives on, its nodes must be removed
  }

  #beginRelease(): PendingRelease {
    assert(this.#end !== null && this.#pendingRelease === null, "a handle is released once, after its end");
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
    assert(this.#end === end, "a handle ends once");
    this.#engine.tracer?.onEnd(() => {
      const { what, name, token } = this.#grant;
      return { what, name, token, end, reason: this.#signal.reason };
    });
    if (this.#controller !== null) void this.#signal; // aborts the signal that somebody has
    return true;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
