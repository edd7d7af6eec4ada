// What is asked until there is an answer: connections may be lost, as long as the session lives, or the client is open.

import { CoordinationError } from "../../base/errors.ts";
import { ZooKeeperError, type ZooKeeperReason } from "../../protocols/zookeeper/client/index.ts";

/**
 * Asks again after a lost connection and after a call's own deadline: the next call waits in the client for the next
 * connection, so this is no busy loop. `ask` must be harmless twice.
 */
export async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  }
}

/** No word on whether it was done, and asking again may bring one. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof CoordinationError)) return false;
  if (error.code === "connection-lost" || error.code === "deadline") return true;
  return error instanceof ZooKeeperError && PASSING.has(error.reason);
}

const PASSING: ReadonlySet<ZooKeeperReason> = new Set([
  "connection-loss",
  "operation-timeout",
  "request-timeout",
  "session-moved",
  "throttled",
]);

export function isRefusal(error: unknown, reason: ZooKeeperReason): boolean {
  return error instanceof ZooKeeperError && error.reason === reason;
}

/** The session is over, or the client: with either, whatever was held by it. */
export function isOver(error: unknown): boolean {
  return error instanceof CoordinationError && (error.code === "session-expired" || error.code === "closed");
}
