// Double barriers: participants begin when enough have come, and end when all have finished.

import type { Contender } from "./contention.ts";
import type { EngineSession, PlaceOptions } from "./engine.ts";

export interface HasDoubleBarriers {
  /** All who use it must agree on how many `members` are enough; more may come. */
  doubleBarrier(name: string, members: number, options?: PlaceOptions): EngineDoubleBarrier;
}

export interface EngineDoubleBarrier {
  contend(session: EngineSession): BarrierParticipant;
}

/** Granted when enough have come; `ahead` is how many are missing. `release` goes out and waits for nobody. */
export interface BarrierParticipant extends Contender {
  /**
   * After the grant: leaves, at once or when its leaving tells the others that all are out. Says how many of those who were
   * inside with it are still there. Goes on through lost connections, as `poll` does.
   */
  leave(): Promise<LeaveProgress>;
  /**
   * Before `release`, when the wait has failed: takes the participant out, unless it was counted, for then the others have
   * begun with it. Never fails.
   */
  cancelEntry(): Promise<EntryCancellation>;
}

/**
 * `gone`: it was not counted, and never will be. `granted`: it was counted. `unknown`: the servers are not reached, or refuse to
 * remove it, so it may be counted yet.
 */
export type EntryCancellation =
  | { readonly kind: "gone" }
  | { readonly kind: "granted"; readonly token: bigint }
  | { readonly kind: "unknown" };

export type LeaveProgress =
  | { readonly kind: "over" }
  | { readonly kind: "waiting"; readonly inside: number; readonly changed: Promise<void> };
