// A follower: takes the leader's entries and snapshots, and acknowledges them once they are durable.

import type { EffectQueue } from "./effect-queue.ts";
import type { HardStateStore } from "./hard-state.ts";
import { Installation } from "./installation.ts";
import type { RaftLog } from "./log.ts";
import type { Input, MemberId, Message, SnapshotMeta } from "./types.ts";

type Append = Message & { kind: "append" };

export class Follower {
  readonly #log: RaftLog;
  readonly #effects: EffectQueue;
  readonly #hardState: HardStateStore;
  readonly #incarnation: number;
  readonly #installation: Installation;
  /** The latest round of this leader's that was answered at once: a copy of it needs no answer. */
  #answeredRound = 0;

  constructor(log: RaftLog, effects: EffectQueue, hardState: HardStateStore, incarnation: number) {
    this.#log = log;
    this.#effects = effects;
    this.#hardState = hardState;
    this.#incarnation = incarnation;
    this.#installation = new Installation(log, effects, incarnation);
  }

  /** A snapshot is taking the place of state and log: until it has, nothing may be appended. */
  get isRestoring(): boolean {
    return this.#installation.isRestoring;
  }

  /** Another leader, or another term. */
  beginAnew(): void {
    this.#answeredRound = 0;
  }

  onAppend(from: MemberId, append: Append): void {
    if (this.isRestoring) {
      this.#reply(from, true, 0, 0, append.round); // heard; the log is about to be replaced
      return;
    }
    this.#installation.onAppend(from, append);
    const log = this.#log;
    const matched = log.accept(append.previous, append.entries);
    if (matched === -1) {
      const { index, term } = log.agreementBefore(append.previous.index, append.previous.term);
      this.#reply(from, false, index, term, append.round);
      return;
    }
    const commitIndex = Math.min(append.commitIndex, matched);
    if (commitIndex > log.commitIndex) log.commitTo(commitIndex);
    this.#acknowledge(from, matched, append);
  }

  /** Contact is confirmed at once, entries when they are durable: a slow disk is not taken for a dead member. */
  #acknowledge(to: MemberId, matched: number, { entries, round }: Append): void {
    const { durableIndex } = this.#log;
    if (matched > durableIndex && entries.length > 0) {
      this.#reply(to, true, matched, 0, round, this.#writtenSequence);
      return;
    }
    if (entries.length === 0 && round <= this.#answeredRound) return; // it only told the commit index
    this.#answeredRound = Math.max(this.#answeredRound, round);
    this.#reply(to, true, Math.min(matched, durableIndex), 0, round);
  }

  /** The request after which all that the log holds is durable, and the term with it. */
  get #writtenSequence(): number {
    const { lastSequence, nextSequence } = this.#effects;
    return Math.max(this.#log.hasUnsaved ? nextSequence : lastSequence, this.#hardState.spokenSequence);
  }

  /**
   * A leader of the past learns from the answer that it is one. The answer bears the present term and so no round: rounds
   * are counted anew each term, and whoever sent this may lead again by now.
   */
  refuseStale(from: MemberId): void {
    this.#reply(from, false, 0, 0, 0);
  }

  onSnapshot(from: MemberId, chunk: Message & { kind: "snapshot" }): void {
    this.#installation.onChunk(from, chunk, this.#hardState.spokenSequence);
  }

  /** Returns the snapshot that the state was restored from, if it was. */
  onSnapshotWritten(input: Input & { kind: "snapshot-written" }): SnapshotMeta | null {
    return this.#installation.onWritten(input, this.#hardState.term, this.#hardState.spokenSequence);
  }

  onSnapshotUnreadable(index: number): void {
    this.#installation.onUnreadable(index);
  }

  #reply(
    to: MemberId,
    matched: boolean,
    index: number,
    conflictTerm: number,
    round: number,
    sequence = this.#hardState.spokenSequence,
  ): void {
    const { term } = this.#hardState;
    const incarnation = this.#incarnation;
    this.#effects.sendAfter(sequence, to, {
      kind: "append-reply",
      term,
      matched,
      index,
      conflictTerm,
      round,
      incarnation,
    });
  }
}
