// The invariants that hold after every step of one member's Raft. The cheap checks run in production: a member that breaks one
// of them stops before it sends another message. The thorough checks take time in proportion to the log in memory.

import { assert } from "../../base/assert.ts";
import type { RaftParts, RoleState } from "./role-state.ts";
import type { MemberId } from "./types.ts";

/** Steps between two thorough checks. */
const THOROUGH_EVERY = 16;

export class Invariants {
  readonly #parts: RaftParts;
  readonly #state: RoleState;
  readonly #isThorough: boolean;
  #term: number;
  #votedFor: MemberId | null;
  #leader: MemberId | null = null;
  #commitIndex: number;
  #commitTerm: number;
  #steps = 0;

  constructor(parts: RaftParts, state: RoleState) {
    this.#parts = parts;
    this.#state = state;
    this.#isThorough = parts.options.thoroughChecks === true;
    this.#term = state.term;
    this.#votedFor = parts.hardState.votedFor;
    this.#commitIndex = parts.log.commitIndex;
    this.#commitTerm = parts.log.termAt(this.#commitIndex);
  }

  /** After a step. */
  check(): void {
    this.#checkTerm();
    this.#checkLog();
    this.#checkRole();
    if (this.#isThorough && ++this.#steps % THOROUGH_EVERY === 0) this.#parts.log.checkThoroughly();
  }

  /** A term never goes back; in one term there is one vote, and one leader is not exchanged for another. */
  #checkTerm(): void {
    const { term, leaderId } = this.#state;
    const { votedFor } = this.#parts.hardState;
    assert(term >= this.#term, "a term went back");
    if (term === this.#term) {
      assert(this.#votedFor === null || votedFor === this.#votedFor, "another vote in the same term");
      assert(leaderId === null || this.#leader === null || leaderId === this.#leader, "two leaders in one term");
    }
    this.#term = term;
    this.#leader = leaderId;
    this.#votedFor = votedFor;
  }

  /** snapshot ≤ applied ≤ committed ≤ last; durable ≤ last; what was committed stays. */
  #checkLog(): void {
    const { log } = this.#parts;
    const { commitIndex, appliedIndex, lastIndex } = log;
    assert(commitIndex >= this.#commitIndex, "a commit was taken back");
    assert(appliedIndex <= commitIndex, "an entry was applied that is not committed");
    assert(commitIndex <= lastIndex, "a commit is past the end of the log");
    assert(log.snapshot.index <= appliedIndex, "a snapshot is ahead of the state");
    assert(log.durableIndex <= lastIndex, "more is durable than the log holds");
    assert(log.lastTerm <= this.#state.term, "the log ends in a term that this member has not reached");
    if (commitIndex === this.#commitIndex) return;
    const termThen = log.termAt(this.#commitIndex);
    assert(termThen === this.#commitTerm || termThen === -1, "a committed entry was replaced"); // -1: a snapshot holds it
    this.#commitIndex = commitIndex;
    this.#commitTerm = log.termAt(commitIndex);
  }

  /** Role, leader and election agree. */
  #checkRole(): void {
    const { role, leader, leaderId, election } = this.#state;
    const { options, hardState } = this.#parts;
    assert((leader !== null) === (role === "leader"), "a role that does not agree with what it does");
    assert(
      (election !== null) === (role === "candidate" || role === "pre-candidate"),
      "an election without a candidate",
    );
    if (role === "candidate") assert(hardState.votedFor === options.id, "a candidate that voted for another");
    if (leader === null) return;
    assert(leaderId === options.id, "a leader that follows another");
    assert(leader.term === this.#state.term, "a leader of another term");
    leader.checkInvariants();
  }
}
