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

/** Granted when enough have come; `ahead` is how many are missing. `release` leaves without waiting for the others. */
export interface BarrierParticipant extends Contender {
  /**
   * After the grant: marks this participant as finished, and tells how far the others are. Poll it until it is `over`, each time when
   * `changed` has resolved. Goes on through lost connections, and fails, as `poll` does.
   */
  leave(): Promise<LeaveProgress>;
  /**
   * Before `release`, when the wait to enter has failed: removes the participant, unless it was counted already; then the others have
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

/** How far the end of a round is. `over`: everyone who was inside with it has left or died; this participant is out as well. */
export type LeaveProgress =
  | { readonly kind: "over" }
  | {
      readonly kind: "waiting";
      /** How many others of its round are still inside; at least 1. */
      readonly inside: number;
      /** Resolves when asking again is worthwhile; also too early, but never too late. Never rejects. */
      readonly changed: Promise<void>;
    };
