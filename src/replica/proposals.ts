// This member's own commands on their way to the state: gathered into batches, sent to whoever leads, sent again when
// they may have been lost, and answered when they are applied. Each waiter hears exactly once.

import { assert } from "../base/assert.ts";
import type { ByteWriter } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { CoordinationError } from "../base/errors.ts";
import type { MemberId } from "../consensus/raft/types.ts";
import type { BatchHeader } from "../state/batch.ts";
import type { Machine } from "../state/machine.ts";
import type { Model } from "../state/model.ts";
import { COMMAND_BYTES_MAX, type OutstandingBatch, OutstandingBatches } from "./outstanding-batches.ts";
import type { Waiter } from "./replica-port.ts";
import { Retries } from "./retries.ts";

/** The ways of a batch to the log. */
export interface ProposalRoute {
  /** Who leads, as far as this member knows. */
  readonly leader: MemberId | null;
  /** This member leads: into its own queue. */
  enqueue(batch: Uint8Array): void;
  sendTo(leader: MemberId, batch: Uint8Array): void;
  /** What was sent to the leader has not even left this machine. */
  isCongested(leader: MemberId): boolean;
  /** Has `flush` called at the end of this turn. */
  requestFlush(): void;
}

export class Proposals {
  readonly #id: MemberId;
  readonly #machine: Machine;
  readonly #clock: Clock;
  readonly #route: ProposalRoute;
  readonly #batches: OutstandingBatches;
  readonly #retries = new Retries();
  #mustSendAgain = false;
  /** The own batch that is being applied, and the first of its waiters that has not heard yet. */
  #applying: OutstandingBatch | null = null;
  /** Nothing is taken any more. */
  #isOver = false;
  #nextWaiter = 0;

  constructor(id: MemberId, run: number, machine: Machine, clock: Clock, route: ProposalRoute) {
    this.#id = id;
    this.#machine = machine;
    this.#clock = clock;
    this.#route = route;
    this.#batches = new OutstandingBatches(id, run);
  }

  get run(): number {
    return this.#batches.run;
  }

  get isFull(): boolean {
    return this.#batches.isFull;
  }

  get isEmpty(): boolean {
    return this.#batches.isEmpty;
  }

  // -------------------------------------------------------------------------------------------------------- gathering

  begin(): ByteWriter {
    return this.#batches.begin();
  }

  commit<Outcome>(model: Model<Outcome>, waiter: Waiter<Outcome>): void {
    if (this.#isOver || this.#batches.commandBytes > COMMAND_BYTES_MAX) {
      this.#batches.abandon();
      waiter.onRefused(this.#isOver ? MEMBER_ENDED : COMMAND_TOO_LONG);
      return;
    }
    // A leader of an older program could not read it, and would hang up on this member each time that it is sent.
    if (model.level > this.#machine.level) {
      this.#batches.abandon();
      waiter.onOutcome(model.refused("feature-level"), this.#machine.sequence);
      return;
    }
    const full = this.#batches.commit(model, waiter);
    if (full !== null) this.#send(full);
    this.#route.requestFlush();
  }

  abandon(): void {
    this.#batches.abandon();
  }

  // ---------------------------------------------------------------------------------------------------------- sending

  /** At the end of a turn: what was gathered in it leaves as one batch. */
  flush(): void {
    const wasEmpty = this.#batches.outstanding().length === 0;
    const fresh = this.#batches.closeBatch();
    if (wasEmpty) this.#retries.begin(this.#clock.now());
    if (this.#mustSendAgain) this.#sendEverything();
    else if (fresh !== null) this.#send(fresh);
  }

  /** The way to the log may have been cut: all that is not seen applied is sent again, once somebody leads. */
  sendAgain(): void {
    this.#mustSendAgain = true;
    this.#route.requestFlush();
  }

  #sendEverything(): void {
    if (this.#route.leader === null) return; // once somebody leads
    this.#mustSendAgain = false;
    this.#retries.onSentAgain(this.#clock.now());
    for (const batch of this.#batches.outstanding()) this.#send(batch);
  }

  #send(batch: OutstandingBatch): void {
    const { leader } = this.#route;
    if (leader === this.#id) this.#route.enqueue(batch.bytes);
    else if (leader !== null && !this.#mustSendAgain) this.#route.sendTo(leader, batch.bytes);
    else this.#mustSendAgain = true;
  }

  /** At each tick: mere silence is most often slowness, so that only a part is tried again, and ever later. */
  retry(now: number): void {
    const { leader } = this.#route;
    // A copy behind what has not even left would only make it later.
    const isCongested = leader !== null && leader !== this.#id && this.#route.isCongested(leader);
    if (this.#batches.isEmpty || isCongested) return;
    const count = this.#retries.due(now);
    if (count === 0) return;
    if (this.#lastApplied === -1) {
      this.takeLaterRun();
      return;
    }
    for (const batch of this.#batches.outstanding().slice(0, count)) this.#send(batch);
    this.#route.requestFlush();
  }

  // --------------------------------------------------------------------------------------------------------- answering

  isOwn(header: BatchHeader): boolean {
    return header.member === this.#id && header.run === this.#batches.run;
  }

  /** The sequence of the last own batch that the state has applied; -1: it knows a later run of this member. */
  get lastApplied(): number {
    return this.#lastApplied;
  }

  get #lastApplied(): number {
    return this.#machine.lastSequence(this.#id, this.#batches.run);
  }

  /** The next own batch is about to be applied: `answer` hears of each of its commands, then `endAnswers` is called. */
  beginAnswers(sequence: number): void {
    assert(this.#applying === null, "an own batch is applied in the middle of another");
    this.#applying = this.#batches.take(sequence);
    this.#nextWaiter = 0;
  }

  /** The outcome is of the model that the command was committed for (`OutstandingBatches.commit`), so its waiter takes it. */
  readonly answer = (outcome: unknown, sequence: number): void => {
    const waiter = this.#applying?.waiters[this.#nextWaiter++];
    assert(waiter !== undefined, "an outcome that nobody waits for");
    waiter.onOutcome(outcome as never, sequence);
  };

  /** `isWhole`: each of its commands had an outcome. Otherwise those who are left hear that theirs did nothing. */
  endAnswers(isWhole: boolean): void {
    const applied = this.#applying;
    assert(applied !== null, "the end of a batch that was not begun");
    assert(!isWhole || this.#nextWaiter === applied.waiters.length, "a batch with more or fewer commands than waiters");
    this.#applying = null;
    for (const waiter of applied.waiters.slice(this.#nextWaiter)) waiter.onRefused(SKIPPED);
    this.#retries.onProgress(this.#clock.now());
  }

  /** The ensemble knows a later run of this member, as when its wall clock went back: nothing of this one was heard. */
  takeLaterRun(): void {
    this.#batches.restartAs(this.#machine.latestRun(this.#id) + 1);
    this.sendAgain();
  }

  /** Own batches that were applied inside an installed snapshot: their outcome is not in it, so nobody here can know it. */
  forgetApplied(): void {
    const applied = this.#lastApplied;
    for (let oldest = this.#batches.oldestSequence; oldest !== null && oldest <= applied; ) {
      for (const waiter of this.#batches.take(oldest).waiters) waiter.onRefused(OUTCOME_UNKNOWN);
      oldest = this.#batches.oldestSequence;
    }
  }

  /** The member ends: nobody can know what becomes of what is under way. */
  refuseAll(): void {
    this.#isOver = true;
    // A failure in the middle of a batch: some of its waiters have heard, the others have not.
    const applying = this.#applying?.waiters.slice(this.#nextWaiter) ?? [];
    this.#applying = null;
    for (const waiter of applying) waiter.onRefused(OUTCOME_UNKNOWN);
    this.#batches.refuseAll(OUTCOME_UNKNOWN);
  }
}

const COMMAND_TOO_LONG = new CoordinationError(
  "rejected",
  "not-applied",
  `a command has ${COMMAND_BYTES_MAX} bytes at most, which is what members can carry between them`,
);

const OUTCOME_UNKNOWN = new CoordinationError(
  "closed",
  "unknown",
  "this member cannot tell what became of the command",
);

const MEMBER_ENDED = new CoordinationError("closed", "not-applied", "this member has ended");

const SKIPPED = new CoordinationError(
  "closed",
  "not-applied",
  "the entry of the log that held the command could not be read, or was skipped by an operator",
);
