// The hard state: what a member must remember across a restart besides its log. It is the term, the vote, and a commit
// index to begin from. All that a step changes goes to the disk as one request.

import { assert } from "../../base/assert.ts";
import type { EffectQueue } from "./effect-queue.ts";
import type { RaftLog } from "./log.ts";
import type { HardState, MemberId } from "./types.ts";

export class HardStateStore {
  readonly #effects: EffectQueue;
  #term: number;
  #votedFor: MemberId | null;
  /** Term or vote changed in this step. */
  #isChanged = false;
  /** The request to the disk that holds the present term and vote. */
  #sequence = 0;
  /** The latest commit index in the hard state, and whether a newer one is to go along with the next request. */
  #savedCommit: number;
  #isNoteDue = false;

  /**
   * A snapshot may have become durable before the term that it came in: then the log's last term is the later one, in
   * which this member cannot have voted, for no vote leaves before it is durable.
   */
  constructor(effects: EffectQueue, { term, votedFor, commitIndex }: HardState, lastTerm: number) {
    this.#effects = effects;
    this.#term = Math.max(term, lastTerm);
    this.#votedFor = term < lastTerm ? null : votedFor;
    this.#savedCommit = commitIndex;
  }

  get term(): number {
    return this.#term;
  }

  get votedFor(): MemberId | null {
    return this.#votedFor;
  }

  /** The request after which this member may speak in its term: a term that it forgets could become another's. */
  get spokenSequence(): number {
    return this.#isChanged ? this.#effects.nextSequence : this.#sequence;
  }

  enter(term: number): void {
    assert(term >= this.#term, "a term taken back");
    if (term === this.#term) return;
    this.#term = term;
    this.#votedFor = null;
    this.#isChanged = true;
  }

  vote(candidate: MemberId): void {
    assert(this.#votedFor === null || this.#votedFor === candidate, "a second vote in one term");
    if (this.#votedFor === candidate) return;
    this.#votedFor = candidate;
    this.#isChanged = true;
  }

  /** Now and then the commit index is noted, where something is written anyway. */
  onTick(commitIndex: number): void {
    if (commitIndex > this.#savedCommit) this.#isNoteDue = true;
  }

  save(log: RaftLog): void {
    // The first commit ever is noted at once: from then on the member objects to a founding (see founding.ts).
    const isFirstCommit = this.#savedCommit === 0 && log.commitIndex > 0;
    if (!isFirstCommit && !this.#isChanged && !log.hasUnsaved) return;
    const sequence = this.#effects.nextSequence;
    const { truncateFrom, entries } = log.takeUnsaved(sequence);
    const hardState = isFirstCommit || this.#isChanged || this.#isNoteDue ? this.#hardState(log.commitIndex) : null;
    if (this.#isChanged) this.#sequence = sequence;
    this.#isChanged = false;
    this.#effects.persist(truncateFrom, entries, hardState);
  }

  #hardState(commitIndex: number): HardState {
    this.#savedCommit = commitIndex;
    this.#isNoteDue = false;
    return { term: this.#term, votedFor: this.#votedFor, commitIndex };
  }
}
