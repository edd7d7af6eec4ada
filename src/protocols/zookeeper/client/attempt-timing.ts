// How long one attempt to connect may take, and how long a pause between two rounds of them.

import { ATTEMPT_MS_MAX, ATTEMPT_MS_MIN, BACKOFF_MS_MAX, BACKOFF_PARTS_WHILE_UNSURE } from "./limits.ts";
import type { Server } from "./server-selector.ts";
import type { Session } from "./session.ts";

export interface AttemptOptions {
  readonly servers: readonly Server[];
  readonly sessionTimeoutMs: number;
  readonly attemptTimeoutMs: number | null;
}

export function attemptMs(options: AttemptOptions, session: Session | null): number {
  const { attemptTimeoutMs, sessionTimeoutMs, servers } = options;
  if (attemptTimeoutMs !== null) return attemptTimeoutMs;
  const timeoutMs = session?.timeoutMs ?? sessionTimeoutMs;
  // A silent server is given up after two thirds of the timeout: the last third is for all the others.
  const share = session === null ? timeoutMs / servers.length : timeoutMs / 3 / servers.length;
  return Math.min(ATTEMPT_MS_MAX, Math.max(ATTEMPT_MS_MIN, share));
}

export function pauseMsMax(session: Session | null): number {
  return session === null ? BACKOFF_MS_MAX : session.timeoutMs / BACKOFF_PARTS_WHILE_UNSURE;
}
