/**
 * Consensus as a library: the Raft core and the arithmetic of majorities, pure and synchronous. `examples/raft-by-hand.ts` runs three
 * members in one array.
 *
 * @example
 * ```ts
 * import { majorityOf, reachedByMajority } from "cabildo/consensus";
 *
 * console.log(majorityOf(5)); // 3
 * console.log(reachedByMajority([12, 9, 12, 4, 10])); // 10: three of five hold the log up to there
 * ```
 *
 * @module cabildo/consensus
 */

export { bothOf, majorityOf, reachedByMajority, type Tally, tallyOf } from "./quorum.ts";
export { decodeConfiguration, encodeConfiguration } from "./raft/configuration.ts";
export { Raft } from "./raft/raft.ts";
export type {
  Configuration,
  Effect,
  Entry,
  EntryKind,
  HardState,
  Input,
  LogPosition,
  MemberId,
  MemberProgress,
  MemberRecord,
  Message,
  RaftOptions,
  RecoveredState,
  Role,
  SnapshotMeta,
} from "./raft/types.ts";
