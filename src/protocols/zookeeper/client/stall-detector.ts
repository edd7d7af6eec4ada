// Detects how long this process's event loop was blocked, by how late its timers fire: so that the error of a lost session names a
// blocked loop instead of the servers.

import type { ClientPorts } from "./ports.ts";

interface Armed {
  readonly dueAt: number;
}

export class StallDetector {
  readonly #clock: Pick<ClientPorts["clock"], "now" | "after">;
  readonly #armed = new Set<Armed>();
  #longestMs = 0;
  #endedAt = 0;

  constructor(clock: Pick<ClientPorts["clock"], "now" | "after">) {
    this.#clock = clock;
  }

  /** As the clock's `after`, and notes how late the timer fires. */
  after(milliseconds: number, task: () => void): () => void {
    const timer: Armed = { dueAt: this.#clock.now() + milliseconds };
    this.#armed.add(timer);
    const stop = this.#clock.after(milliseconds, () => {
      this.#armed.delete(timer);
      this.#note(timer);
      task();
    });
    return () => {
      this.#armed.delete(timer);
      stop();
    };
  }

  /** A request that was sent after a stall has been confirmed: that stall does not matter any more. */
  onConfirmed(sentAt: number): void {
    if (sentAt >= this.#endedAt) this.#longestMs = 0;
  }

  /** The longest stall since then, including one that lasts until now; at least so long. */
  get longestMs(): number {
    for (const timer of this.#armed) this.#note(timer);
    return this.#longestMs;
  }

  #note({ dueAt }: Armed): void {
    const now = this.#clock.now();
    if (now - dueAt < this.#longestMs) return;
    this.#longestMs = now - dueAt;
    this.#endedAt = now;
  }
}
