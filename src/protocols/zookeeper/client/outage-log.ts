// The log while no server is connected: one warning at the beginning, one every half minute, one line at the end. Connections that
// come and go are logged a few times, and then no more often than that.

import type { Logger } from "../../../base/logger.ts";
import { OUTAGE_WARNING_MS, OUTAGE_WARNINGS_AT_ONCE } from "./limits.ts";

interface Outage {
  readonly since: number;
  /** Whether its beginning was logged. */
  isTold: boolean;
  attempts: number;
}

export class OutageLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  /** Each server's last reason, for errors. */
  readonly #troubles = new Map<string, string>();
  /** Those among them that nobody can reach before somebody starts a server or corrects the name. */
  readonly #refusals = new Set<string>();
  readonly #refusalListeners = new Set<() => void>();
  #outage: Outage | null = null;
  #warnedAt = Number.NEGATIVE_INFINITY;
  /** Warnings that may still be given, and when that was counted. */
  #allowance = OUTAGE_WARNINGS_AT_ONCE;
  #countedAt: number;

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
    this.#countedAt = now();
  }

  /** Each server's reason against a connection; `tried` is one that has not answered yet. */
  describe(tried: string | null): string {
    const troubles = new Map(this.#troubles);
    if (tried !== null) troubles.set(tried, "has not answered yet");
    return troubles.size === 0 ? "none has answered yet" : [...troubles].map((words) => words.join(" ")).join("; ");
  }

  /** Calls the listener after each round in which every server refused the connection. Returns a function that stops that. */
  onAllRefused(listener: () => void): () => void {
    this.#refusalListeners.add(listener);
    return () => void this.#refusalListeners.delete(listener);
  }

  /** Every server has been tried, and none gave a session. */
  onRoundFailed(): void {
    if (this.#troubles.size === 0 || this.#refusals.size < this.#troubles.size) return;
    for (const listener of [...this.#refusalListeners]) listener();
  }

  /** A connection ended, or an attempt failed. `isRefusal`: nobody listens there, or there is no such host. */
  note(server: string, why: string, isRefusal: boolean): void {
    this.#troubles.set(server, why);
    if (isRefusal) this.#refusals.add(server);
    else this.#refusals.delete(server);
    const now = this.#now();
    const outage = this.#outage ?? { since: now, isTold: false, attempts: 0 };
    outage.attempts += 1;
    if (this.#outage === null) this.#begin(outage, `${server} ${why}`);
    else if (now - this.#warnedAt >= OUTAGE_WARNING_MS && this.#mayWarn()) this.#remind(outage, now);
  }

  onConnected(server: string): void {
    this.#troubles.clear();
    this.#refusals.clear();
    const outage = this.#outage;
    this.#outage = null;
    if (outage === null || !outage.isTold) return;
    this.#logger.info(`connected to ${server} again, ${this.#sizeOf(outage)}`);
  }

  #begin(outage: Outage, what: string): void {
    this.#outage = outage;
    if (!this.#mayWarn()) return;
    outage.isTold = true;
    this.#logger.warn(`${what}; not connected`);
  }

  #remind(outage: Outage, now: number): void {
    outage.isTold = true;
    const why = [...this.#troubles].map((words) => words.join(" ")).join("; ");
    this.#logger.warn(`not connected for ${seconds(now - outage.since)}, ${count(outage.attempts)}: ${why}`);
  }

  #mayWarn(): boolean {
    const now = this.#now();
    const earned = (now - this.#countedAt) / OUTAGE_WARNING_MS;
    this.#allowance = Math.min(OUTAGE_WARNINGS_AT_ONCE, this.#allowance + earned);
    this.#countedAt = now;
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    this.#warnedAt = now;
    return true;
  }

  #sizeOf({ since, attempts }: Outage): string {
    return `after ${seconds(this.#now() - since)}, ${count(attempts)}`;
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function count(attempts: number): string {
  return attempts === 1 ? "1 connection that ended" : `${attempts} connections that ended or could not be made`;
}
