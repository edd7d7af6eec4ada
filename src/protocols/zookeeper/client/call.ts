// A request with someone who waits for it: settled once, by its answer, its end, its deadline or its caller's signal.
// What an ending says of the operation depends on one thing, whether its bytes had left: `sentAt`.

import { whenAborted } from "../../../base/abort.ts";
import type { ByteReader } from "../../../base/bytes.ts";
import { CoordinationError, type CoordinationErrorCode, type OperationOutcome } from "../../../base/errors.ts";
import type { SessionLostError } from "./errors.ts";
import { nothing, type Request } from "./request.ts";

/** What every call may be given. */
export interface CallOptions {
  /** Ends the wait. What was sent by then may be applied all the same: see the error's `outcome`. */
  readonly signal?: AbortSignal | undefined;
  /** How long the answer may take; the client's `requestTimeoutMs` unless given. */
  readonly timeoutMs?: number | undefined;
}

export class Call {
  readonly request: Request<unknown>;
  /** By the client's clock. */
  readonly deadline: number;
  /** When its bytes left; null: they have not. */
  sentAt: number | null = null;
  isSettled = false;
  /** Where it counts as long as something of it is held. */
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

  /** Nothing happened yet, or nothing can have: the rest is unknown. */
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
      this.reject(error); // an answer that is a refusal: a multi's
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
    if (this.sentAt === null) this.release(); // one that was sent keeps its place until its answer comes, or its connection ends
    how();
  }

  release(): void {
    const { backlog } = this;
    this.backlog = null;
    backlog?.letGo(this);
  }
}

/** A call of the client's own, which nobody waits for; that its connection ends is no refusal. */
export function ownCall(request: Request<void>, onRefused: (error: Error) => void): Call {
  return new Call(request, Number.POSITIVE_INFINITY, undefined, {
    resolve: nothing,
    reject: (error) => {
      if (error instanceof CoordinationError && error.code === "rejected") onRefused(error);
    },
    onAborted: nothing,
  });
}

/** `why` says what the connection, or the client, came to. */
export function failAll(calls: Iterable<Call>, code: "connection-lost" | "closed", why: string): void {
  for (const call of calls) call.fail(code, `${call.sentAt === null ? "was not sent" : "got no answer"}: ${why}`);
}

export function lostCall(call: Call, reason: SessionLostError): CoordinationError {
  const message = `${call.what} ${call.sentAt === null ? "was not sent" : "got no answer"}: ${reason.message}`;
  return new CoordinationError("session-expired", call.outcome, message, { cause: reason });
}
