// The vocabulary of the Raft core: what goes in (`Input`), what comes out (`Effect`), what members say to each other
// (`Message`). Plain data only; the core itself is `raft.ts`.

import type { Founding, Standing } from "./founding.ts";

/** A member's number in its ensemble, `myid` to ZooKeeper's users: see base/member-id.ts. */
export type MemberId = number;

/** What an entry of the log carries. The core reads `configuration` payloads and no other. */
export type EntryKind = "commands" | "configuration" | "noop";

export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  readonly payload: Uint8Array;
}

/** A position in the log: entries are identified by index and term together. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

/** What a member must remember across a restart before it speaks of it. */
export interface HardState {
  readonly term: number;
  readonly votedFor: MemberId | null;
  /** A commit index known when this was written: where replay may begin at once. Never ahead of the truth. */
  readonly commitIndex: number;
}

export interface MemberRecord {
  readonly id: MemberId;
  readonly role: "voter" | "learner";
  /**
   * The random number that this member's data directory was born with. Votes and acknowledgements count only from the
   * incarnation named here, so that a member whose disk was wiped does not speak for what it has forgotten. 0: not known
   * yet, and so never counted yet.
   */
  readonly incarnation: number;
  /** Opaque to the core: its description, how to reach it among others (state/membership/description.ts). */
  readonly description: string;
}

export interface Configuration {
  /** Drawn by the first leader and carried by every later configuration: what tells one ensemble from another. 0 before. */
  readonly cluster: number;
  readonly members: readonly MemberRecord[];
  /** The voters of the configuration being left; empty unless the change is in its joint phase. */
  readonly outgoing: readonly MemberRecord[];
  /** An operator's reconfiguration has changed the members at least once: from then on no file says who belongs. */
  readonly isReconfigured?: boolean;
}

/** What a snapshot stands for: the state after `index`, and the configuration in force there. */
export interface SnapshotMeta extends LogPosition {
  readonly configuration: Configuration;
}

export interface RaftOptions {
  readonly id: MemberId;
  readonly incarnation: number;
  /**
   * False: it has lost what it held of an ensemble, and knows it. It never takes part in a founding, for it would
   * begin a second ensemble beside the one that it was of. True unless it is said.
   */
  readonly mayFound?: boolean;
  /** The members as this member's file lists them; where it is left out, its log alone says who belongs. */
  readonly listed?: readonly MemberRecord[];
  /** Voters that an ensemble is founded without, if they do not answer: the operator says that they hold nothing. */
  readonly foundWithout?: readonly MemberId[];
  /** Election timeout in ticks: drawn from [electionTicks, 2 × electionTicks). */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Limits on what one append carries, and on what may be in flight to one follower. */
  readonly appendBytesMax: number;
  readonly inflightBytesMax: number;
  readonly inflightAppendsMax: number;
  /** A leader refuses proposals while its uncommitted tail is larger. */
  readonly uncommittedBytesMax: number;
  /** Entries already applied and durable stay in memory, for followers a little behind, up to this many bytes. */
  readonly tailBytesMax: number;
  readonly snapshotChunkBytes: number;
  /** Also checks invariants whose cost grows with the log in memory: for tests and simulators. */
  readonly thoroughChecks?: boolean;
}

/** What a member finds on its disk when it starts. */
export interface RecoveredState {
  readonly hardState: HardState;
  /** The latest whole snapshot; index 0, term 0 and the initial configuration where there is none. */
  readonly snapshot: SnapshotMeta;
  readonly lastIndex: number;
  /** Where each term begins, from the snapshot on: `[{ index: first index of the term, term }]`, ascending. */
  readonly termStarts: readonly LogPosition[];
  /** Configuration entries after the snapshot, ascending. */
  readonly configurations: readonly { readonly index: number; readonly configuration: Configuration }[];
}

export type Input =
  /** A fixed amount of the leader's and followers' time has passed. */
  | { readonly kind: "tick" }
  | { readonly kind: "message"; readonly from: MemberId; readonly message: Message }
  /** Leader only: append these as `commands` entries. Check `canPropose` first; it is ignored otherwise. */
  | { readonly kind: "propose"; readonly payloads: readonly Uint8Array[] }
  /** Everything up to and including the `persist` effect of this sequence is durable. */
  | { readonly kind: "persisted"; readonly sequence: number }
  /** The state has applied everything up to `index`. */
  | { readonly kind: "applied"; readonly index: number }
  /** Asks for a point after which a local read is linearizable; answered by `readable` or `read-refused`. */
  | { readonly kind: "read"; readonly context: number }
  /** Hand leadership to a member; leader only. */
  | { readonly kind: "transfer"; readonly to: MemberId }
  /**
   * Leader only: go to this set of members, through a joint configuration where voters change. `isReconfiguration`: an
   * operator asked for it, and from now on no file counts.
   */
  | {
      readonly kind: "change-membership";
      readonly members: readonly MemberRecord[];
      readonly isReconfiguration?: boolean;
    }
  /** The connection to a peer closed: if it led, it is as good as silent for an election timeout. */
  | { readonly kind: "unreachable"; readonly peer: MemberId }
  /** Answers to `fetch`: entries from the disk, contiguous from the index asked for; empty if purged meanwhile. */
  | { readonly kind: "fetched"; readonly to: MemberId; readonly from: number; readonly entries: readonly Entry[] }
  /**
   * A local snapshot is durable: the log up to its index may go. Entries from `logFrom` on stay on the disk, for
   * followers a little behind; where it is left out, those after the snapshot.
   */
  | { readonly kind: "snapshot-taken"; readonly snapshot: SnapshotMeta; readonly logFrom?: number }
  /** Answers to `read-snapshot`. `data` null: that snapshot is gone, begin again with the latest. */
  | {
      readonly kind: "snapshot-read";
      readonly to: MemberId;
      readonly index: number;
      readonly offset: number;
      readonly data: Uint8Array | null;
      readonly done: boolean;
    }
  /** Answers to `write-snapshot`: the chunk is durable and, if it was the last, the state is restored from it. */
  | { readonly kind: "snapshot-written"; readonly index: number; readonly offset: number; readonly done: boolean }
  /** Another answer to the last `write-snapshot`: all of it came, and no state can be read from it. It is not on the disk any more. */
  | { readonly kind: "snapshot-unreadable"; readonly index: number };

/** In execution order. */
export type Effect =
  | { readonly kind: "send"; readonly to: MemberId; readonly message: Message }
  /**
   * Make durable, in the order of `sequence`: drop the log from `truncateFrom` on (if given), append `entries`, record
   * `hardState` (if given). Messages that depend on it are withheld by the core until `persisted`.
   */
  | {
      readonly kind: "persist";
      readonly sequence: number;
      readonly truncateFrom: number | null;
      readonly entries: readonly Entry[];
      readonly hardState: HardState | null;
    }
  /** Everything up to `index` is committed; the replica applies it in order, from memory or disk. */
  | { readonly kind: "commit"; readonly index: number }
  /** A read of this context is linearizable once `index` is applied. */
  | { readonly kind: "readable"; readonly context: number; readonly index: number }
  | { readonly kind: "read-refused"; readonly context: number }
  | {
      readonly kind: "role-changed";
      readonly role: Role;
      readonly term: number;
      readonly leader: MemberId | null;
    }
  /** A configuration took effect (at append, as Raft requires; it may yet be rolled back). */
  | { readonly kind: "configuration-changed"; readonly configuration: Configuration }
  /** Read entries [from, …) from the disk for a follower far behind, at most `bytesMax`, at least one. */
  | { readonly kind: "fetch"; readonly to: MemberId; readonly from: number; readonly bytesMax: number }
  | {
      readonly kind: "read-snapshot";
      readonly to: MemberId;
      readonly index: number;
      readonly offset: number;
      readonly bytesMax: number;
    }
  /** Write a chunk of a snapshot from the leader; with `done`, also restore the state and restart the log after it. */
  | {
      readonly kind: "write-snapshot";
      readonly snapshot: SnapshotMeta;
      readonly offset: number;
      readonly data: Uint8Array;
      readonly done: boolean;
    }
  /** A message that breaks the rules was dropped: whoever sent it is broken or no member, and may be hung up on. */
  | { readonly kind: "refused"; readonly from: MemberId; readonly why: string }
  /** What came of a leader's snapshot so far is of no use any more: it will not be gone on with. */
  | { readonly kind: "discard-snapshot" };

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

export type Message =
  | {
      readonly kind: "request-vote";
      readonly term: number;
      /** Asks whether a vote would be granted, changing nothing (Raft thesis §9.6). */
      readonly pre: boolean;
      readonly last: LogPosition;
      /** A transfer: the leader asked for this election, so its lease does not stand in the way. */
      readonly transfer: boolean;
      /** The candidate would found an ensemble; (in the real vote) all whom that needs have agreed to in the pre-vote. */
      readonly founding: Founding | null;
      /** The incarnation by which the candidate knows the voter it asks; 0 where it knows none. */
      readonly incarnation: number;
    }
  | {
      readonly kind: "vote";
      readonly term: number;
      readonly pre: boolean;
      readonly granted: boolean;
      /** What the voter is to the founding that it was asked for; null: it was asked for none. */
      readonly standing: Standing | null;
      readonly incarnation: number;
    }
  | {
      readonly kind: "append";
      readonly term: number;
      readonly previous: LogPosition;
      readonly entries: readonly Entry[];
      readonly commitIndex: number;
      /** Counts the leader's rounds of contact in this term, from 1; echoed, so that only later contact confirms a read. */
      readonly round: number;
    }
  | {
      readonly kind: "append-reply";
      readonly term: number;
      /** Matched: everything up to `index` is durable and equal. Rejected: `index` is where to try again, with `conflictTerm`. */
      readonly matched: boolean;
      readonly index: number;
      readonly conflictTerm: number;
      /** Of the append that it answers; 0 where that was of an earlier term, and its sender is to learn of this one. */
      readonly round: number;
      readonly incarnation: number;
    }
  | {
      readonly kind: "snapshot";
      readonly term: number;
      readonly snapshot: SnapshotMeta;
      readonly offset: number;
      readonly data: Uint8Array;
      readonly done: boolean;
      readonly round: number;
    }
  | {
      readonly kind: "snapshot-reply";
      readonly term: number;
      readonly index: number;
      /** Bytes received and durable; the whole snapshot is installed once `done`. */
      readonly offset: number;
      readonly done: boolean;
      readonly round: number;
      readonly incarnation: number;
    }
  | { readonly kind: "timeout-now"; readonly term: number }
  /** To whoever leads, from a member that no configuration names: it would follow, and serve, without a vote. */
  | { readonly kind: "follow-request"; readonly term: number }
  /** A follower's read, confirmed by the leader. */
  | { readonly kind: "read-request"; readonly term: number; readonly context: number }
  | {
      readonly kind: "read-reply";
      readonly term: number;
      readonly context: number;
      /** Null: not leader, or not sure of it. */
      readonly index: number | null;
    };

/** What a leader knows of a member, itself included. */
export interface MemberProgress {
  /** Durable and equal to the leader's log up to here. */
  readonly matchIndex: number;
  /** Heard from within an election timeout. */
  readonly active: boolean;
  /** 0 until it was heard from in this term. */
  readonly incarnation: number;
  /** The configuration names this incarnation: it counts. */
  readonly joined: boolean;
  /** It holds what was committed an election timeout ago: a vote given to it now would hold nothing up for long. */
  readonly isCaughtUp: boolean;
}
