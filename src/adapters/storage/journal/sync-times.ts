// How long the syncs of the log took: counted for the metrics, and told where one was slow.

import type { Logger } from "../../../base/logger.ts";
import { Summary } from "../../../base/summary.ts";
import type { DurationHistogram } from "../../../replica/ports.ts";

/** In seconds: etcd's, which dashboards expect, and three more below for disks that answer at once. */
const BOUNDS = [
  0.000125, 0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096,
  8.192,
];
const TELL_EVERY_MS = 10_000;

export class SyncTimes implements DurationHistogram {
  readonly bounds: readonly number[] = BOUNDS;
  readonly counts: number[] = new Array<number>(BOUNDS.length + 1).fill(0);
  sum = 0;
  readonly milliseconds: Summary;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly #slowMs: number;
  readonly #logger: Logger;
  #toldAt = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(slowMs: number, logger: Logger, now: () => number) {
    this.milliseconds = new Summary(now);
    this.now = now;
    this.#slowMs = slowMs;
    this.#logger = logger;
  }

  /** A sync ended `now`, after so many milliseconds. */
  note(milliseconds: number, now: number): void {
    const seconds = milliseconds / 1000;
    let place = 0;
    while (place < BOUNDS.length && seconds > BOUNDS[place]!) place++;
    this.counts[place]!++;
    this.sum += seconds;
    this.milliseconds.add(milliseconds, now);
    if (milliseconds > this.#slowMs) this.#tell(milliseconds, now);
  }

  /** One line in ten seconds, however slow the disk is: the next says how many were left out. */
  #tell(milliseconds: number, now: number): void {
    if (now - this.#toldAt < TELL_EVERY_MS) {
      this.#untold++;
      return;
    }
    const more = this.#untold === 0 ? "" : ` (and ${this.#untold} more slow ones before it)`;
    this.#logger.warn(
      `a sync of the log took ${Math.round(milliseconds)} ms, more than fsync.warningthresholdms (${this.#slowMs} ms): ` +
        `writes wait for the disk${more}`,
    );
    this.#toldAt = now;
    this.#untold = 0;
  }
}
