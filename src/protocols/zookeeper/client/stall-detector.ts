// How long this process was kept from running, seen by how late its timers come: so that a session that was lost because the
// event loop was blocked is not blamed on the servers.

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

  /** As the clock's, watched for coming late. */
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

  /** What was before no longer matters to anybody: something has been confirmed that was asked after it. */
  onConfirmed(sentAt: number): void {
    if (sentAt >= this.#endedAt) this.#longestMs = 0;
  }

  /** The longest stall since then, at least so long; one that goes on until this moment counts too. */
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
