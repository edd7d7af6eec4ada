// The status of this member for those who serve clients on it: its role, its log, and whether it accepts commands now.

import type { MemberId } from "../consensus/raft/types.ts";
import type { Machine } from "../state/machine.ts";
import type { RaftView } from "./consensus-loop.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Log } from "./ports.ts";
import type { Proposals } from "./proposals.ts";
import type { Admission, FollowerStatus, MemberStatus } from "./replica-port.ts";
import type { ReplicaStats } from "./replica-stats.ts";
import type { SnapshotTaking } from "./snapshot-taking.ts";

export interface StatusParts {
  readonly id: MemberId;
  readonly raft: RaftView;
  readonly machine: Machine;
  readonly log: Log;
  readonly proposals: Proposals;
  readonly taking: SnapshotTaking;
  readonly lifecycle: Lifecycle;
  readonly stats: ReplicaStats;
}

export class Status {
  readonly #parts: StatusParts;
  readonly #listeners: (() => void)[] = [];
  #isDiskFull = false;
  #toldLast = "";

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  setDiskFull(isFull: boolean): void {
    this.#isDiskFull = isFull;
  }

  /** Whether a command would be taken now, and if not, why not. */
  admission(): Admission {
    if (!this.#parts.lifecycle.isRunning) return "stopping";
    if (this.#isDiskFull) return "no-space";
    if (!this.#parts.raft.hasQuorumContact) return "no-quorum";
    return this.#parts.proposals.isFull ? "busy" : "open";
  }

  get current(): MemberStatus {
    const { raft, machine, log, taking, lifecycle } = this.#parts;
    return {
      role: this.#role(),
      term: raft.term,
      leader: lifecycle.isStopped ? null : raft.leader,
      hasQuorum: !lifecycle.isStopped && raft.hasQuorumContact,
      commitIndex: raft.commitIndex,
      appliedIndex: machine.appliedIndex,
      lastIndex: raft.lastIndex,
      snapshotIndex: taking.index,
      logBytes: log.size,
      diskFull: this.#isDiskFull,
      configuration: raft.configuration,
      followers: this.#followers(),
    };
  }

  /** A member that has ended leads nobody, and takes no part in an election. */
  #role(): MemberStatus["role"] {
    const { id, raft, lifecycle } = this.#parts;
    if (raft.role !== "follower") return lifecycle.isStopped ? "follower" : raft.role;
    const record = raft.configuration.members.find((member) => member.id === id);
    return record?.role === "voter" ? "follower" : "observer";
  }

  #followers(): readonly FollowerStatus[] {
    const { id: self, raft, lifecycle } = this.#parts;
    if (raft.role !== "leader" || lifecycle.isStopped) return [];
    const followers: FollowerStatus[] = [];
    for (const [id, { matchIndex, active }] of raft.progress) {
      if (id !== self) followers.push({ id, matchIndex, active });
    }
    return followers;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Tells the listeners, if role, leader or admission are others than when they were last told. */
  note(): void {
    const { raft, stats } = this.#parts;
    stats.noteQuorum(raft.hasQuorumContact);
    const told = `${this.admission()} ${raft.role} ${raft.leader}`;
    if (told === this.#toldLast) return;
    this.#toldLast = told;
    for (const listener of this.#listeners) listener();
  }
}
