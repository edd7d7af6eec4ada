// A term: leadership from an election to its end, and whom it may be handed over to.

import type { CandidateRecord } from "./candidate-record.ts";
import type { Handle } from "./handle.ts";

/** Leadership, from the election to the resignation or the loss. */
export interface Term extends Handle {
  /** Changes what others know of the leader. */
  publish(value: string): Promise<void>;
  /**
   * Resigns in favour of a candidate: the first with this id, or the one that was seen. It leads next, before all priorities;
   * candidates of Curator and kazoo in between lead when their turn comes. Fails ("rejected") when there is no such candidate:
   * then this one still leads.
   */
  handOver(to: string | CandidateInfo): Promise<void>;
}

export interface CandidateInfo extends CandidateRecord {
  /** The token of its grant if it leads, or of the grant that it would get. A new one for each candidacy. */
  readonly token: bigint;
}
