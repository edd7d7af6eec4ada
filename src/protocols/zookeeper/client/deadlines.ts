// One timer for the deadlines of all calls. Most calls are answered long before, so an answered call costs nothing here.

import type { Call } from "./call.ts";
import type { ClientPorts } from "./ports.ts";
import { nothing } from "./request.ts";

export class Deadlines {
  readonly #clock: Pick<ClientPorts["clock"], "now" | "after">;
  readonly #outstanding: () => Iterable<Call>;
  readonly #onLate: (call: Call) => void;
  /** When the timer fires. */
  #at = Number.POSITIVE_INFINITY;
  #stopTimer: () => void = nothing;

  constructor(
    clock: Pick<ClientPorts["clock"], "now" | "after">,
    outstanding: () => Iterable<Call>,
    onLate: (call: Call) => void,
  ) {
    this.#clock = clock;
    this.#outstanding = outstanding;
    this.#onLate = onLate;
  }

  note({ deadline }: Call): void {
    if (deadline >= this.#at) return;
    this.#stopTimer();
    this.#at = deadline;
    this.#stopTimer = this.#clock.after(Math.max(1, deadline - this.#clock.now()), () => this.#sweep());
  }

  stop(): void {
    this.#stopTimer();
    this.#at = Number.POSITIVE_INFINITY;
  }

  #sweep(): void {
    this.#at = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (const call of [...this.#outstanding()]) {
      if (call.isSettled) continue;
      if (call.deadline <= now) this.#onLate(call);
      else if (call.deadline < Number.POSITIVE_INFINITY) this.note(call);
    }
  }
}
