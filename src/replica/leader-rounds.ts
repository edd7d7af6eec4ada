// What a leader writes to its log: the batches of all members, and its own commands. One round is in flight at a time.
// Everything that arrives meanwhile shares the syncs and messages of the next round. A lone write never waits.

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { MemberId } from "../consensus/raft/types.ts";
import { stampTime } from "../state/batch.ts";
import type { Machine } from "../state/machine.ts";
import type { ConsensusLoop } from "./consensus-loop.ts";
import { ProposalQueue } from "./proposal-queue.ts";
import { ProposalSizes } from "./proposal-sizes.ts";
import type { ReplicaStats } from "./replica-stats.ts";
import { type Encode, TermBatches } from "./term-batches.ts";
import type { TurnEnd } from "./turn-end.ts";

export class LeaderRounds {
  readonly sizes = new ProposalSizes();
  readonly #machine: Machine;
  readonly #clock: Clock;
  readonly #stats: ReplicaStats;
  readonly #loop: ConsensusLoop;
  readonly #turnEnd: TurnEnd;
  readonly #queue: ProposalQueue;
  readonly #termBatches = new TermBatches();
  /** The end of this leader's latest round; 0: it has proposed none in this term. */
  #proposedUpTo = 0;
  #committedBefore: number;

  constructor(machine: Machine, clock: Clock, stats: ReplicaStats, loop: ConsensusLoop, turnEnd: TurnEnd) {
    this.#machine = machine;
    this.#clock = clock;
    this.#stats = stats;
    this.#loop = loop;
    this.#turnEnd = turnEnd;
    this.#queue = new ProposalQueue((member, run) => machine.lastSequence(member, run));
    this.#committedBefore = loop.raft.commitIndex;
  }

  /** A batch of this member's own. */
  enqueue(batch: Uint8Array): void {
    this.#queue.add(batch);
  }

  /**
   * A batch of another member's. It is read before it goes into the log: what cannot be read must not come to all.
   * Returns what is wrong with it; null: nothing.
   */
  receive(from: MemberId, batch: Uint8Array): string | null {
    const flaw = this.#machine.flawOfProposal(batch, from);
    if (flaw === null && this.#queue.add(batch)) this.#turnEnd.request();
    return flaw;
  }

  onCommitted(index: number): void {
    this.#stats.noteCommitted(Math.max(0, index - this.#committedBefore));
    this.#committedBefore = index;
    if (this.#proposedUpTo > 0 && index >= this.#proposedUpTo) this.#stats.noteRoundCommitted();
  }

  /** After a commit, or at a tick: what waits is proposed, unless a round is under way or the log takes nothing. */
  beginNext(): void {
    if (!this.#queue.isEmpty) this.#turnEnd.request();
  }

  /** The state may have caught up with the log that this leader found: then batches wait no longer. */
  onApplied(): void {
    if (!this.#queue.isEmpty && !this.#queue.isReady) this.#turnEnd.request();
  }

  /** Another role or term: the log may be another, and no round of the former term is waited for. */
  reset(): void {
    this.#queue.reset();
    this.#proposedUpTo = 0;
    this.sizes.reset();
  }

  /** At the end of a turn: the next round, if none is under way. What is proposed is in no log, so that time may be stamped into it. */
  propose(): void {
    const { raft } = this.#loop;
    if (this.#queue.isEmpty || !this.#knowsItsLog()) return;
    if (raft.commitIndex < this.#proposedUpTo) return; // the next round gathers until this one is committed
    if (!raft.canPropose) return; // the next commit or tick finds it
    const payloads = this.#queue.take();
    const now = this.#clock.wall();
    for (const payload of payloads) {
      stampTime(payload, now);
      this.sizes.note(payload.length);
    }
    this.#stats.noteProposed(payloads.length);
    this.#proposeToLog(payloads);
    this.#proposedUpTo = raft.lastIndex;
  }

  /** A leader that has just started may hold entries, on its disk alone, that it has yet to apply: batches wait for that. */
  #knowsItsLog(): boolean {
    if (this.#queue.isReady) return true;
    const unapplied = this.#loop.raft.entriesAfter(this.#machine.appliedIndex);
    if (unapplied !== null) this.#queue.begin(unapplied);
    return this.#queue.isReady;
  }

  /** Commands of the leader's own, at once. What cannot be proposed now, or is lost, is found due again. */
  proposeOwn(commands: readonly Encode[]): void {
    const { raft } = this.#loop;
    for (let rest = commands; rest.length > 0 && raft.canPropose; ) {
      const { batch, taken } = this.#termBatches.next(raft.term, rest);
      rest = rest.slice(taken);
      stampTime(batch, this.#clock.wall());
      this.sizes.note(batch.length);
      this.#stats.proposals += 1;
      this.#proposeToLog([batch]);
    }
  }

  #proposeToLog(payloads: readonly Uint8Array[]): void {
    const { raft } = this.#loop;
    const before = raft.lastIndex;
    this.#loop.submit({ kind: "propose", payloads });
    assert(raft.lastIndex >= before + payloads.length, "a log that takes proposals took none");
  }
}
