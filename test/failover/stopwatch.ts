// From the moment a leader is gone to each client's next acknowledged write: one that the client asked for after that
// moment, so that no reply already on its way counts.
import type { Writer } from "./writers.ts";

export interface Outage {
  /** The time of each writer that was attached to the lost leader, in ms, and of each that was not. */
  readonly reattached: number[];
  readonly elsewhere: number[];
}

export class Stopwatch {
  #goneAt = Number.POSITIVE_INFINITY;
  #waiting = new Map<Writer, keyof Outage>();
  #outage: Outage = { reattached: [], elsewhere: [] };
  #finish: () => void = () => {};

  /** Begins at this moment; `counts` says whom to wait for. */
  begin(writers: readonly Writer[], lostAddress: string): { outage: Outage; over: Promise<void> } {
    const outage: Outage = { reattached: [], elsewhere: [] };
    this.#outage = outage;
    this.#waiting = new Map(writers.map((w) => [w, w.client.address === lostAddress ? "reattached" : "elsewhere"]));
    const over = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    if (this.#waiting.size === 0) this.#finish();
    this.#goneAt = performance.now();
    return { outage, over };
  }

  acknowledged(writer: Writer, askedAt: number): void {
    if (askedAt < this.#goneAt) return;
    const where = this.#waiting.get(writer);
    if (where === undefined) return;
    this.#outage[where].push(performance.now() - this.#goneAt);
    this.#waiting.delete(writer);
    if (this.#waiting.size === 0) this.#finish();
  }
}
