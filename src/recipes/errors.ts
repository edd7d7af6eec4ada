// How ownership ends, as the reasons of a handle's signal; and what was refused before it was written.

import { CoordinationError } from "../base/errors.ts";
import type { SchemaIssue } from "./standard-schema.ts";

/**
 * Why something is not held any more. `session-expired`: the servers gave the session up. `deadline`: nothing was heard from
 * them for so long that they may have. `unsure`: they are not reached, and the holder asked to stop at that. `deleted`:
 * somebody removed it on the servers. `revoked`: it was taken back. `closed`: the connection was closed by this program.
 */
export type LossCause = "session-expired" | "deadline" | "unsure" | "deleted" | "revoked" | "closed";

const WORDS: Readonly<Record<LossCause, string>> = {
  "session-expired": "the servers have ended its session",
  deadline: "its time is over by this process's clock, and another may hold it",
  unsure: "the servers are not reached",
  deleted: "somebody removed it on the servers",
  revoked: "it was taken back",
  closed: "the connection was closed by this program",
};

/** It is not held any more, without having been released: others may hold it now. */
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

/** It was released by its holder. */
export class ReleasedError extends CoordinationError {
  override readonly name = "ReleasedError";
  readonly token: bigint;

  constructor(what: string, token: bigint) {
    super("closed", "applied", `${what} (token ${token}) was released`);
    this.token = token;
  }
}

/** A value that was to be written does not pass its schema; nothing was written. */
export class InvalidValueError extends CoordinationError {
  override readonly name = "InvalidValueError";
  /** The schema's. */
  readonly issues: readonly SchemaIssue[];

  constructor(message: string, issues: readonly SchemaIssue[]) {
    super("rejected", "not-applied", message);
    this.issues = issues;
  }
}

/** `exists`, `missing`: the place. `changed`: it is in another version. `not-empty`: there is something below it. `lost`: a guard's. */
export type StepFailure = "exists" | "missing" | "changed" | "not-empty" | "lost";

/** A transaction of which nothing was applied, because one of its steps could not be done. */
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
