// Deletes empty containers and expired TTL nodes, by commands of the leader. `apply` checks again whether a node is due. A
// sweep looks at each container and each TTL node once. A large sweep is done in parts, so that nothing else waits, and no
// faster than the settings allow.

import type { Machine } from "../../state/machine.ts";
import type { Reapable } from "../../state/tree/commands.ts";
import { TreeModel } from "../../state/tree/model.ts";

export interface ReaperOptions {
  /** ZooKeeper's `znode.container.checkIntervalMs`: how often a sweep begins. */
  readonly intervalMs: number;
  /** `znode.container.maxNeverUsedIntervalMs`: containers that never had a child go after this long; 0: never. */
  readonly neverUsedMs: number;
  /** `znode.container.maxPerMinute`. */
  readonly maxPerMinute: number;
}

/** Nodes looked at in one part of a sweep: a few milliseconds. */
const LOOKED_AT_MAX = 20_000;
const MINUTE_MS = 60_000;
const SECOND_MS = 1000;

export class Reaper {
  readonly #machine: Machine;
  readonly #options: ReaperOptions;
  /** Deletions that may be asked for at once, at most: an interval's worth, or a second's. */
  readonly #allowanceMax: number;
  #allowance: number;
  #allowedAt = Number.NEGATIVE_INFINITY;
  /** The sweep that goes on; null: none does. */
  #sweep: Iterator<Reapable | null> | null = null;

  constructor(machine: Machine, options: ReaperOptions) {
    this.#machine = machine;
    this.#options = options;
    const atOnceMs = Math.max(options.intervalMs, SECOND_MS);
    this.#allowanceMax = Math.max(1, Math.ceil((options.maxPerMinute * atOnceMs) / MINUTE_MS));
    this.#allowance = this.#allowanceMax;
  }

  get isSweeping(): boolean {
    return this.#sweep !== null;
  }

  /** Begins a sweep, unless one goes on. `wall` is the leader's clock at each moment. */
  begin(wall: () => number): void {
    // As batches are stamped: time never goes back, also when the leader before had a faster clock.
    const now = (): number => Math.max(wall(), this.#machine.time);
    this.#sweep ??= this.#machine.model(TreeModel).tree.sweep(now, this.#options.neverUsedMs);
  }

  /** The leader leads no more, or the state was replaced. */
  stop(): void {
    this.#sweep = null;
  }

  /** A part of the sweep: what of it is due. `now` is of a clock that never goes back. */
  takeDue(now: number): readonly Reapable[] {
    const due: Reapable[] = [];
    this.#allow(now);
    for (let looked = 0; this.#sweep !== null && this.#allowance >= 1 && looked < LOOKED_AT_MAX; looked++) {
      const { value, done } = this.#sweep.next();
      if (done === true) {
        this.#sweep = null;
      } else if (value !== null) {
        due.push(value);
        this.#allowance -= 1;
      }
    }
    return due;
  }

  #allow(now: number): void {
    const passed = Math.min(now - this.#allowedAt, MINUTE_MS);
    this.#allowedAt = now;
    const gained = (passed * this.#options.maxPerMinute) / MINUTE_MS;
    this.#allowance = Math.min(this.#allowanceMax, this.#allowance + gained);
  }
}
