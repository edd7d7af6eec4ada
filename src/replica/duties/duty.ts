// A duty of the leader: work that the leader does by commands of its own. These commands carry the leader's term and are never
// sent again. If a term ends before a command is committed, the next leader finds the work due again.

import type { Configuration, MemberId, MemberProgress, MemberRecord } from "../../consensus/raft/types.ts";
import type { Encode } from "../term-batches.ts";

export type { Encode } from "../term-batches.ts";

/** What a duty may know of the leader and its ensemble, and the one thing it may do besides proposing. */
export interface LeaderView {
  /** Monotonic milliseconds, of this member. */
  readonly now: number;
  /** Milliseconds since 1970 by the leader's wall clock, as batches are stamped. */
  readonly wall: number;
  /** The entry up to which the state has applied the log. */
  readonly appliedIndex: number;
  readonly configuration: Configuration;
  readonly isChangingMembership: boolean;
  /** What the leader knows of each member from its replies, as it is now; made anew at each call. */
  progress(): ReadonlyMap<MemberId, MemberProgress>;
  /** The newest wire version of the program that a member runs; null while it is not connected. */
  versionOf(member: MemberId): number | null;
  /** Asks the core for another set of members; ignored while a change is under way. */
  changeMembership(members: readonly MemberRecord[], isReconfiguration: boolean): void;
}

export interface LeaderDuty {
  /** For logs and tests. */
  readonly name: string;
  /** It is asked so often as well, by a clock of its own, besides at each tick. */
  readonly intervalMs?: number;
  /** Its interval has passed, whoever leads. */
  onInterval?(): void;
  /** Encoders of what is to be proposed now. Asked only while this member leads and its log takes proposals. */
  due(view: LeaderView): readonly Encode[];
  /** What it returned is in the leader's log, up to this index. */
  onProposed?(lastIndex: number): void;
  /** The role or the term has changed: what was proposed may be lost, and nothing of it is known. */
  reset(): void;
}
