// Retries: a request is repeated until it has an answer, through lost connections, as long as its session lives and the client is
// open.

import { CoordinationError } from "../../base/errors.ts";
import { type ZooKeeperClient, ZooKeeperError, type ZooKeeperReason } from "../../protocols/zookeeper/client/index.ts";
import type { Runtime } from "../../recipes/engine.ts";
import { RETRY_MS_MAX, RETRY_MS_MIN } from "./limits.ts";

/** The client, and the clock and chance of the delays. */
export interface RetryContext {
  readonly client: ZooKeeperClient;
  readonly runtime: Runtime;
}

/**
 * Repeats `ask` after a lost connection and after a call's own deadline: the next call waits in the client for the next
 * connection. After an answer of "not now" it waits first. `ask` must be harmless twice.
 */
export async function retry<T>(context: RetryContext, ask: () => Promise<T>): Promise<T> {
  let delays: RetryDelays | null = null;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      delays ??= new RetryDelays(context);
      await delays.after(error);
    }
  }
}

/** Delays between two tries, each twice as long as the one before, up to a limit. They end early with the session and the client. */
export class RetryDelays {
  readonly #context: RetryContext;
  #milliseconds = RETRY_MS_MIN;
  #end: () => void = () => {};

  constructor(context: RetryContext) {
    this.#context = context;
  }

  /** Fails with the error unless a retry may bring an answer; otherwise completes when it is time for the retry. */
  async after(error: unknown): Promise<void> {
    if (!isPassing(error)) throw error;
    if (isAnswer(error)) await this.next();
  }

  /** Never fails. */
  async next(): Promise<void> {
    const { client, runtime } = this.#context;
    // Random, so that requests that were refused together do not come back together.
    const milliseconds = this.#milliseconds * (0.5 + runtime.random.below(512) / 1024);
    this.#milliseconds = Math.min(RETRY_MS_MAX, 2 * this.#milliseconds);
    let stopTimer = () => {};
    let stopState = () => {};
    await new Promise<void>((resolve) => {
      this.#end = resolve;
      stopTimer = runtime.after(milliseconds, resolve);
      stopState = client.onState(({ kind }) => (kind === "lost" || kind === "closed" ? resolve() : undefined));
    });
    stopTimer();
    stopState();
  }

  /** Ends the current delay, and begins with short ones again. */
  wake(): void {
    this.#milliseconds = RETRY_MS_MIN;
    this.#end();
  }
}

/** No answer, or "not now": a retry may bring an answer. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof CoordinationError)) return false;
  if (error.code === "connection-lost" || error.code === "deadline" || error.code === "overloaded") return true;
  return error instanceof ZooKeeperError && PASSING.has(error.reason);
}

const PASSING: ReadonlySet<ZooKeeperReason> = new Set([
  "connection-loss",
  "operation-timeout",
  "request-timeout",
  "session-moved",
  "throttled",
]);

/** An answer by a server, or by the client for want of room: an immediate retry would get the same. */
function isAnswer(error: unknown): boolean {
  return error instanceof ZooKeeperError || isOverloaded(error);
}

/** The client has no room for the request: it is refused at once, and would be again. */
export function isOverloaded(error: unknown): boolean {
  return error instanceof CoordinationError && error.code === "overloaded";
}

/**
 * A refusal that may pass although nobody changes the request: a disk is full, a quota is reached, a server is overloaded or has no
 * quorum.
 */
export function mayPass(error: unknown): boolean {
  if (isPassing(error) || (error instanceof ZooKeeperError && TEMPORARY.has(error.reason))) return true;
  return error instanceof CoordinationError && error.cause !== undefined && mayPass(error.cause);
}

const TEMPORARY: ReadonlySet<ZooKeeperReason> = new Set([
  "system-error", // Cabildo: a full disk; ZooKeeper: an internal error
  "runtime-inconsistency",
  "quota-exceeded",
  "not-read-only",
]);

export function isRefusal(error: unknown, reason: ZooKeeperReason): boolean {
  return error instanceof ZooKeeperError && error.reason === reason;
}

/** The session or the client has ended, and with it everything that it held. */
export function isOver(error: unknown): boolean {
  return error instanceof CoordinationError && (error.code === "session-expired" || error.code === "closed");
}

/** Whether the failed write may have been applied. */
export function isUnknown(error: unknown): boolean {
  return !(error instanceof CoordinationError) || error.outcome === "unknown";
}

/** The same error, where an earlier attempt of the same write may have been applied. */
export function withUnknownOutcome(error: unknown): unknown {
  if (isUnknown(error)) return error;
  const { code, message } = error as CoordinationError;
  return new CoordinationError(code, "unknown", message, { cause: error });
}

/** The same error, for a write that is now known not to have been applied. */
export function notApplied(error: unknown): unknown {
  if (!(error instanceof CoordinationError) || error.outcome !== "unknown") return error;
  if (error instanceof ZooKeeperError) {
    return new ZooKeeperError(error.errorCode, error.path, "not-applied", error.message);
  }
  return new CoordinationError(error.code, "not-applied", error.message, { cause: error });
}
