// A member without a log: commands are agreed on when the test says so, and its clock is virtual.

import assert from "node:assert/strict";
import { ByteWriter } from "../../../../src/base/bytes.ts";
import type { Clock } from "../../../../src/base/clock.ts";
import type { CoordinationError } from "../../../../src/base/errors.ts";
import { ProposalSizes } from "../../../../src/replica/proposal-sizes.ts";
import type { AnyWaiter, MemberStatus, ReplicaPort, Waiter } from "../../../../src/replica/replica-port.ts";
import { ReplicaStats } from "../../../../src/replica/replica-stats.ts";
import { beginCommand, endCommand, modelOf, stampTime, writeBatchHeader } from "../../../../src/state/batch.ts";
import { encodeExpireLeases } from "../../../../src/state/leases/commands.ts";
import { Leases } from "../../../../src/state/leases/leases.ts";
import { Machine } from "../../../../src/state/machine.ts";
import type { Model } from "../../../../src/state/model.ts";
import { coordinationModels } from "../../../../src/state/models.ts";

export class VirtualClock implements Clock {
  #now = 0;
  #deferred: (() => void)[] = [];
  #timers: { at: number; task: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now;
  }

  defer(task: () => void): void {
    this.#deferred.push(task);
  }

  after(milliseconds: number, task: () => void): () => void {
    const timer = { at: this.#now + milliseconds, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Runs what was deferred, and what that defers, until nothing is. */
  turn(): void {
    for (let rounds = 0; this.#deferred.length > 0; rounds++) {
      assert(rounds < 1000, "the loop spins");
      const tasks = this.#deferred;
      this.#deferred = [];
      for (const task of tasks) task();
    }
  }

  /** Runs what was deferred, and not what that defers. */
  turnOnce(): void {
    for (const task of this.#deferred.splice(0)) task();
  }

  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    this.turn();
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = next.at;
      next.task();
      this.turn();
    }
    this.#now = until;
  }
}

export class FakeMember implements ReplicaPort {
  readonly id = 1;
  readonly run = 7;
  readonly proposals = new ProposalSizes();
  readonly stats: ReplicaStats;
  readonly machine = new Machine(coordinationModels());
  readonly clock: VirtualClock;
  /** Commands are agreed on at the end of the turn; or, held, when `agree` is called. */
  isHeld = false;
  state: ReturnType<ReplicaPort["admission"]> = "open";
  hasQuorum = true;
  renewed: number[] = [];
  barriers: ((error: CoordinationError | null) => void)[] = [];
  #waiters: AnyWaiter[] = [];
  #batch = new ByteWriter();
  #mark = -1;
  #sequence = 0;
  #index = 0;
  #expired = 0;
  #listeners: (() => void)[] = [];

  constructor(clock: VirtualClock) {
    this.clock = clock;
    this.stats = new ReplicaStats(clock);
  }

  get status(): MemberStatus {
    return { hasQuorum: this.hasQuorum } as MemberStatus;
  }

  get proposed(): number {
    return this.#waiters.length;
  }

  begin(): ByteWriter {
    if (this.#waiters.length === 0) {
      this.#sequence += 1;
      writeBatchHeader(this.#batch.clear(), this.id, this.run, this.#sequence);
    }
    assert(this.#mark < 0, "a command was begun while another is open");
    this.#mark = beginCommand(this.#batch);
    return this.#batch;
  }

  abandon(): void {
    if (this.#mark < 0) return;
    this.#batch.length = this.#mark;
    this.#mark = -1;
    if (this.#waiters.length === 0) this.#sequence -= 1;
  }

  commit<Outcome>(model: Model<Outcome>, waiter: Waiter<Outcome>): void {
    assert.equal(modelOf(this.#batch.bytes, this.#mark), model.number);
    endCommand(this.#batch, this.#mark);
    this.#mark = -1;
    this.#waiters.push(waiter);
    if (this.#waiters.length === 1 && !this.isHeld) this.clock.defer(() => this.agree());
  }

  /** What was proposed is applied. */
  agree(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    const batch = this.#batch.copy();
    stampTime(batch, this.clock.wall());
    this.#index += 1;
    let next = 0;
    const applied = this.machine.apply(this.#index, batch, (outcome, revision) => {
      waiters[next++]!.onOutcome(outcome as never, revision);
    });
    assert.equal(applied, "applied");
    assert.equal(next, waiters.length);
  }

  /** Another member's commands are applied here. */
  agreeFrom(member: number, sequence: number, encode: (writer: ByteWriter) => void): void {
    const writer = new ByteWriter();
    writeBatchHeader(writer, member, 1, sequence);
    const mark = beginCommand(writer);
    encode(writer);
    endCommand(writer, mark);
    this.#index += 1;
    assert.equal(this.machine.apply(this.#index, writer.copy(), null), "applied");
  }

  /** For an entry that is no batch. */
  nextIndex(): number {
    this.#index += 1;
    return this.#index;
  }

  expire(id: number): void {
    const generation = this.machine.model(Leases).get(id)!.generation;
    this.#expired += 1;
    this.agreeFrom(9, this.#expired, (writer) => encodeExpireLeases(writer, [{ id, generation }]));
  }

  refuseAll(error: CoordinationError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#sequence -= 1;
    for (const waiter of waiters) waiter.onRefused(error);
  }

  admission(): ReturnType<ReplicaPort["admission"]> {
    return this.state;
  }

  readBarrier(done: (error: CoordinationError | null) => void, lease: number | null = null): void {
    if (lease !== null) this.renewed.push(lease);
    this.barriers.push(done);
    if (!this.isHeld) this.clock.defer(() => this.pass());
  }

  pass(error: CoordinationError | null = null): void {
    for (const done of this.barriers.splice(0)) done(error);
  }

  renew(lease: number): void {
    this.renewed.push(lease);
  }

  leaseRemaining(_lease: number, done: (error: CoordinationError | null, remainingMs: number | null) => void): void {
    done(null, null);
  }

  onStatusChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  become(change: { state?: FakeMember["state"]; hasQuorum?: boolean }): void {
    Object.assign(this, change);
    for (const listener of this.#listeners) listener();
  }
}
