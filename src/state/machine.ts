// What the log means: routes each command of a batch to its model, exactly once. (Contract; being filled in.)

import type { Outcome, StateEvents } from "./types.ts";

export declare class Machine {
  constructor(events: StateEvents);
  /** The number of commands applied so far: ZooKeeper's zxid. Every command consumes one, failed or not. */
  readonly revision: number;
  /** The latest time stamped into an applied batch: never goes back. */
  readonly time: number;
  readonly appliedIndex: number;
  /**
   * Applies one `commands` entry. For each command `outcomes` (if given) hears, in order, in the middle of it all.
   * Returns whether the batch was new: "applied", "duplicate" (seen before), or "gap" (an earlier one of its member is
   * missing: nothing was applied, the member sends again from there).
   */
  apply(
    index: number,
    batch: Uint8Array,
    outcomes: ((outcome: Outcome, revision: number) => void) | null,
  ): "applied" | "duplicate" | "gap";
  /** A configuration entry was committed. `joint`: one more follows by itself. */
  applyConfiguration(
    index: number,
    members: readonly { readonly id: number; readonly role: "voter" | "learner"; readonly address: string }[],
    joint: boolean,
  ): void;
  /** An entry without effect was committed. */
  applyNothing(index: number): void;
  /** The last batch sequence applied of this run of this member; -1 when a later run of it is known. */
  lastSequence(member: number, start: number): number;
}
