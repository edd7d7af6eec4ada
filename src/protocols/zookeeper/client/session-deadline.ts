// The timer of a session's deadline. It asks no socket, so a connection that is half open cannot keep a session alive.

import { STALL_TOLD_PARTS } from "./limits.ts";
import type { ClientPorts } from "./ports.ts";
import { nothing } from "./request.ts";
import type { ManagedSession } from "./session.ts";
import type { StallDetector } from "./stall-detector.ts";

export class SessionDeadline {
  readonly #clock: Pick<ClientPorts["clock"], "now">;
  readonly #stallDetector: StallDetector;
  readonly #check: () => void;
  #session: ManagedSession | null = null;
  #stopTimer: () => void = nothing;

  /** `check` is called when the deadline may have passed. */
  constructor(clock: Pick<ClientPorts["clock"], "now">, stallDetector: StallDetector, check: () => void) {
    this.#clock = clock;
    this.#stallDetector = stallDetector;
    this.#check = check;
  }

  /** Watches this session, with the deadline that it has now. */
  start(session: ManagedSession): void {
    this.stop();
    this.#session = session;
    // Not moved with every answered ping: when it fires early, it is set again.
    const milliseconds = Math.max(1, session.deadline - this.#clock.now());
    this.#stopTimer = this.#stallDetector.after(milliseconds, () => {
      this.#check();
      if (this.#session === session) this.start(session);
    });
  }

  stop(): void {
    this.#session = null;
    this.#stopTimer();
    this.#stopTimer = nothing;
  }

  hasPassed(session: ManagedSession): boolean {
    return this.#clock.now() >= session.deadline;
  }

  /** Half a sentence on a session whose deadline has passed. */
  whyLost({ confirmedAt, timeoutMs }: ManagedSession): string {
    const silentMs = Math.round(this.#clock.now() - confirmedAt);
    const { longestMs } = this.#stallDetector;
    if (longestMs < timeoutMs / STALL_TOLD_PARTS) {
      return `was not confirmed by any server in the last ${silentMs} ms, and its timeout is ${timeoutMs} ms`;
    }
    const stall = `this process's event loop was blocked for at least ${Math.round(longestMs)} ms`;
    return `was not confirmed in the last ${silentMs} ms, and its timeout is ${timeoutMs} ms: ${stall}`;
  }
}
