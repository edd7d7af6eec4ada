// A request and its caller's promise: settled once, by its answer, the end of its connection, its deadline or its caller's signal.
// The outcome of a failed call depends only on whether its bytes had been sent: `sentAt`.

import { whenAborted } from "../../../base/abort.ts";
import type { ByteReader } from "../../../base/bytes.ts";
import { CoordinationError, type CoordinationErrorCode, type OperationOutcome } from "../../../base/errors.ts";
import type { SessionLostError } from "./errors.ts";
import { nothing, type Request } from "./request.ts";

/** Options of every call. */
export interface CallOptions {
  /** Ends the wait. A request that was sent may be applied all the same: see the error's `outcome`. */
  readonly signal?: AbortSignal | undefined;
  /** How long the answer may take; the client's `requestTimeoutMs` unless given. */
  readonly timeoutMs?: number | undefined;
}

export class Call {
  readonly request: Request<unknown>;
  /** By the client's clock. */
  readonly deadline: number;
  /** When its bytes were sent; null: they were not. */
  sentAt: number | null = null;
  isSettled = false;
  /** Where it counts as not answered. */
  backlog: { letGo(call: Call): void } | null = null;
  #unlink = nothing;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    request: Request<unknown>,
    deadline: number,
    signal: AbortSignal | undefined,
    settle: { resolve: (value: unknown) => void; reject: (error: Error) => void; onAborted: (call: Call) => void },
  ) {
    this.request = request;
    this.deadline = deadline;
    this.#resolve = settle.resolve;
    this.#reject = settle.reject;
    if (signal === undefined) return;
    this.#unlink = whenAborted(signal, () => {
      this.fail("aborted", "was aborted", signal.reason);
      settle.onAborted(this);
    });
  }

  /** Not applied if it was not sent, or cannot change anything; otherwise unknown. */
  get outcome(): OperationOutcome {
    return this.sentAt === null || !this.request.isWrite ? "not-applied" : "unknown";
  }

  get what(): string {
    return this.request.path === null ? this.request.name : `${this.request.name} ${this.request.path}`;
  }

  /** Throws where the answer cannot be read; the call is then still open. */
  answer(errorCode: number, reader: ByteReader, errorOf: (call: Call) => Error): void {
    const { request } = this;
    if (this.isSettled) {
      request.onAbandoned?.(errorCode);
      return;
    }
    if (errorCode === 0) {
      this.#accept(reader);
      return;
    }
    request.onAnswer?.(errorCode);
    const answer = request.answerOf?.(errorCode) ?? null;
    if (answer === null) this.reject(errorOf(this));
    else this.#settle(() => this.#resolve(answer.value));
  }

  #accept(reader: ByteReader): void {
    let value: unknown;
    try {
      value = this.request.decode(reader);
    } catch (error) {
      if (!(error instanceof CoordinationError)) throw error;
      this.reject(error); // a multi's answer that is a refusal
      return;
    }
    this.request.onAnswer?.(0);
    this.#settle(() => this.#resolve(value));
  }

  /** `why` continues the sentence that the call begins. */
  fail(code: CoordinationErrorCode, why: string, cause?: unknown): void {
    const { outcome } = this;
    const tail = outcome === "unknown" ? "; it may have been applied" : "";
    const options = cause === undefined ? {} : { cause };
    this.reject(new CoordinationError(code, outcome, `${this.what} ${why}${tail}`, options));
  }

  reject(error: Error): void {
    this.#settle(() => this.#reject(error));
  }

  #settle(how: () => void): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.#unlink();
    if (this.sentAt === null) this.release(); // a sent one counts until its answer comes, or its connection ends
    how();
  }

  release(): void {
    const { backlog } = this;
    this.backlog = null;
    backlog?.letGo(this);
  }
}

/** A call of the client itself, which nobody waits for. The end of its connection is not a refusal. */
export function ownCall(request: Request<void>, onRefused: (error: Error) => void): Call {
  return new Call(request, Number.POSITIVE_INFINITY, undefined, {
    resolve: nothing,
    reject: (error) => {
      if (error instanceof CoordinationError && error.code === "rejected") onRefused(error);
    },
    onAborted: nothing,
  });
}

/** `why`: what happened to the connection, or to the client. */
export function failAll(calls: Iterable<Call>, code: "connection-lost" | "closed", why: string): void {
  for (const call of calls) call.fail(code, `${call.sentAt === null ? "was not sent" : "got no answer"}: ${why}`);
}

export function lostCall(call: Call, reason: SessionLostError): CoordinationError {
  const message = `${call.what} ${call.sentAt === null ? "was not sent" : "got no answer"}: ${reason.message}`;
  return new CoordinationError("session-expired", call.outcome, message, { cause: reason });
}
