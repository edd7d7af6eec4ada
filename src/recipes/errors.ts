// The reasons of a handle's signal, and errors of writes that were refused.

import { CoordinationError } from "../base/errors.ts";
import type { SchemaIssue } from "./standard-schema.ts";

/**
 * Why a handle was lost. `session-expired`: the servers ended the session. `deadline`: they were silent for so long that they may
 * have ended it. `unsure`: they are not reached, and the holder asked to stop then. `deleted`: somebody removed its node on the
 * servers. `revoked`: it was taken away. `closed`: this program closed the connection.
 */
export type LossCause = "session-expired" | "deadline" | "unsure" | "deleted" | "revoked" | "closed";

const WORDS: Readonly<Record<LossCause, string>> = {
  "session-expired": "the servers have ended its session",
  deadline: "its deadline has passed by this process's clock, and another may hold it",
  unsure: "the servers are not reached",
  deleted: "somebody removed it on the servers",
  revoked: "it was revoked",
  closed: "the connection was closed by this program",
};

/** The handle was lost, without a release: others may hold it now. */
export class LockLostError extends CoordinationError {
  override readonly name = "LockLostError";
  readonly lossCause: LossCause;
  readonly token: bigint;

  constructor(what: string, token: bigint, lossCause: LossCause, cause?: unknown) {
    const why = lossCause === "deadline" && cause instanceof Error ? `: ${cause.message}` : "";
    const message = `${what} (token ${token}) is lost: ${WORDS[lossCause]}${why}`;
    super(
      lossCause === "closed" ? "closed" : "session-expired",
      "unknown",
      message,
      cause === undefined ? {} : { cause },
    );
    this.lossCause = lossCause;
    this.token = token;
  }
}

/** The handle was released by its holder. */
export class ReleasedError extends CoordinationError {
  override readonly name = "ReleasedError";
  readonly token: bigint;

  constructor(what: string, token: bigint) {
    super("closed", "applied", `${what} (token ${token}) was released`);
    this.token = token;
  }
}

/** A value does not pass its schema, and was not written. */
export class InvalidValueError extends CoordinationError {
  override readonly name = "InvalidValueError";
  /** The schema's. */
  readonly issues: readonly SchemaIssue[];

  constructor(message: string, issues: readonly SchemaIssue[]) {
    super("rejected", "not-applied", message);
    this.issues = issues;
  }
}

/** `exists`, `missing`: the place. `changed`: its version is another. `not-empty`: it has children. `lost`: a guard's handle. */
export type StepFailure = "exists" | "missing" | "changed" | "not-empty" | "lost";

/** Nothing of the transaction was applied, because one step could not be done. */
export class TransactionError extends CoordinationError {
  override readonly name = "TransactionError";
  /** Which step, from 0. */
  readonly step: number;
  readonly failure: StepFailure;

  constructor(step: number, failure: StepFailure, message: string, options?: ErrorOptions) {
    super("rejected", "not-applied", message, options);
    this.step = step;
    this.failure = failure;
  }
}
