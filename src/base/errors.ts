// The one class of errors that programs meet. It states whether the operation was applied, so that nobody has to guess.

import "./disposal.ts";

/** Whether the operation took effect. `unknown`: it may have, or may yet. */
export type OperationOutcome = "applied" | "not-applied" | "unknown";

export type CoordinationErrorCode =
  | "aborted"
  | "closed"
  | "configuration"
  | "connection-lost"
  | "damaged"
  | "deadline"
  | "no-quorum"
  | "no-space"
  | "overloaded"
  | "rejected"
  | "session-expired";

export class CoordinationError extends Error {
  override readonly name: string = "CoordinationError";
  readonly code: CoordinationErrorCode;
  readonly outcome: OperationOutcome;

  constructor(code: CoordinationErrorCode, outcome: OperationOutcome, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.outcome = outcome;
  }

  /** As logs have it: with its message, and text where JSON has no numbers of that size. */
  toJSON(): Record<string, unknown> {
    const { message, cause } = this;
    const own = Object.entries(this).map(([key, value]) => [key, typeof value === "bigint" ? String(value) : value]);
    const why = cause === undefined ? {} : { cause: cause instanceof Error ? cause.message : String(cause) };
    return { ...Object.fromEntries(own), message, ...why };
  }
}
