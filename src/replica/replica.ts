// One living member: the only loop. Everything that happens (a peer's frame, a tick, a durable write, a client's command)
// becomes an input of the Raft core, one at a time; its effects are carried out through the ports, and what is committed
// is applied to the state in order. Promises: a command proposed here is applied at most once, and its waiter hears
// exactly once; what was acknowledged is durable on a majority.

import { assert } from "../base/assert.ts";
import { type ByteWriter, MalformedError } from "../base/bytes.ts";
import { CoordinationError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { decodeConfiguration } from "../consensus/raft/configuration.ts";
import { Raft } from "../consensus/raft/raft.ts";
import type { Effect, Entry, Input, MemberId, Message, RaftOptions, SnapshotMeta } from "../consensus/raft/types.ts";
import { stampTime } from "../state/batch.ts";
import { flawOfProposal, headerOf } from "../state/flaws.ts";
import { encodeExpireLeases } from "../state/leases/commands.ts";
import type { Machine } from "../state/machine.ts";
import { encodeEndReconfig, encodeReap } from "../state/tree/commands.ts";
import type { Outcome } from "../state/types.ts";
import { FoundingNotice } from "./founding-notice.ts";
import { LeaseTracker } from "./lease-tracker.ts";
import type { Logger } from "./logger.ts";
import { nextMembershipStep, serverLines, unknownMembers } from "./membership.ts";
import { COMMAND_BYTES_MAX, type OutstandingBatch, OutstandingBatches } from "./outstanding-batches.ts";
import { decodePeerMessage, encodePropose, encodeRaft, encodeRenew, type PeerMessage } from "./peer-messages.ts";
import type { Clock, Log, OpenedStorage, PeerEvents, Peers, Snapshots, StorageEvents } from "./ports.ts";
import { ProposalQueue } from "./proposal-queue.ts";
import { ProposalSizes } from "./proposal-sizes.ts";
import { type BarrierCallback, type Question, ReadBarriers } from "./read-barriers.ts";
import { Reaper, type ReaperOptions } from "./reaper.ts";
import type { MemberStatus, ReplicaPort, Waiter } from "./replica-port.ts";
import { ReplicaStats } from "./replica-stats.ts";
import { Retries } from "./retries.ts";
import { type Adopt, Snapshotter, UnreadableSnapshotError } from "./snapshotter.ts";
import { type Encode, TermBatches } from "./term-batches.ts";

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
  /** Indexes of entries that are not carried out, for no member can; the same on all of them. */
  readonly skipEntries?: ReadonlySet<number>;
  readonly random: Random;
  readonly logger: Logger;
  /** The member cannot go on: a failed disk, a broken invariant. Nothing more is said to anyone before this. */
  readonly onFatal: (error: Error) => void;
}

/** The loop applies at most this long at a stretch, so that heartbeats and clients are heard while it catches up. */
const APPLY_SLICE_MS = 15;
const APPLY_BYTES = 1024 * 1024;
/**
 * The log that is kept for followers who are being sent a snapshot, or entries from the disk, in sizes at which a snapshot
 * is taken. Beyond it such a follower begins again with the latest snapshot.
 */
const KEPT_LOG_FACTOR = 8;

export class Replica implements ReplicaPort, PeerEvents, StorageEvents {
  readonly id: MemberId;
  readonly machine: Machine;
  readonly proposals = new ProposalSizes();
  readonly stats: ReplicaStats;
  /** The last one this run took: the revision it holds, and when it was whole. */
  lastSnapshot: { readonly zxid: number; readonly time: number } | null = null;
  readonly #options: ReplicaOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #snapshots: Snapshots;
  readonly #raft: Raft;
  readonly #batches: OutstandingBatches;
  readonly #termBatches = new TermBatches();
  readonly #barriers = new ReadBarriers();
  readonly #leases: LeaseTracker;
  readonly #reaper: Reaper;
  readonly #snapshotter: Snapshotter;
  readonly #logger: Logger;
  #peers: Peers | null = null;

  readonly #inputs: Input[] = [];
  #isStepping = false;
  #isFlushDue = false;
  /** This leader's batches, and those that other members passed on to it, for the next proposal. */
  readonly #queue: ProposalQueue;
  /**
   * The end of this leader's latest proposal. One round of the ensemble at a time: what comes meanwhile shares the next
   * round's syncs and messages, which is what many clients with one request each live on. A lone write never waits.
   */
  #proposedUpTo = 0;
  #mustSendAgain = false;
  /** The ensemble's number as the peers were last told. */
  #cluster = 0;
  readonly #retries = new Retries();

  /** The state is being replaced by a snapshot's: nothing is applied to what it was before. */
  #isRestoring = false;
  #isReadingForApply = false;
  #isApplyDue = false;
  #commandsSinceSnapshot = 0;
  #committedBefore = 0;
  #snapshotIndex: number;
  #snapshotLogSize: number;

  /**
   * What this leader has commanded of its own accord in this term, and may not have applied yet: the generation of each
   * lease that it ended, how far it reaped, and the reconfiguration that it gave up. Asked for once, it is in the log.
   */
  readonly #expiring = new Map<number, number>();
  #reapedUpTo = 0;
  #endedReconfiguration: number | null = null;

  /** Since when a reconfiguration's voters could not decide alone: a new leader has yet to hear from them all. */
  #ticksWithoutVoters = 0;

  #warningOfFile = "";
  readonly #foundingNotice = new FoundingNotice();
  #lastTickAt = 0;
  #stopTicking: (() => void) | null = null;
  #stopSweeping: (() => void) | null = null;
  #isSweepDue = false;
  #isDiskFull = false;
  #persistPendingSince: number | null = null;
  #persistsPending = 0;
  #admissionBefore = "";
  readonly #listeners: (() => void)[] = [];
  #state: "running" | "stopping" | "stopped" = "running";
  #applying: OutstandingBatch | null = null;
  #lastMessage: Message | null = null;
  #lastFrame: Uint8Array = new Uint8Array(0);
  #applyingPosition = 0;

  constructor(options: ReplicaOptions, machine: Machine, clock: Clock, storage: OpenedStorage) {
    this.#options = options;
    this.id = options.id;
    this.machine = machine;
    this.#clock = clock;
    this.stats = new ReplicaStats(clock);
    this.#log = storage.log;
    this.#snapshots = storage.snapshots;
    this.#logger = options.logger;
    this.#raft = new Raft(
      { ...options.raft, id: options.id, incarnation: storage.incarnation, mayFound: storage.mayFound },
      storage.recovered,
      options.random,
    );
    this.#batches = new OutstandingBatches(options.id, options.run);
    this.#queue = new ProposalQueue((member, run) => machine.lastSequence(member, run));
    this.#leases = new LeaseTracker(machine, 2 * options.tickMs);
    this.#reaper = new Reaper(machine, options.reaper);
    this.#snapshotter = new Snapshotter(machine, storage.snapshots, {
      sliceBytes: options.snapshotSliceBytes,
      timed: (read) => this.stats.timed(this.stats.restoreTime, read),
    });
    this.#snapshotIndex = storage.recovered.snapshot.index;
    this.#committedBefore = this.#raft.commitIndex;
    this.#snapshotLogSize = storage.log.size;
  }

  /** Restores the state from the latest snapshot, then takes part. `peers` reports to this object. */
  async start(peers: Peers): Promise<void> {
    assert(this.#peers === null, "a replica runs once");
    this.#isRestoring = true;
    this.stats.noteLeader(false, false);
    if (this.#snapshotIndex > 0) await this.#restoreLatest(this.#snapshotIndex);
    this.#isRestoring = false;
    this.#peers = peers;
    this.#reconcilePeers();
    this.#lastTickAt = this.#clock.now();
    this.#scheduleTick();
    this.#scheduleSweep();
    this.#applyCommitted();
  }

  async #restoreLatest(index: number): Promise<void> {
    try {
      await this.#snapshotter.restore(index);
    } catch (error) {
      if (!(error instanceof UnreadableSnapshotError)) throw error;
      throw unreadable(this.#snapshots.placeOf(index), error);
    }
  }

  // ---------------------------------------------------------------------------------------------- what protocols see

  get run(): number {
    return this.#batches.run;
  }

  get status(): MemberStatus {
    const raft = this.#raft;
    const record = raft.configuration.members.find((member) => member.id === this.id);
    const followers = [];
    if (raft.role === "leader") {
      for (const [id, progress] of raft.progress) {
        if (id !== this.id) followers.push({ id, matchIndex: progress.matchIndex, active: progress.active });
      }
    }
    return {
      role: raft.role === "follower" && record?.role !== "voter" ? "observer" : raft.role,
      term: raft.term,
      leader: raft.leader,
      hasQuorum: raft.hasQuorumContact,
      commitIndex: raft.commitIndex,
      appliedIndex: this.machine.appliedIndex,
      lastIndex: raft.lastIndex,
      snapshotIndex: this.#snapshotIndex,
      logBytes: this.#log.size,
      diskFull: this.#isDiskFull,
      configuration: raft.configuration,
      followers,
    };
  }

  begin(): ByteWriter {
    return this.#batches.begin();
  }

  commit(waiter: Waiter): void {
    if (this.#batches.commandBytes > COMMAND_BYTES_MAX) {
      this.#batches.abandon();
      waiter.onRefused(COMMAND_TOO_LONG);
      return;
    }
    const full = this.#batches.commit(waiter);
    if (full !== null) this.#send(full);
    this.#flushSoon();
  }

  abandon(): void {
    this.#batches.abandon();
  }

  admission(): "open" | "busy" | "no-space" | "no-quorum" | "stopping" {
    if (this.#state !== "running") return "stopping";
    if (this.#isDiskFull) return "no-space";
    if (!this.#raft.hasQuorumContact) return "no-quorum";
    return this.#batches.isFull ? "busy" : "open";
  }

  readBarrier(done: BarrierCallback, lease: number | null = null): void {
    if (lease !== null) this.#leases.renew(lease);
    this.#barriers.add(done, lease);
    this.#flushSoon();
  }

  renew(lease: number): void {
    this.#leases.renew(lease);
  }

  /** What this member itself wants to hear of the state's events: whoever owns them passes them on. */
  readonly stateEvents = {
    onUnreadable: (index: number, why: string): void =>
      this.#logger.error(`entry ${index} of the log cannot be read (${why}): it did nothing, on every member alike`),
    onLeaseMoved: (lease: number): void => this.#leases.begin(lease),
    onLeaseEnded: (lease: number): void => {
      this.#leases.forget(lease);
      this.#expiring.delete(lease);
    },
  };

  onStatusChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  // ------------------------------------------------------------------------------------------------ what the ports say

  onFrame(from: MemberId, frame: Uint8Array): void {
    if (this.#state === "stopped") return;
    let message: PeerMessage;
    try {
      message = decodePeerMessage(frame);
    } catch (error) {
      if (error instanceof MalformedError) {
        this.#peers?.hangUp(from, `it sent what cannot be read: ${error.message}`);
      } else {
        this.#fail(error);
      }
      return;
    }
    switch (message.kind) {
      case "raft":
        if (message.message.kind === "follow-request" && this.#peers?.mayFollow(from) !== true) break;
        this.#submit({ kind: "message", from, message: message.message });
        break;
      case "propose":
        if (this.#raft.isPeer(from)) this.#onProposal(from, message.batch);
        break; // otherwise its sender will learn who leads, and send it there
      case "renew":
        if (this.#raft.isPeer(from)) for (const lease of message.leases) this.#leases.renew(lease);
        break;
    }
  }

  /** It is read before it goes into the log: what cannot be read must not come to all. */
  #onProposal(from: MemberId, batch: Uint8Array): void {
    const flaw = flawOfProposal(batch, from, this.machine.latestRun(from));
    if (flaw !== null) this.#peers?.hangUp(from, `it proposed what cannot be: ${flaw}`);
    else if (this.#queue.add(batch)) this.#flushSoon();
  }

  onConnect(peer: MemberId): void {
    if (peer === this.#raft.leader) this.#sendAgain();
  }

  onDisconnect(peer: MemberId): void {
    if (this.#state !== "stopped") this.#submit({ kind: "unreachable", peer });
  }

  onFull(full: boolean): void {
    if (full === this.#isDiskFull) return;
    this.#isDiskFull = full;
    if (full) {
      this.#logger.error(
        "the disk is full: this member refuses writes, serves reads, and goes on by itself when there is room",
      );
      this.#handLeadershipOver();
    } else {
      this.#logger.info("the disk has room again: this member takes writes");
    }
    this.#noteStatus();
  }

  onFailure(error: Error): void {
    this.#fail(error);
  }

  // ------------------------------------------------------------------------------------------------------- the loop

  #submit(input: Input): void {
    this.#inputs.push(input);
    if (this.#isStepping || this.#state === "stopped") return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        for (const effect of this.#raft.step(next)) this.#carryOut(effect);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isStepping = false;
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "send":
        this.#peers?.send(effect.to, this.#frameOf(effect.message));
        break;
      case "persist":
        this.#persist(effect);
        break;
      case "commit":
        if (this.#raft.cluster !== this.#cluster) this.#reconcilePeers();
        this.#noteCommitted(effect.index);
        this.#applyCommitted();
        if (!this.#queue.isEmpty) this.#flushSoon();
        break;
      case "readable":
        this.#barriers.onReadable(effect.context, effect.index, this.machine.appliedIndex);
        break;
      case "read-refused":
        break; // asked again by the next ticks, until its deadline
      case "role-changed":
        this.#onRoleChanged(effect);
        break;
      case "configuration-changed":
        this.#reconcilePeers();
        this.#compareWithFile();
        break;
      case "fetch":
        this.#fetch(effect);
        break;
      case "read-snapshot":
        this.#readSnapshot(effect);
        break;
      case "write-snapshot":
        this.#writeSnapshot(effect);
        break;
      case "refused":
        this.#peers?.hangUp(effect.from, `it broke the rules of consensus: ${effect.why}`);
        break;
      case "discard-snapshot":
        this.#snapshotter.discard();
        break;
    }
  }

  #noteCommitted(index: number): void {
    this.stats.noteCommitted(Math.max(0, index - this.#committedBefore));
    this.#committedBefore = index;
    if (this.#proposedUpTo > 0 && index >= this.#proposedUpTo) this.stats.noteRoundCommitted();
  }

  /** Followers at the same point are sent the same message: it is encoded once. */
  #frameOf(message: Message): Uint8Array {
    if (message !== this.#lastMessage) {
      this.#lastMessage = message;
      this.#lastFrame = encodeRaft(message);
    }
    return this.#lastFrame;
  }

  #persist(effect: Effect & { kind: "persist" }): void {
    this.#persistsPending++;
    if (this.#raft.role !== "leader") this.stats.proposalsReceived += effect.entries.length;
    this.#persistPendingSince ??= this.#clock.now();
    this.#log.write(effect, () => {
      this.#persistsPending--;
      this.#persistPendingSince = this.#persistsPending === 0 ? null : this.#clock.now();
      this.#submit({ kind: "persisted", sequence: effect.sequence });
    });
  }

  #onRoleChanged({ role, term, leader }: Effect & { kind: "role-changed" }): void {
    this.stats.noteLeader(leader !== null, leader === this.id);
    if (role === "leader") this.#leases.becomeLeader();
    else this.#leases.stepDown();
    this.#queue.reset();
    this.#proposedUpTo = 0;
    this.#expiring.clear();
    this.#reapedUpTo = 0;
    this.#reaper.stop();
    this.#endedReconfiguration = null;
    this.#ticksWithoutVoters = 0;
    this.proposals.reset();
    if (leader !== null) {
      this.#logger.info(leader === this.id ? `leads term ${term}` : `follows member ${leader} in term ${term}`);
      this.#compareWithFile();
      this.#sendAgain();
    } else if (role === "follower") {
      this.#logger.info(`follows nobody yet in term ${term}`);
    }
    this.#noteStatus();
  }

  /** Once it knows the ensemble: what its file says about the members and the log does not. */
  #compareWithFile(): void {
    const { configuration, leader } = this.#raft;
    if (leader === null || configuration.outgoing.length > 0) return;
    const unknown = unknownMembers(configuration, this.#options.raft.listed ?? []);
    const isAddedByFile = leader === this.id && configuration.isReconfigured !== true;
    if (unknown.length === 0 || isAddedByFile) return;
    const remedy =
      configuration.isReconfigured === true
        ? "its members were changed by reconfig, and that is how they change from now on"
        : `they join once member ${leader}, which leads, lists them in its file too and is started again, or by reconfig`;
    const warning = `this member's file lists ${serverLines(unknown)}, which the ensemble does not know: ${remedy}`;
    if (warning !== this.#warningOfFile) this.#logger.warn(warning);
    this.#warningOfFile = warning;
  }

  #reconcilePeers(): void {
    const { cluster, contacts } = this.#raft;
    this.#peers?.reconcile(cluster, contacts);
    this.#cluster = cluster;
  }

  // ------------------------------------------------------------------------------------------------------ proposing

  /** Proposes and asks once this turn's input is all there. */
  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#clock.defer(() => {
      this.#isFlushDue = false;
      if (this.#state !== "stopped") this.#flush();
    });
  }

  #flush(): void {
    this.#askLeader(this.#barriers.ask(this.#clock.now()));
    const wasEmpty = this.#batches.outstanding().length === 0;
    const fresh = this.#batches.closeBatch();
    if (wasEmpty) this.#retries.begin(this.#clock.now());
    if (this.#mustSendAgain) this.#sendEverything();
    else if (fresh !== null) this.#send(fresh);
    this.#proposeQueued();
  }

  /** What the leader is to know before it answers goes ahead on the same connection, each time that it is asked. */
  #askLeader(question: Question | null): void {
    if (question === null) return;
    const { leader } = this.#raft;
    if (question.leases.length > 0 && leader !== null && leader !== this.id) {
      this.#peers?.send(leader, encodeRenew(question.leases));
    }
    this.#submit({ kind: "read", context: question.context });
  }

  #sendAgain(): void {
    this.#mustSendAgain = true;
    this.#flushSoon();
  }

  #sendEverything(): void {
    const { leader } = this.#raft;
    if (leader === null) return; // once somebody leads
    this.#mustSendAgain = false;
    this.#retries.onSentAgain(this.#clock.now());
    for (const batch of this.#batches.outstanding()) this.#send(batch);
  }

  #send(batch: OutstandingBatch): void {
    const { leader } = this.#raft;
    if (leader === this.id) this.#queue.add(batch.bytes);
    else if (leader !== null && !this.#mustSendAgain) this.#peers?.send(leader, encodePropose(batch.bytes));
    else this.#mustSendAgain = true;
  }

  /** What is proposed is in no log, so that the time may be stamped into it: an entry's bytes never change. */
  #proposeQueued(): void {
    if (this.#queue.isEmpty || !this.#knowsItsLog()) return;
    if (this.#raft.commitIndex < this.#proposedUpTo) return; // the next round gathers until this one is committed
    if (!this.#raft.canPropose) return; // the next commit or tick finds it
    const payloads = this.#queue.take();
    const now = this.#clock.wall();
    for (const payload of payloads) {
      stampTime(payload, now);
      this.proposals.note(payload.length);
    }
    this.stats.noteProposed(payloads.length);
    this.#submit({ kind: "propose", payloads });
    this.#proposedUpTo = this.#raft.lastIndex;
  }

  /** A leader that has just started may hold entries, on its disk alone, that it has yet to apply: batches wait for that. */
  #knowsItsLog(): boolean {
    if (this.#queue.isReady) return true;
    const unapplied = this.#raft.entriesAfter(this.machine.appliedIndex);
    if (unapplied !== null) this.#queue.begin(unapplied);
    return this.#queue.isReady;
  }

  /** Commands of the leader's own. What cannot be proposed now, or is lost, is found due again. */
  #proposeOwn(commands: Encode[]): void {
    while (commands.length > 0 && this.#raft.canPropose) {
      const batch = this.#termBatches.next(this.#raft.term, commands);
      stampTime(batch, this.#clock.wall());
      this.proposals.note(batch.length);
      this.stats.proposals += 1;
      this.#submit({ kind: "propose", payloads: [batch] });
    }
  }

  // ------------------------------------------------------------------------------------------------------- applying

  #applyCommitted(): void {
    if (this.#isRestoring || this.#isReadingForApply || this.#isApplyDue) return; // goes on when that is done
    const { machine } = this;
    const until = this.#clock.now() + APPLY_SLICE_MS;
    const from = machine.appliedIndex;
    while (machine.appliedIndex < this.#raft.commitIndex) {
      const entries = this.#raft.entriesInMemory(machine.appliedIndex + 1, this.#raft.commitIndex, APPLY_BYTES);
      if (entries.length === 0) {
        this.#readForApply();
        break;
      }
      for (const entry of entries) this.#apply(entry);
      if (this.#clock.now() > until && machine.appliedIndex < this.#raft.commitIndex) {
        this.#applySoon();
        break;
      }
    }
    if (machine.appliedIndex > from) this.#onApplied();
  }

  #applySoon(): void {
    this.#isApplyDue = true;
    this.#clock.defer(() => {
      this.#isApplyDue = false;
      this.#guarded(() => this.#applyCommitted());
    });
  }

  #readForApply(): void {
    this.#isReadingForApply = true;
    const from = this.machine.appliedIndex + 1;
    this.#log.read(from, this.#raft.commitIndex, 4 * APPLY_BYTES).then(
      (entries) => {
        this.#isReadingForApply = false;
        this.#guarded(() => {
          if (this.#isRestoring) return; // it goes on from there
          for (const entry of entries) {
            if (entry.index !== this.machine.appliedIndex + 1) continue; // a snapshot came in between
            // What the leader has overwritten stays on the disk until that is durable; the leader's own is in memory.
            if (this.#raft.termAt(entry.index) !== entry.term) break;
            this.#apply(entry);
          }
          if (this.machine.appliedIndex >= from) this.#onApplied();
          else assert(this.#canGoOnFrom(from), `entry ${from} is committed, and neither in memory nor on the disk`);
          this.#applyCommitted();
        });
      },
      (error) => this.#fail(error),
    );
  }

  /** What was read was of no use: a snapshot took its place, or the leader's own entry is in memory by now. */
  #canGoOnFrom(index: number): boolean {
    return this.#raft.entriesInMemory(index, index, 1).length > 0;
  }

  #apply(entry: Entry): void {
    if (this.#options.skipEntries?.has(entry.index) === true) {
      this.#skip(entry);
      return;
    }
    try {
      this.#applyEntry(entry);
    } catch (error) {
      throw inapplicable(entry.index, error);
    }
  }

  #applyEntry(entry: Entry): void {
    switch (entry.kind) {
      case "commands":
        this.#applyBatch(entry);
        break;
      case "configuration": {
        const { members, outgoing } = decodeConfiguration(entry.payload);
        this.machine.applyConfiguration(entry.index, members, outgoing.length > 0);
        break;
      }
      case "noop":
        this.machine.applyNothing(entry.index);
        break;
    }
  }

  /** As an operator has it, on all members: an entry that none of them can apply. Of a configuration there is no leaving out. */
  #skip(entry: Entry): void {
    if (entry.kind !== "commands") {
      this.#logger.error(`entry ${entry.index} is no commands, and is not skipped (skipEntries)`);
      this.#applyEntry(entry);
      return;
    }
    this.#logger.error(`entry ${entry.index} is skipped, as skipEntries says: every member must skip it`);
    const header = headerOf(entry.payload);
    const isOwn = header !== null && header.member === this.id && header.run === this.#batches.run;
    const last = this.machine.lastSequence(this.id, this.#batches.run);
    this.machine.skip(entry.index, entry.payload);
    if (!isOwn || header.sequence !== last + 1) return;
    for (const waiter of this.#batches.take(header.sequence).waiters) waiter.onRefused(SKIPPED);
    this.#retries.onProgress(this.#clock.now());
  }

  #applyBatch(entry: Entry): void {
    const header = headerOf(entry.payload);
    const isOwn = header !== null && header.member === this.id && header.run === this.#batches.run;
    const revisionBefore = this.machine.revision;
    if (!isOwn) {
      this.machine.apply(entry.index, entry.payload, null);
    } else {
      this.#applyOwn(entry, header.sequence);
    }
    this.#commandsSinceSnapshot += this.machine.revision - revisionBefore;
    if (header !== null) this.stats.noteApplied(header.time);
  }

  #applyOwn(entry: Entry, sequence: number): void {
    const last = this.machine.lastSequence(this.id, this.#batches.run);
    if (sequence === last + 1) {
      const applying = this.#batches.take(sequence);
      this.#applying = applying;
      this.#applyingPosition = 0;
      const result = this.machine.apply(entry.index, entry.payload, this.#onOutcome);
      const isTaken = result === "applied" || result === "unreadable";
      assert(isTaken, `own batch ${sequence} was ${result} although it is the next`);
      const isAnswered = this.#applyingPosition === applying.waiters.length;
      assert(isAnswered || result === "unreadable", "a batch with more or fewer commands than waiters");
      this.#applying = null;
      for (const waiter of applying.waiters.slice(this.#applyingPosition)) waiter.onRefused(SKIPPED);
      this.#retries.onProgress(this.#clock.now());
      return;
    }
    const result = this.machine.apply(entry.index, entry.payload, null);
    assert(result !== "applied", `own batch ${sequence} was applied out of order`);
    if (last === -1) this.#takeLaterStart();
    else if (result === "gap") this.#sendAgain();
  }

  /** The ensemble knows a later run of this member, as when its wall clock went back: nothing of this one was heard. */
  #takeLaterStart(): void {
    this.#batches.restartAs(this.machine.latestRun(this.id) + 1);
    this.#sendAgain();
  }

  readonly #onOutcome = (outcome: Outcome, revision: number): void => {
    const waiter = this.#applying?.waiters[this.#applyingPosition++];
    assert(waiter !== undefined, "an outcome that nobody waits for");
    waiter.onOutcome(outcome, revision);
  };

  #onApplied(): void {
    this.#barriers.onApplied(this.machine.appliedIndex);
    this.#submit({ kind: "applied", index: this.machine.appliedIndex });
    if (!this.#queue.isEmpty && !this.#queue.isReady) this.#flushSoon();
    this.#maybeSnapshot();
  }

  // ------------------------------------------------------------------------------------------------------ snapshots

  #maybeSnapshot(): void {
    const grown = this.#log.size - this.#snapshotLogSize;
    if (this.#commandsSinceSnapshot < this.#options.snapshotCommands && grown < this.#options.snapshotLogBytes) return;
    if (!this.#mayTakeSnapshot || this.#isDiskFull || this.machine.appliedIndex <= this.#snapshotIndex) return;
    this.#takeSnapshot().catch((error) => {
      if (!(error instanceof CoordinationError) || error.code !== "no-space") return this.#fail(error);
      this.#snapshotLogSize = this.#log.size;
      this.#logger.warn(
        "the disk has no room for a snapshot: it is tried again when the log has grown as much once more",
      );
    });
  }

  /** For operators: a snapshot of the state as it is, whatever stands in the way of one being over. */
  async takeSnapshotNow(): Promise<{ readonly index: number; readonly revision: number }> {
    if (this.#isRestoring) throw SNAPSHOT_IN_THE_WAY;
    await this.#snapshotter.idle();
    if (this.#state !== "running" || !this.#mayTakeSnapshot) throw SNAPSHOT_IN_THE_WAY;
    const { revision, appliedIndex: index } = this.machine;
    if (index > this.#snapshotIndex && !(await this.#takeSnapshot())) throw SNAPSHOT_IN_THE_WAY;
    return { index, revision };
  }

  /** Not while another is written, nor while a leader's takes the place of the state and the log. */
  get #mayTakeSnapshot(): boolean {
    return !this.#isRestoring && !this.#snapshotter.isBusy;
  }

  /** Returns whether it was taken: a leader's may come in between. */
  async #takeSnapshot(): Promise<boolean> {
    const { appliedIndex: index, revision: zxid } = this.machine;
    const snapshot: SnapshotMeta = {
      index,
      term: this.#raft.termAt(index),
      configuration: this.#raft.configurationAt(index),
    };
    this.#commandsSinceSnapshot = 0;
    const mayKeep = this.#log.size <= KEPT_LOG_FACTOR * this.#options.snapshotLogBytes;
    const isInUse = (older: number): boolean => mayKeep && this.#raft.isSending(older);
    const take = (): Promise<boolean> => this.#snapshotter.take(snapshot, isInUse);
    if (!(await this.stats.timed(this.stats.snapshotTime, take)) || this.#state === "stopped") return false;
    const previous = this.#snapshotIndex;
    this.#snapshotIndex = index;
    this.lastSnapshot = { zxid, time: this.#clock.wall() };
    // The log may reach back to the snapshot before: a follower a little behind is served from it. One that is further
    // behind, and is being sent a snapshot or the log, goes on from there: the log is kept for it, within a bound.
    const neededFrom = mayKeep ? Math.min(this.#raft.neededFrom, index + 1) : index + 1;
    const logFrom = Math.min(previous > 0 ? previous + 1 : index + 1, neededFrom);
    this.#submit({ kind: "snapshot-taken", snapshot, logFrom });
    this.#log.purge(neededFrom - 1);
    this.#snapshotLogSize = this.#log.size;
    return true;
  }

  #fetch({ to, from, bytesMax }: Effect & { kind: "fetch" }): void {
    this.#log.read(from, this.#raft.lastIndex, bytesMax).then(
      (entries) => this.#submit({ kind: "fetched", to, from, entries }),
      (error) => this.#fail(error),
    );
  }

  #readSnapshot({ to, index, offset, bytesMax }: Effect & { kind: "read-snapshot" }): void {
    if (offset === 0) this.stats.snapshotsSent += 1;
    this.#snapshots.read(index, offset, bytesMax).then(
      (read) =>
        this.#submit({
          kind: "snapshot-read",
          to,
          index,
          offset,
          data: read?.data ?? null,
          done: read?.done ?? false,
        }),
      (error) => this.#fail(error),
    );
  }

  #writeSnapshot(effect: Effect & { kind: "write-snapshot" }): void {
    this.#installChunk(effect).catch((error) => this.#fail(error));
  }

  async #installChunk({ snapshot, offset, data, done }: Effect & { kind: "write-snapshot" }): Promise<void> {
    const written: Input = { kind: "snapshot-written", index: snapshot.index, offset: offset + data.length, done };
    const replace = done ? (adopt: Adopt): Promise<void> => this.#replaceBy(snapshot, written, adopt) : null;
    try {
      const isAdded = await this.#snapshotter.receive(snapshot, offset, data, replace);
      if (isAdded && !done) this.#submit(written); // else another leader's took its place, or it has been said
    } catch (error) {
      if (!(error instanceof UnreadableSnapshotError)) throw error;
      this.#refuseSnapshot(snapshot, error);
    }
  }

  /** What was sent is no state: it has left the disk again, and state and log are what they were. */
  #refuseSnapshot({ index }: SnapshotMeta, error: UnreadableSnapshotError): void {
    this.#logger.error(
      `the leader's snapshot of index ${index} cannot be read (${error.message}): it is thrown away, and this member goes on with ` +
        "what it had. Its sender is broken, is no member, or runs a version whose snapshots this one cannot read",
    );
    this.#submit({ kind: "snapshot-unreadable", index });
  }

  /** A leader's snapshot takes the place of state and log: with the log's entries goes what was still to be applied. */
  async #replaceBy(snapshot: SnapshotMeta, written: Input, adopt: Adopt): Promise<void> {
    this.#isRestoring = true;
    await this.#log.restart(snapshot);
    if (this.#state === "stopped") return;
    adopt();
    this.#snapshotIndex = snapshot.index;
    this.#snapshotLogSize = this.#log.size;
    this.#commandsSinceSnapshot = 0;
    this.#forgetWhatTheSnapshotHolds();
    this.#logger.info(`installed the leader's snapshot of index ${snapshot.index}`);
    this.#submit(written);
    this.#isRestoring = false; // not before the log goes on from there
    this.#onApplied();
    this.#applyCommitted();
  }

  /** Own batches that were applied inside the snapshot: their outcome is not in it, so nobody here can know it. */
  #forgetWhatTheSnapshotHolds(): void {
    const applied = this.machine.lastSequence(this.id, this.#batches.run);
    for (let oldest = this.#batches.oldestSequence; oldest !== null && oldest <= applied; ) {
      const batch = this.#batches.take(oldest);
      for (const waiter of batch?.waiters ?? []) waiter.onRefused(OUTCOME_UNKNOWN);
      oldest = this.#batches.oldestSequence;
    }
  }

  // ----------------------------------------------------------------------------------------------------------- time

  #scheduleTick(): void {
    this.#stopTicking = this.#clock.after(this.#options.tickMs, () => {
      if (this.#state === "stopped") return;
      this.#guarded(() => this.#tick());
      this.#scheduleTick();
    });
  }

  /** By a clock of its own: an interval may be shorter than a tick. */
  #scheduleSweep(): void {
    this.#stopSweeping = this.#clock.after(this.#options.reaper.intervalMs, () => {
      if (this.#state === "stopped") return;
      this.#isSweepDue = true;
      this.#guarded(() => this.#goOnSweeping());
      this.#scheduleSweep();
    });
  }

  /** A sweep that was due while deletions of the last one, or the disk, were waited for is made up for afterwards. */
  #goOnSweeping(): void {
    if (this.#raft.role !== "leader" || !this.#raft.canPropose) return;
    if (this.machine.appliedIndex < this.#reapedUpTo) return;
    if (this.#isSweepDue && !this.#reaper.isSweeping) {
      this.#isSweepDue = false;
      this.#reaper.begin(() => this.#clock.wall());
    }
    const due = this.#reaper.takeDue(this.#clock.now());
    if (due.length === 0) return;
    this.#proposeOwn(due.map((candidate) => (writer) => encodeReap(writer, candidate)));
    this.#reapedUpTo = this.#raft.lastIndex;
  }

  #tick(): void {
    const now = this.#clock.now();
    const elapsed = now - this.#lastTickAt;
    this.#lastTickAt = now;
    this.#submit({ kind: "tick" });
    for (const question of this.#barriers.askAgain(now)) this.#askLeader(question);
    this.#tickLeases(elapsed);
    if (this.#raft.role === "leader" && this.#raft.canPropose) this.#tickLeader();
    if (!this.#batches.isEmpty && !this.#isOnItsWay()) this.#retry(this.#retries.due(now));
    const notice = this.#foundingNotice.due(this.#raft.founding, now);
    if (notice !== null) this.#logger.warn(notice);
    this.#noteStatus();
  }

  #tickLeases(elapsed: number): void {
    const renewed = this.#leases.takeRenewed(elapsed);
    const { leader } = this.#raft;
    if (renewed !== null && leader !== null) this.#peers?.send(leader, encodeRenew(renewed));
    // A tick that came late stands for a stall, of this process or its machine: it counts as one tick, no more.
    const passed = Math.min(elapsed, 2 * this.#options.tickMs);
    if (!this.#raft.hasQuorumContact || this.#isDiskStalled()) return;
    const expired = this.#leases.advance(passed).filter(({ id, generation }) => this.#expiring.get(id) !== generation);
    if (expired.length === 0 || !this.#raft.canPropose) return;
    this.#proposeOwn([(writer) => encodeExpireLeases(writer, expired)]);
    this.stats.sessionsExpired += expired.length;
    for (const { id, generation } of expired) this.#expiring.set(id, generation);
  }

  #tickLeader(): void {
    if (!this.#queue.isEmpty) this.#flushSoon();
    this.#goOnSweeping();
    if (this.#raft.isChangingMembership) return;
    const { configuration, progress } = this.#raft;
    const pending = this.machine.pendingReconfiguration;
    const { listed } = this.#options.raft;
    const step = nextMembershipStep(configuration, pending, (id) => progress.get(id) ?? null, listed);
    if (step?.kind !== "give-up") this.#ticksWithoutVoters = 0;
    if (step === null) return;
    if (step.kind === "change") {
      this.#logger.info(step.why);
      const { members, isReconfiguration = false } = step;
      this.#submit({ kind: "change-membership", members, isReconfiguration });
    } else if (++this.#ticksWithoutVoters >= this.#options.raft.electionTicks) {
      if (this.#endedReconfiguration === step.revision) return;
      this.#endedReconfiguration = step.revision;
      this.#proposeOwn([(writer) => encodeEndReconfig(writer, step.revision, step.code)]);
    }
  }

  /** What was passed on to the leader has not even left: a copy behind it would only make it later. */
  #isOnItsWay(): boolean {
    const { leader } = this.#raft;
    return leader !== null && leader !== this.id && (this.#peers?.unsentBytes(leader) ?? 0) > 0;
  }

  #retry(count: number): void {
    if (count === 0) return;
    if (this.machine.lastSequence(this.id, this.#batches.run) === -1) {
      this.#takeLaterStart();
      return;
    }
    for (const batch of this.#batches.outstanding().slice(0, count)) this.#send(batch);
    this.#flushSoon();
  }

  #isDiskStalled(): boolean {
    const since = this.#persistPendingSince;
    return since !== null && this.#clock.now() - since > this.#options.raft.electionTicks * this.#options.tickMs;
  }

  #noteStatus(): void {
    this.stats.noteQuorum(this.#raft.hasQuorumContact);
    const admission = `${this.admission()} ${this.#raft.role} ${this.#raft.leader}`;
    if (admission === this.#admissionBefore) return;
    this.#admissionBefore = admission;
    for (const listener of this.#listeners) listener();
  }

  // ------------------------------------------------------------------------------------------------------- stopping

  /** Hands leadership over if asked to, lets what is under way finish for a while, and closes. */
  async stop({ transferLeadership = true, graceMs = 2000 } = {}): Promise<void> {
    if (this.#state !== "running") return;
    this.#state = "stopping";
    this.#noteStatus();
    const deadline = this.#clock.now() + graceMs;
    await this.#until(() => this.#batches.isEmpty, deadline);
    if (transferLeadership) this.#handLeadershipOver();
    await this.#until(
      () => !transferLeadership || this.#raft.role !== "leader" || this.#successor() === null,
      deadline,
    );
    await this.#close();
  }

  async #close(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    this.#stopTicking?.();
    this.#stopSweeping?.();
    this.#barriers.refuseAll();
    this.#batches.refuseAll(OUTCOME_UNKNOWN);
    await this.#snapshotter.close();
    await this.#peers?.close();
    await this.#log.close();
  }

  #handLeadershipOver(): void {
    const successor = this.#successor();
    if (this.#raft.role === "leader" && successor !== null) this.#submit({ kind: "transfer", to: successor });
  }

  /** The voter that is furthest along. */
  #successor(): MemberId | null {
    const { configuration, progress } = this.#raft;
    let best: { id: MemberId; matchIndex: number } | null = null;
    for (const { id, role } of configuration.members) {
      const seen = progress.get(id);
      if (id === this.id || role !== "voter" || !seen?.active || !seen.joined) continue;
      if (best === null || seen.matchIndex > best.matchIndex) best = { id, matchIndex: seen.matchIndex };
    }
    return best?.id ?? null;
  }

  #until(condition: () => boolean, deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (condition() || this.#clock.now() >= deadline || this.#state === "stopped") resolve();
        else this.#clock.after(10, look);
      };
      look();
    });
  }

  #guarded(work: () => void): void {
    if (this.#state === "stopped") return;
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    this.#stopTicking?.();
    this.#stopSweeping?.();
    this.#options.onFatal(error instanceof Error ? error : new Error(String(error)));
  }
}

const COMMAND_TOO_LONG = new CoordinationError(
  "rejected",
  "not-applied",
  `a command has ${COMMAND_BYTES_MAX} bytes at most, which is what members can carry between them`,
);

const SNAPSHOT_IN_THE_WAY = new CoordinationError(
  "overloaded",
  "not-applied",
  "a snapshot of the leader's takes the place of this member's state: try again",
);
const OUTCOME_UNKNOWN = new CoordinationError(
  "closed",
  "unknown",
  "this member cannot tell what became of the command",
);

const SKIPPED = new CoordinationError(
  "closed",
  "not-applied",
  "the entry of the log that held the command could not be read, or was skipped by an operator",
);

/** What ends a member that cannot apply an entry: each start would meet it again, and so would the other members. */
function inapplicable(index: number, error: unknown): Error {
  const cause = error instanceof Error ? error : new Error(String(error));
  const message =
    `entry ${index} of the log cannot be applied: ${cause.message}. This is a bug: please report it. If every member ends at ` +
    `this entry, start each of them with --skip-entry ${index} (docs/operations.md says what that costs)`;
  const told = new Error(message, { cause });
  if (cause.stack !== undefined) told.stack = cause.stack;
  return told;
}

/** What ends a member at its start, and would at each: its latest snapshot is as it was written, and no state. */
function unreadable(place: string, error: UnreadableSnapshotError): CoordinationError {
  const message =
    `the latest snapshot, ${place}, is undamaged, and this version cannot read it: ${error.message}. If a later version wrote it, ` +
    "start that one. Else move this one file out of the data directory and start again: the member goes on from the snapshot " +
    "before it, or takes everything from the other members; one that is alone says what it lacks (docs/operations.md)";
  return new CoordinationError("damaged", "not-applied", message, { cause: error });
}
