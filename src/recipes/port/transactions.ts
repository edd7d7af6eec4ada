// Changes of several places as one: all of them, or none.

import type { Contender } from "./contention.ts";
import type { PlaceOptions, WriteLimits } from "./engine.ts";

export interface HasTransactions {
  /**
   * Tried once, as a value's writes are. Missing parents of what is created are made with it. Returns each step's result, in
   * their order. Fails with a TransactionError when a step cannot be done: then none was.
   */
  transact(
    steps: readonly TransactionStep[],
    limits?: WriteLimits,
    options?: PlaceOptions,
  ): Promise<readonly StepResult[]>;
}

/**
 * `place`: an exact path, beginning with a slash. `version`: a `Versioned`'s; null: any. `guard` changes nothing; the transaction
 * fails unless the contender still holds what it was granted.
 */
export type TransactionStep =
  | { readonly kind: "check"; readonly place: string; readonly version: string | null }
  | { readonly kind: "create"; readonly place: string; readonly data: Uint8Array }
  | { readonly kind: "set"; readonly place: string; readonly data: Uint8Array; readonly version: string | null }
  | { readonly kind: "delete"; readonly place: string; readonly version: string | null }
  | { readonly kind: "guard"; readonly what: string; readonly contender: Contender };

/** The value after a step; null after a step that leaves none, or only checks. */
export type StepResult = { readonly version: string; readonly revision: bigint } | null;
