// What is asked until there is an answer: connections may be lost, as long as the session lives, or the client is open.

import { CoordinationError } from "../../base/errors.ts";
import { type ZooKeeperClient, ZooKeeperError, type ZooKeeperReason } from "../../protocols/zookeeper/client/index.ts";
import type { Runtime } from "../../recipes/engine.ts";
import { RETRY_MS_MAX, RETRY_MS_MIN } from "./limits.ts";

/** Who asks, and what its delays stand on. */
export interface RetryContext {
  readonly client: ZooKeeperClient;
  readonly runtime: Runtime;
}

/**
 * Asks again after a lost connection and after a call's own deadline: the next call waits in the client for the next
 * connection. A server that answers "not now" is asked again after a pause. `ask` must be harmless twice.
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

/** Pauses between two tries, each twice as long as the one before, up to a limit. They end with the session, and with the client. */
export class RetryDelays {
  readonly #context: RetryContext;
  #milliseconds = RETRY_MS_MIN;
  #end: () => void = () => {};

  constructor(context: RetryContext) {
    this.#context = context;
  }

  /** Fails with the error unless asking again may bring an answer; then completes when it is time to. */
  async after(error: unknown): Promise<void> {
    if (!isPassing(error)) throw error;
    if (isAnswer(error)) await this.next();
  }

  /** Never fails. */
  async next(): Promise<void> {
    const { client, runtime } = this.#context;
    // Those that were refused together do not come back together.
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

  /** Ends the one that is under way, and begins with short ones again. */
  wake(): void {
    this.#milliseconds = RETRY_MS_MIN;
    this.#end();
  }
}

/** No word on whether it was done, or "not now": asking again may bring one. */
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

/** A server said so, or the client for want of room, and would say it again at once. */
function isAnswer(error: unknown): boolean {
  return error instanceof ZooKeeperError || (error instanceof CoordinationError && error.code === "overloaded");
}

/**
 * Refused now, and perhaps not for long, though nobody changes what is asked: a disk is full, a quota is reached, a server is
 * overloaded or has no quorum.
 */
export function mayPass(error: unknown): boolean {
  if (isPassing(error) || (error instanceof ZooKeeperError && TEMPORARY.has(error.reason))) return true;
  return error instanceof CoordinationError && error.cause !== undefined && mayPass(error.cause);
}

const TEMPORARY: ReadonlySet<ZooKeeperReason> = new Set([
  "system-error", // Cabildo's word for a full disk, and ZooKeeper's for trouble of its own
  "runtime-inconsistency",
  "quota-exceeded",
  "not-read-only",
]);

export function isRefusal(error: unknown, reason: ZooKeeperReason): boolean {
  return error instanceof ZooKeeperError && error.reason === reason;
}

/** The session is over, or the client: with either, whatever was held by it. */
export function isOver(error: unknown): boolean {
  return error instanceof CoordinationError && (error.code === "session-expired" || error.code === "closed");
}

/** Whether the write that failed with it may have been done all the same. */
export function isUnknown(error: unknown): boolean {
  return !(error instanceof CoordinationError) || error.outcome === "unknown";
}

/** The same error, of a write that is now known not to have been done. */
export function notApplied(error: unknown): unknown {
  if (!(error instanceof CoordinationError) || error.outcome !== "unknown") return error;
  if (error instanceof ZooKeeperError) {
    return new ZooKeeperError(error.errorCode, error.path, "not-applied", error.message);
  }
  return new CoordinationError(error.code, "not-applied", error.message, { cause: error });
}
