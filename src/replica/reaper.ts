// The leader's broom: containers that emptied and TTL nodes that nobody touched are deleted through the log, a few at a
// time. What is due is decided again when the deletion is applied.

import type { Machine } from "../state/machine.ts";
import type { Reapable } from "../state/tree/commands.ts";

export interface ReaperOptions {
  /** ZooKeeper's `znode.container.checkIntervalMs`. */
  readonly intervalMs: number;
  /** `znode.container.maxNeverUsedIntervalMs`: containers that never had a child go after this long; 0: never. */
  readonly neverUsedMs: number;
  /** `znode.container.maxPerMinute`. */
  readonly maxPerMinute: number;
}

export class Reaper {
  readonly #machine: Machine;
  readonly #options: ReaperOptions;
  #sinceLast = 0;

  constructor(machine: Machine, options: ReaperOptions) {
    this.#machine = machine;
    this.#options = options;
  }

  /** Lets time pass on the leader; returns what is due now, `wall` being its clock. */
  advance(milliseconds: number, wall: number): readonly Reapable[] {
    this.#sinceLast += milliseconds;
    const { intervalMs, neverUsedMs, maxPerMinute } = this.#options;
    if (this.#sinceLast < intervalMs) return [];
    this.#sinceLast = 0;
    const most = Math.max(1, Math.ceil((maxPerMinute * intervalMs) / 60_000));
    const due: Reapable[] = [];
    for (const candidate of this.#machine.tree.reapable(wall, neverUsedMs)) {
      if (due.length >= most) break;
      due.push(candidate);
    }
    return due;
  }
}
