// What a protocol sees of its member: the state to read from, and a way to propose commands.

import type { ByteWriter } from "../base/bytes.ts";
import type { CoordinationError } from "../base/errors.ts";
import type { Configuration, MemberId, Role } from "../consensus/raft/types.ts";
import type { Machine } from "../state/machine.ts";
import type { Model } from "../state/model.ts";
import type { ProposalSizes } from "./proposal-sizes.ts";
import type { ReplicaStats } from "./replica-stats.ts";

/** Who waits for a command; each hears exactly once, in the order in which this member proposed. */
export interface Waiter<Outcome> {
  /**
   * Called in the middle of `apply`, after the command's events; `sequence` is the command's (ZooKeeper's zxid). In the middle of
   * `commit` where the model is above the feature level: then `sequence` is the state's. A property, not a method: so the
   * compiler refuses a waiter that takes fewer outcomes than the model gives.
   */
  readonly onOutcome: (outcome: Outcome, sequence: number) => void;
  /** The command will never be applied (`not-applied`), or nobody can know (`unknown`: this member is stopping). */
  readonly onRefused: (error: CoordinationError) => void;
}

/** A waiter for a command of some model: which one was checked as the command was committed. */
export type AnyWaiter = Waiter<never>;

/** "busy" passes by itself: stop reading from clients meanwhile. */
export type Admission = "open" | "busy" | "no-space" | "no-quorum" | "stopping";

export interface ReplicaPort {
  readonly id: MemberId;
  /** Which run of this member's process: batches and leases carry it. */
  readonly run: number;
  readonly machine: Machine;
  readonly status: MemberStatus;
  /** Of what it proposed since it leads. */
  readonly proposals: ProposalSizes;
  /** What it counted and measured since it started. */
  readonly stats: ReplicaStats;
  /**
   * One command: encode it with the writer that `begin` returns, then `commit` it, with nothing in between. Check
   * `admission` first. One that is too long to cross to other members is refused in the middle of `commit`. The command is
   * the model's: its waiter takes the outcomes of that model, and no others.
   */
  begin(): ByteWriter;
  commit<Outcome>(model: Model<Outcome>, waiter: Waiter<Outcome>): void;
  /** Takes back a command that was begun and not committed, if there is one. */
  abandon(): void;
  /** Whether a command would be taken now, and if not, why not. */
  admission(): Admission;
  /**
   * Calls back once a local read is linearizable (ReadIndex), or with an error that says that it is not. With a lease, its
   * client was heard from, and by then the leader knows: it ends no sooner than its timeout from this call.
   */
  readBarrier(done: (error: CoordinationError | null) => void, lease?: number | null): void;
  /** The client of this lease was heard from: its full timeout begins again. */
  renew(lease: number): void;
  /**
   * Calls back with the milliseconds that a lease has left, by the leader's clock: null where there is no such lease, or it
   * has no clock. With an error where no leader answered in time, or its version knows no such question.
   */
  leaseRemaining(lease: number, done: (error: CoordinationError | null, remainingMs: number | null) => void): void;
  /** Calls back whenever `status` or `admission` changes in a way clients should know of. */
  onStatusChange(listener: () => void): void;
}

/** A member that has ended follows nobody, and hears from nobody: `leader` is null, `hasQuorum` is false. */
export interface MemberStatus {
  readonly role: Role | "observer";
  readonly term: number;
  readonly leader: MemberId | null;
  /** A leader was heard from within an election timeout, or a quorum if this member leads. */
  readonly hasQuorum: boolean;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly snapshotIndex: number;
  readonly logBytes: number;
  readonly diskFull: boolean;
  readonly configuration: Configuration;
  /** Members that this one, as the leader, hears from; empty on others. */
  readonly followers: readonly FollowerStatus[];
}

export interface FollowerStatus {
  readonly id: MemberId;
  readonly matchIndex: number;
  readonly active: boolean;
}
