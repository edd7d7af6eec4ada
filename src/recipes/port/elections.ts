// Leader elections: one leader at a time, and a list of candidates that everyone may see.

import type { Contender } from "./contention.ts";
import type { EngineSession, PlaceOptions, ReadOptions, WatchedRead } from "./engine.ts";

export interface HasElections {
  election(name: string, form: ElectionForm, options?: PlaceOptions): EngineElection;
}

/** With whom it is shared on ZooKeeper: Curator's LeaderLatch, or its LeaderSelector. */
export type ElectionForm = "latch" | "selector";

export interface EngineElection {
  contend(session: EngineSession, data: Uint8Array): Candidate;
  /** The candidates in their order, the leader first. */
  candidates(options?: ReadOptions): Promise<WatchedRead<readonly CandidateView[]>>;
  /**
   * Changes what others see of the candidate with this token. `change` gets the data as it is now; it may be called more than
   * once. False: there is no such candidate.
   */
  describe(token: bigint, change: (data: Uint8Array) => Uint8Array): Promise<boolean>;
}

export interface Candidate extends Contender {
  /** Changes what others see of it. Fails as writes do, and with the code "rejected" when it is not a candidate any more. */
  publish(data: Uint8Array): Promise<void>;
}

export interface CandidateView {
  /** The token that it was, or will be, granted with. */
  readonly token: bigint;
  readonly data: Uint8Array;
  /** The session that its candidacy ends with. */
  readonly session: string;
  /** When it came, in milliseconds since 1970 by the servers' clock. */
  readonly enteredAt: number;
}
