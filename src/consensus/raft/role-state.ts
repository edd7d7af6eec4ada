// A member's role in its term, whom it takes for the leader, and its election timer; and the transitions between roles.
//
// Invariants: a leader's `leaderId` is itself and it has no election; a candidate of either kind has an election and knows
// no leader; a follower has neither an election nor a leader's object. A term never goes back.

import { assert } from "../../base/assert.ts";
import type { Random } from "../../base/random.ts";
import type { EffectQueue } from "./effect-queue.ts";
import type { Election } from "./election.ts";
import type { Eligibility } from "./eligibility.ts";
import type { Follower } from "./follower.ts";
import type { HardStateStore } from "./hard-state.ts";
import { Leader } from "./leader.ts";
import type { RaftLog } from "./log.ts";
import type { ForwardedReads } from "./reads.ts";
import { TickClock } from "./tick-clock.ts";
import type { Configuration, MemberId, RaftOptions, Role } from "./types.ts";

/** What the parts of one member's Raft share. */
export interface RaftParts {
  readonly options: RaftOptions;
  readonly random: Random;
  readonly log: RaftLog;
  readonly effects: EffectQueue;
  readonly hardState: HardStateStore;
  readonly follower: Follower;
  readonly forwardedReads: ForwardedReads;
  readonly eligibility: Eligibility;
}

export class RoleState {
  readonly #parts: RaftParts;
  #role: Role = "follower";
  #leaderId: MemberId | null = null;
  #leader: Leader | null = null;
  #election: Election | null = null;
  readonly clock = new TickClock();
  /** Ticks since the leader was heard from, a vote was given, or an election begun. */
  elapsed = 0;
  /** The election timeout, in ticks: how long `elapsed` may grow. */
  timeout: number;

  constructor(parts: RaftParts) {
    this.#parts = parts;
    const { options, random, eligibility } = parts;
    // Nobody is known to lead: a little sooner than after a leader fell silent. A pre-vote disturbs no leader there is.
    this.timeout = eligibility.isAlone ? 1 : 1 + random.below(options.electionTicks);
  }

  get role(): Role {
    return this.#role;
  }

  get term(): number {
    return this.#parts.hardState.term;
  }

  get leaderId(): MemberId | null {
    return this.#leaderId;
  }

  /** What this member does as the leader; null: it does not lead. */
  get leader(): Leader | null {
    return this.#leader;
  }

  /** The election in which this member stands, if it does. */
  get election(): Election | null {
    return this.#election;
  }

  /** The leader was heard from within an election timeout. */
  get hasLeaderContact(): boolean {
    return this.#leaderId !== null && this.elapsed < this.#parts.options.electionTicks;
  }

  // ------------------------------------------------------------------------------------------------------ transitions

  becomeFollower(term: number, leader: MemberId | null): void {
    const { hardState, follower } = this.#parts;
    hardState.enter(term);
    this.#leader?.resign();
    this.#leader = null;
    this.#election = null;
    this.#role = "follower";
    this.#setLeader(leader);
    follower.beginAnew();
    this.elapsed = 0;
    this.timeout = this.#drawTimeout();
  }

  becomeCandidate(role: "pre-candidate" | "candidate", election: Election): void {
    assert(this.#leader === null, "a leader that stands for election");
    assert(election.isPre === (role === "pre-candidate"), "a candidate of another kind than its election");
    this.#role = role;
    this.#setLeader(null);
    this.#election = election;
    this.elapsed = 0;
    this.timeout = this.#drawTimeout();
  }

  /** `initial`: the configuration with which the ensemble begins, where this election founded it. */
  becomeLeader(initial: Configuration | null): void {
    const { options, log, effects, hardState } = this.#parts;
    assert(this.#role === "candidate", "a leader that was no candidate");
    assert(hardState.votedFor === options.id, "a leader without its own vote");
    this.#role = "leader";
    this.#election = null;
    this.#setLeader(options.id);
    this.#leader = new Leader(options, this.term, log, effects, this.clock);
    this.#leader.begin(initial);
  }

  /** A message of this term's leader: there is one leader a term, and it is that member. */
  follow(leader: MemberId): void {
    assert(this.#role !== "leader", "two leaders in one term");
    assert(this.#leaderId === null || this.#leaderId === leader, "another leader in the same term");
    if (this.#role === "follower" && this.#leaderId === leader) this.elapsed = 0;
    else this.becomeFollower(this.term, leader);
  }

  /** The next election soon, but not at the same time as everyone else's. */
  hurry(): void {
    const { random, options } = this.#parts;
    const soon = this.elapsed + 1 + random.below(options.electionTicks);
    if (soon < this.timeout) this.timeout = soon;
  }

  #setLeader(leader: MemberId | null): void {
    if (leader !== this.#leaderId) this.#parts.forwardedReads.refuseAll();
    this.#leaderId = leader;
  }

  #drawTimeout(): number {
    const { options, random, eligibility } = this.#parts;
    return eligibility.isAlone ? 1 : options.electionTicks + random.below(options.electionTicks);
  }
}
