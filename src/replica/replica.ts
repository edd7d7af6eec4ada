// One living member: the parts of it, put together, and what the world around it may ask. Promises: a command proposed
// here is applied at most once, and its waiter hears exactly once; what was acknowledged is durable on a majority.
//
// A write goes through `proposals` (batch), `leader-rounds` (the leader's log), `consensus-loop` (steps and disk),
// `peer-link` (other members) and `application` (state, and the waiter's answer).

import { assert } from "../base/assert.ts";
import type { ByteWriter } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { CoordinationError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import { Raft } from "../consensus/raft/raft.ts";
import type { Effect, MemberId, RaftOptions } from "../consensus/raft/types.ts";
import { Leases } from "../state/leases/leases.ts";
import type { Machine } from "../state/machine.ts";
import type { Model } from "../state/model.ts";
import { Application } from "./application.ts";
import { ConsensusLoop, type EffectHandlers } from "./consensus-loop.ts";
import type { LeaderDuty } from "./duties/duty.ts";
import { standardDuties } from "./duties/index.ts";
import { LeaderDuties } from "./duties/leader-duties.ts";
import type { ReaperOptions } from "./duties/reaper.ts";
import { FileNotice } from "./file-notice.ts";
import { FollowerFeed } from "./follower-feed.ts";
import { Handover } from "./handover.ts";
import { LeaderRounds } from "./leader-rounds.ts";
import { LeaseQuestions, type RemainingCallback } from "./lease-questions.ts";
import { LeaseTracker } from "./lease-tracker.ts";
import { Lifecycle } from "./lifecycle.ts";
import { LinearizableReads } from "./linearizable-reads.ts";
import { OlderPrograms } from "./older-programs.ts";
import { PeerLink } from "./peer-link.ts";
import type { OpenedStorage, PeerEvents, Peers, StorageEvents } from "./ports.ts";
import type { ProposalSizes } from "./proposal-sizes.ts";
import { Proposals } from "./proposals.ts";
import type { BarrierCallback } from "./read-barriers.ts";
import type { Admission, MemberStatus, ReplicaPort, Waiter } from "./replica-port.ts";
import { ReplicaStats } from "./replica-stats.ts";
import { Shutdown } from "./shutdown.ts";
import { SnapshotInstallation } from "./snapshot-installation.ts";
import { SnapshotTaking } from "./snapshot-taking.ts";
import { Snapshotter } from "./snapshotter.ts";
import { Status } from "./status.ts";
import { Ticks } from "./ticks.ts";
import { TurnEnd } from "./turn-end.ts";

export interface ReplicaOptions {
  readonly id: MemberId;
  /** Which run of this member's process this is: larger than any earlier one (milliseconds since 1970 serve well). */
  readonly run: number;
  readonly raft: Omit<RaftOptions, "id" | "incarnation" | "mayFound">;
  readonly tickMs: number;
  /** A snapshot is taken after so many commands, or so many bytes of log. */
  readonly snapshotCommands: number;
  readonly snapshotLogBytes: number;
  /** How much of a snapshot is encoded at a stretch; what holds the loop up for a moment, unless given. */
  readonly snapshotSliceBytes?: number;
  readonly reaper: ReaperOptions;
  /** Duties of the leader besides the standard ones (duties/index.ts): those that a model brings. */
  readonly duties?: (machine: Machine) => readonly LeaderDuty[];
  /** Indexes of entries that are not carried out, for no member can; the same on all of them. */
  readonly skipEntries?: ReadonlySet<number>;
  readonly random: Random;
  readonly logger: Logger;
  /** The member cannot go on: a failed disk, a broken invariant. Nothing more is said to anyone before this. */
  readonly onFatal: (error: Error) => void;
}

const ENDED = new CoordinationError("closed", "not-applied", "this member has ended");

export class Replica implements ReplicaPort, PeerEvents, StorageEvents {
  readonly id: MemberId;
  readonly machine: Machine;
  readonly stats: ReplicaStats;
  readonly #logger: Logger;
  readonly #olderPrograms: OlderPrograms;
  readonly #lifecycle: Lifecycle;
  readonly #loop: ConsensusLoop;
  readonly #link: PeerLink;
  readonly #turnEnd: TurnEnd;
  readonly #proposals: Proposals;
  readonly #rounds: LeaderRounds;
  readonly #reads: LinearizableReads;
  readonly #leases: LeaseTracker;
  readonly #leaseQuestions: LeaseQuestions;
  readonly #duties: LeaderDuties;
  readonly #application: Application;
  readonly #snapshotter: Snapshotter;
  readonly #taking: SnapshotTaking;
  readonly #installation: SnapshotInstallation;
  readonly #feed: FollowerFeed;
  readonly #handover: Handover;
  readonly #fileNotice: FileNotice;
  readonly #status: Status;
  readonly #ticks: Ticks;
  readonly #shutdown: Shutdown;
  /** The snapshot that was found on the disk; 0: none. */
  readonly #recoveredIndex: number;

  constructor(options: ReplicaOptions, machine: Machine, clock: Clock, storage: OpenedStorage) {
    const { id, run, logger, tickMs } = options;
    const { log, snapshots, recovered, incarnation, mayFound } = storage;
    const { electionTicks, listed } = options.raft;
    const raft = new Raft({ ...options.raft, id, incarnation, mayFound }, recovered, options.random);
    const stats = new ReplicaStats(clock);
    const lifecycle = new Lifecycle(options.onFatal);
    const loop = new ConsensusLoop({ raft, log, clock, stats, lifecycle }, this.#effectHandlers());
    const link = new PeerLink(lifecycle, {
      onRaft: (from, message) => loop.submit({ kind: "message", from, message }),
      onProposal: (from, batch) => this.#onProposal(from, batch),
      onRenewals: (from, renewed) => this.#onRenewals(from, renewed),
      onLeaseQuestion: (from, context, lease) => {
        if (raft.isPeer(from)) this.#leaseQuestions.onQuestion(from, context, lease);
      },
      onLeaseAnswer: (from, context, answer) => this.#leaseQuestions.onAnswer(from, context, answer),
    });
    const core = { machine, loop, log, clock, stats, lifecycle, logger };
    const turnEnd = new TurnEnd(clock, lifecycle, () => this.#flush());
    const rounds = new LeaderRounds(machine, clock, stats, loop, turnEnd);
    const proposals = new Proposals(id, run, machine, clock, {
      get leader() {
        return raft.leader;
      },
      enqueue: (batch) => rounds.enqueue(batch),
      sendTo: (leader, batch) => link.sendProposal(leader, batch),
      isCongested: (leader) => link.unsentBytes(leader) > 0,
      requestFlush: () => turnEnd.request(),
    });
    const handover = new Handover(id, loop);
    const leases = new LeaseTracker(machine, 2 * tickMs);
    const leaseQuestions = new LeaseQuestions(id, machine, loop, leases, link, clock);
    const reads = new LinearizableReads(id, loop, leases, link, clock);
    const onApplied = (): void => this.#onApplied();
    const { skipEntries } = options;
    const application = new Application({ ...core, proposals, skipEntries, onApplied });
    const snapshotter = new Snapshotter(machine, snapshots, {
      sliceBytes: options.snapshotSliceBytes,
      timed: (read) => stats.timed(stats.restoreTime, read),
    });
    const { snapshotCommands, snapshotLogBytes } = options;
    const isStateWhole = (): boolean => !application.isPaused;
    const taking = new SnapshotTaking(
      { ...core, snapshotter, snapshotCommands, snapshotLogBytes, isStateWhole, isDiskFull: () => status.isDiskFull },
      recovered.snapshot.index,
    );
    const reconfiguration = { listed, patienceTicks: electionTicks };
    const standard = standardDuties({ machine, leases, stats, logger, reaper: options.reaper, reconfiguration });
    const list = [...standard, ...(options.duties?.(machine) ?? [])];
    const duties = new LeaderDuties(list, { ...core, rounds, link });
    const status = new Status({ id, raft, machine, log, proposals, taking, lifecycle, stats });

    this.id = id;
    this.machine = machine;
    this.stats = stats;
    this.#logger = logger;
    this.#olderPrograms = new OlderPrograms(machine, link, storage);
    this.#lifecycle = lifecycle;
    this.#loop = loop;
    this.#link = link;
    this.#turnEnd = turnEnd;
    this.#proposals = proposals;
    this.#rounds = rounds;
    this.#reads = reads;
    this.#leases = leases;
    this.#leaseQuestions = leaseQuestions;
    this.#duties = duties;
    this.#application = application;
    this.#snapshotter = snapshotter;
    this.#taking = taking;
    this.#installation = new SnapshotInstallation({
      ...core,
      ...{ snapshots, snapshotter, taking, application, proposals, onApplied },
    });
    this.#feed = new FollowerFeed(loop, log, snapshots, stats, lifecycle);
    this.#handover = handover;
    this.#fileNotice = new FileNotice(id, raft, listed ?? [], logger);
    this.#status = status;
    this.#listen();
    this.#ticks = new Ticks({
      ...core,
      ...{ tickMs, electionTicks, reads, leases, leaseQuestions, link, duties, rounds, proposals, status },
    });
    this.#shutdown = new Shutdown({ ...core, status, proposals, reads, leaseQuestions, handover, snapshotter, link });
    this.#recoveredIndex = recovered.snapshot.index;
  }

  #effectHandlers(): EffectHandlers {
    return {
      onSend: (to, message) => this.#link.sendRaft(to, message),
      onCommitted: (index) => this.#onCommitted(index),
      onReadable: (context, index) => this.#reads.onReadable(context, index, this.machine.appliedIndex),
      onRoleChanged: (change) => this.#onRoleChanged(change),
      onConfigurationChanged: () => {
        this.#link.reconcile(this.#loop.raft);
        this.#fileNotice.compare();
      },
      onFetch: (request) => this.#feed.readEntries(request),
      onReadSnapshot: (request) => this.#feed.readSnapshot(request),
      onWriteSnapshot: (chunk) => this.#installation.receive(chunk),
      onDiscardSnapshot: () => this.#snapshotter.discard(),
      onRuleBroken: (by, why) => this.#link.hangUp(by, `it broke the rules of consensus: ${why}`),
    };
  }

  /** Restores the state from the latest snapshot, then takes part. `peers` reports to this object. */
  async start(peers: Peers): Promise<void> {
    assert(!this.#link.isOpen, "a replica runs once");
    this.stats.noteLeader(false, false);
    await this.#installation.restoreLatest(this.#recoveredIndex);
    this.#link.open(peers);
    this.#olderPrograms.refuse();
    this.#link.reconcile(this.#loop.raft);
    this.#ticks.start();
    this.#duties.start();
    this.#application.advance();
  }

  // ------------------------------------------------------------------------------------------------- what doors see

  get run(): number {
    return this.#proposals.run;
  }

  get status(): MemberStatus {
    return this.#status.current;
  }

  get proposals(): ProposalSizes {
    return this.#rounds.sizes;
  }

  begin(): ByteWriter {
    return this.#proposals.begin();
  }

  commit<Outcome>(model: Model<Outcome>, waiter: Waiter<Outcome>): void {
    this.#proposals.commit(model, waiter);
  }

  abandon(): void {
    this.#proposals.abandon();
  }

  admission(): Admission {
    return this.#status.admission();
  }

  readBarrier(done: BarrierCallback, lease: number | null = null): void {
    if (this.#lifecycle.isStopped) {
      done(ENDED);
      return;
    }
    this.#reads.add(done, lease);
    this.#turnEnd.request();
  }

  renew(lease: number): void {
    this.#leases.renew(lease);
  }

  leaseRemaining(lease: number, done: RemainingCallback): void {
    if (this.#lifecycle.isStopped) done(ENDED, null);
    else this.#leaseQuestions.ask(lease, done);
  }

  onStatusChange(listener: () => void): void {
    this.#status.onChange(listener);
  }

  #listen(): void {
    this.machine.events.add({
      onUnreadable: (index, why) =>
        this.#logger.error(`entry ${index} of the log cannot be read (${why}): it did nothing, on every member alike`),
      onRestored: () => this.#olderPrograms.refuse(),
    });
    this.machine.model(Leases).events.add({
      onLeaseMoved: (lease) => this.#leases.begin(lease),
      onLeaseEnded: (lease) => this.#leases.forget(lease),
    });
  }

  // ------------------------------------------------------------------------------------------- what operators ask

  /** The last snapshot that this run took: the sequence it holds, and when it was whole. */
  get lastSnapshot(): { readonly zxid: number; readonly time: number } | null {
    return this.#taking.lastTaken;
  }

  /** A snapshot of the state as it is, once nothing stands in its way. */
  takeSnapshotNow(): Promise<{ readonly index: number; readonly sequence: number }> {
    return this.#taking.takeNow();
  }

  /** Keeps a snapshot on the disk while it is read out; returns how to let it go. */
  holdSnapshot(index: number): () => void {
    return this.#taking.hold(index);
  }

  /** On a leader: to a voter, or to the one that is furthest along. Returns whom it was asked of; null: nobody can be asked. */
  transferLeadership(to: MemberId | null): MemberId | null {
    return this.#handover.begin(to);
  }

  // ------------------------------------------------------------------------------------------------ what the ports say

  onFrame(from: MemberId, frame: Uint8Array): void {
    if (!this.#lifecycle.isStopped) this.#link.receive(from, frame);
  }

  onConnect(peer: MemberId): void {
    if (peer === this.#loop.raft.leader) this.#proposals.sendAgain();
  }

  onDisconnect(peer: MemberId): void {
    if (!this.#lifecycle.isStopped) this.#loop.submit({ kind: "unreachable", peer });
  }

  onFull(full: boolean): void {
    if (full === this.#status.isDiskFull) return;
    this.#status.setDiskFull(full);
    if (full) {
      this.#logger.error(
        "the disk is full: this member refuses writes, serves reads, and goes on by itself when there is room",
      );
      this.#handover.begin();
    } else {
      this.#logger.info("the disk has room again: this member takes writes");
    }
    this.#status.note();
  }

  onFailure(error: Error): void {
    this.#lifecycle.fail(error);
  }

  // -------------------------------------------------------------------------------------------- between the parts

  /** Of members alone: anybody else's sender will learn who leads, and send it there. */
  #onProposal(from: MemberId, batch: Uint8Array): void {
    if (!this.#loop.raft.isPeer(from)) return;
    const flaw = this.#rounds.receive(from, batch);
    if (flaw !== null) this.#link.hangUp(from, `it proposed what cannot be: ${flaw}`);
  }

  #onRenewals(from: MemberId, renewed: readonly number[]): void {
    if (this.#loop.raft.isPeer(from)) for (const lease of renewed) this.#leases.renew(lease);
  }

  /** At the end of a turn of the event loop: what came in it leaves together. */
  #flush(): void {
    this.#reads.flush();
    this.#proposals.flush();
    this.#rounds.propose();
  }

  #onCommitted(index: number): void {
    const { raft } = this.#loop;
    if (!this.#link.knowsCluster(raft.cluster)) this.#link.reconcile(raft);
    this.#rounds.onCommitted(index);
    this.#application.advance();
    this.#rounds.beginNext();
  }

  #onApplied(): void {
    const { appliedIndex: index } = this.machine;
    this.#olderPrograms.refuse();
    this.#reads.onApplied(index);
    this.#loop.submit({ kind: "applied", index });
    this.#rounds.onApplied();
    this.#taking.takeIfDue();
  }

  #onRoleChanged({ role, term, leader }: Effect & { readonly kind: "role-changed" }): void {
    this.stats.noteLeader(leader !== null, leader === this.id);
    if (role === "leader") this.#leases.becomeLeader();
    else this.#leases.stepDown();
    this.#rounds.reset();
    this.#duties.reset();
    if (leader !== null) {
      this.#logger.info(leader === this.id ? `leads term ${term}` : `follows member ${leader} in term ${term}`);
      this.#fileNotice.compare();
      this.#proposals.sendAgain();
    } else if (role === "follower") {
      this.#logger.info(`follows nobody yet in term ${term}`);
    }
    this.#status.note();
  }

  // ---------------------------------------------------------------------------------------------------------- the end

  /** Hands leadership over if asked to, lets what is under way finish for a while, and closes. */
  async stop({ transferLeadership = true, graceMs = 2000 } = {}): Promise<void> {
    await this.#shutdown.stop({ transferLeadership, graceMs });
  }
}
