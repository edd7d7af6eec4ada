// The duty of deleting empty containers and expired TTL nodes: one sweep in each interval.

import type { Machine } from "../../state/machine.ts";
import { encodeReap } from "../../state/tree/commands.ts";
import type { Encode, LeaderDuty, LeaderView } from "./duty.ts";
import { Reaper, type ReaperOptions } from "./reaper.ts";

export class Reaping implements LeaderDuty {
  readonly name = "reaping";
  readonly intervalMs: number;
  readonly #reaper: Reaper;
  #isSweepDue = false;
  /** Its latest deletions stand in the log up to here. */
  #reapedUpTo = 0;

  constructor(machine: Machine, options: ReaperOptions) {
    this.intervalMs = options.intervalMs;
    this.#reaper = new Reaper(machine, options);
  }

  onInterval(): void {
    this.#isSweepDue = true;
  }

  /** A sweep that was due while deletions of the last one, or the disk, were waited for is made up for afterwards. */
  due(view: LeaderView): readonly Encode[] {
    if (view.appliedIndex < this.#reapedUpTo) return NOTHING;
    if (this.#isSweepDue && !this.#reaper.isSweeping) {
      this.#isSweepDue = false;
      this.#reaper.begin(() => view.wall);
    }
    const due = this.#reaper.takeDue(view.now);
    return due.length === 0 ? NOTHING : due.map((candidate) => (writer) => encodeReap(writer, candidate));
  }

  onProposed(lastIndex: number): void {
    this.#reapedUpTo = lastIndex;
  }

  reset(): void {
    this.#reapedUpTo = 0;
    this.#reaper.stop();
  }
}

const NOTHING: readonly Encode[] = [];
