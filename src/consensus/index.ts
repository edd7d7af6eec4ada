// Consensus as a library: the Raft core and the arithmetic of majorities, pure and synchronous.

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
