// What a member does while it leads: brings every follower's log to equal its own, commits what a majority holds, and
// knows at all times whether a majority still hears it. One object a term.
//
// Invariants: it appends and never overwrites (Raft §5.3); only entries of its own term commit by counting (§5.4.2); one
// change of members at a time.

import { assert } from "../../base/assert.ts";
import {
  changeTo,
  encodeConfiguration,
  isJoint,
  isVoter,
  leaveJoint,
  nameIncarnations,
  namesVoter,
  votersOf,
} from "./configuration.ts";
import type { EffectQueue } from "./effect-queue.ts";
import { Followers } from "./followers.ts";
import type { RaftLog } from "./log.ts";
import type { Progress } from "./progress.ts";
import { ReadRounds } from "./reads.ts";
import { Replicator } from "./replicator.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
import type { TickClock } from "./tick-clock.ts";
import type {
  Configuration,
  EntryKind,
  Input,
  MemberId,
  MemberProgress,
  MemberRecord,
  Message,
  RaftOptions,
} from "./types.ts";
import { VoterQuorum } from "./voter-quorum.ts";

const NO_PAYLOAD = new Uint8Array(0);

export class Leader {
  readonly term: number;
  /** It leads no longer: no majority hears it, or the ensemble goes on without it. */
  hasResigned = false;
  readonly #options: RaftOptions;
  readonly #log: RaftLog;
  readonly #effects: EffectQueue;
  readonly #followers: Followers;
  readonly #quorum: VoterQuorum;
  readonly #snapshots: SnapshotSender;
  readonly #replicator: Replicator;
  readonly #reads: ReadRounds;
  readonly #clock: TickClock;
  /** From when on silence counts: the start of the term, or of the latest change of members. */
  #quorumSince: number;
  #ticksSinceHeartbeat = 0;
  /** What was committed an election timeout ago, and what was when that began to run. */
  #committedBefore: number;
  #committedSince: number;
  #transfer: { readonly to: MemberId; readonly since: number } | null = null;

  constructor(options: RaftOptions, term: number, log: RaftLog, effects: EffectQueue, clock: TickClock) {
    this.term = term;
    this.#options = options;
    this.#log = log;
    this.#effects = effects;
    this.#clock = clock;
    this.#quorumSince = clock.tick;
    this.#committedBefore = log.commitIndex;
    this.#committedSince = log.commitIndex;
    this.#followers = new Followers(options, log, clock);
    this.#quorum = new VoterQuorum(options, log, this.#followers);
    this.#snapshots = new SnapshotSender(options, term, log, effects, clock);
    this.#replicator = new Replicator(options, term, log, effects, this.#followers, this.#snapshots);
    this.#reads = new ReadRounds(term, effects);
  }

  // ------------------------------------------------------------------------------------------------- what it is asked

  /** A leader's first entry: until one of its own term is committed it cannot know what is (Raft §8, §5.4.2). */
  begin(initial: Configuration | null): void {
    if (initial === null) this.#appendOne("noop", NO_PAYLOAD);
    else this.#appendConfiguration(initial);
    this.#replicator.replicateToAll();
  }

  get canPropose(): boolean {
    return this.#transfer === null && this.#log.uncommittedBytes < this.#options.uncommittedBytesMax;
  }

  propose(payloads: readonly Uint8Array[]): void {
    if (!this.canPropose) return;
    for (const payload of payloads) this.#appendOne("commands", payload);
    this.#replicator.replicateToAll();
  }

  read(peer: MemberId | null, context: number): void {
    this.#reads.add(peer, context);
    this.#beginReads();
  }

  transfer(to: MemberId): void {
    const peer = this.#followers.get(to);
    if (peer === undefined || this.#transfer !== null || !isVoter(this.#log.configuration, to)) return;
    this.#transfer = { to, since: this.#tick };
    this.#handOver(peer);
  }

  /** Its reads end unanswered. */
  resign(): void {
    this.#reads.refuseAll();
  }

  #appendOne(kind: EntryKind, payload: Uint8Array): void {
    this.#log.append({ index: this.#log.lastIndex + 1, term: this.term, kind, payload });
  }

  // -------------------------------------------------------------------------------------------------------- its clock

  get #tick(): number {
    return this.#clock.tick;
  }

  /** The clock has ticked. */
  onTick(): void {
    if (!this.hasQuorumContact) {
      this.hasResigned = true; // another may lead by now: better no leader than one that serves nobody (thesis §6.2)
      return;
    }
    if (this.#transfer !== null && this.#tick - this.#transfer.since >= this.#options.electionTicks)
      this.#transfer = null;
    if (this.#tick % this.#options.electionTicks === 0) {
      this.#committedBefore = this.#committedSince;
      this.#committedSince = this.#log.commitIndex;
    }
    if (++this.#ticksSinceHeartbeat >= this.#options.heartbeatTicks) this.#heartbeat();
  }

  get hasQuorumContact(): boolean {
    const contact = Math.max(this.#quorumSince, this.#quorum.reached(contactOf, this.#tick));
    return this.#tick - contact <= this.#options.electionTicks;
  }

  #heartbeat(): void {
    this.#ticksSinceHeartbeat = 0;
    this.#replicator.beginRound();
    for (const peer of this.#followers.all) {
      this.#replicator.heartbeat(peer);
      this.#handOver(peer);
    }
    this.#confirmReads(); // those that waited for members who have left meanwhile
  }

  // ------------------------------------------------------------------------------------------------------ its answers

  onAppendReply(from: MemberId, reply: Message & { kind: "append-reply" }): void {
    const peer = this.#heardFrom(from, reply.round, reply.incarnation);
    if (peer === null || reply.round === 0) return; // it answers an append of an earlier term
    if (reply.matched) this.#onMatched(peer, reply.index);
    else this.#onRejected(peer, reply.index, reply.conflictTerm);
    this.#settle(peer);
  }

  #onMatched(peer: Progress, index: number): void {
    assert(index <= this.#log.lastIndex, "a follower holds more of this term than its leader");
    const before = peer.matchIndex;
    peer.acknowledged(index);
    if (index > before) this.#advanceCommit();
    if (before === 0 && index > 0) this.#nameNewcomers();
  }

  #onRejected(peer: Progress, index: number, term: number): void {
    if (peer.mode === "snapshot" || index < peer.matchIndex) return; // answers to something sent long ago
    const retry = this.#log.agreementBefore(index, term).index + 1;
    peer.probe(Math.max(peer.matchIndex + 1, Math.min(retry, peer.nextIndex)));
  }

  onSnapshotReply(from: MemberId, reply: Message & { kind: "snapshot-reply" }): void {
    const peer = this.#heardFrom(from, reply.round, reply.incarnation);
    if (peer === null) return;
    if (this.#snapshots.onReply(peer, reply)) {
      this.#advanceCommit();
      this.#nameNewcomers();
    }
    this.#settle(peer);
  }

  onSnapshotRead(input: Input & { kind: "snapshot-read" }): void {
    const peer = this.#followers.get(input.to);
    if (peer !== undefined) this.#snapshots.onRead(peer, input, this.round);
  }

  onFetched(input: Input & { kind: "fetched" }): void {
    this.#replicator.onFetched(input);
  }

  onUnreachable(id: MemberId): void {
    this.dropGuest(id);
    this.#followers.get(id)?.disconnected();
  }

  /** This member's own copy is durable further than before. */
  onPersisted(): void {
    this.#advanceCommit();
  }

  #heardFrom(id: MemberId, round: number, incarnation: number): Progress | null {
    const peer = this.#followers.get(id);
    if (peer === undefined) return null; // it was removed
    assert(round <= this.round, "an answer to a round that has not begun");
    peer.contactTick = this.#tick;
    peer.isConnected = true;
    if (peer.incarnation !== incarnation) peer.replaced(incarnation);
    if (round > peer.confirmedRound) peer.confirmedRound = round;
    return peer;
  }

  #settle(peer: Progress): void {
    this.#replicator.replicate(peer);
    this.#handOver(peer);
    this.#confirmReads();
  }

  // --------------------------------------------------------------------------------------------------- what is agreed

  get #hasCommittedInTerm(): boolean {
    return this.#log.termAt(this.#log.commitIndex) === this.term;
  }

  #advanceCommit(): void {
    const log = this.#log;
    const index = this.#quorum.reached(matchOf, log.durableIndex);
    // Only entries of the own term commit by counting; older ones commit along with them (Raft §5.4.2, figure 8).
    if (index <= log.commitIndex || log.termAt(index) !== this.term) return;
    log.commitTo(index);
    this.#finishChange();
    this.#nameNewcomers();
    this.#replicator.replicateToAll();
    this.#beginReads();
    if (!this.isChangingMembership && !isVoter(log.configuration, this.#options.id)) this.#leave();
  }

  // ------------------------------------------------------------------------------------------------- changes of members

  get isChangingMembership(): boolean {
    return isJoint(this.#log.configuration) || this.#log.commitIndex < this.#log.configurationIndex;
  }

  /** One change at a time, and none before the term's first commit (pitfalls 1 and 17). */
  get #canChangeMembership(): boolean {
    return this.#hasCommittedInTerm && !this.isChangingMembership && this.#transfer === null;
  }

  changeMembership(members: readonly MemberRecord[], isReconfiguration: boolean): void {
    if (!this.#canChangeMembership) return;
    const next = changeTo(this.#log.configuration, members, isReconfiguration);
    if (next === null) return;
    this.#appendConfiguration(next);
    this.#replicator.replicateToAll();
    this.#advanceCommit();
  }

  /** In force from its append on (Raft §6). */
  #appendConfiguration(configuration: Configuration): void {
    this.#appendOne("configuration", encodeConfiguration(configuration));
    this.#quorumSince = this.#tick;
    this.#followers.onConfiguration(configuration, (leaving) => {
      if (leaving.mode === "replicate") this.#replicator.replicate(leaving);
    });
  }

  /** A joint configuration that is committed ends by itself, whoever leads by then. */
  #finishChange(): void {
    const log = this.#log;
    if (isJoint(log.configuration) && log.commitIndex >= log.configurationIndex) {
      this.#appendConfiguration(leaveJoint(log.configuration));
    }
  }

  /**
   * Voters whose incarnation the configuration does not know yet begin to count once it does. Not before they hold
   * something: a blank member that counts could, with one whose disk was lost, pass for a majority that never began.
   */
  #nameNewcomers(): void {
    if (!this.#canChangeMembership) return;
    const named = nameIncarnations(this.#log.configuration, (id) => {
      const peer = this.#followers.get(id);
      return peer !== undefined && peer.matchIndex > 0 ? peer.incarnation : 0;
    });
    if (named === null) return;
    this.#appendConfiguration(named);
    this.#replicator.replicateToAll();
  }

  /** The configuration without this member is committed (Raft §6): the voter that is furthest along leads on. */
  #leave(): void {
    let successor: Progress | null = null;
    for (const { id } of votersOf(this.#log.configuration)) {
      const peer = this.#followers.get(id);
      if (peer !== undefined && (successor === null || peer.matchIndex > successor.matchIndex)) successor = peer;
    }
    if (successor !== null) this.#effects.send(successor.id, { kind: "timeout-now", term: this.term });
    this.hasResigned = true;
  }

  #handOver(peer: Progress): void {
    if (this.#transfer?.to !== peer.id || peer.matchIndex !== this.#log.lastIndex) return;
    this.#effects.send(peer.id, { kind: "timeout-now", term: this.term });
  }

  // ------------------------------------------------------------------------------------------------------------ reads

  #beginReads(): void {
    if (!this.#reads.canBegin || !this.#hasCommittedInTerm) return;
    const round = this.#replicator.beginRound();
    this.#reads.begin(round, this.#log.commitIndex);
    for (const peer of this.#followers.all) this.#replicator.sendEmpty(peer);
    this.#confirmReads();
  }

  #confirmReads(): void {
    this.#reads.confirmed(this.#quorum.reached(roundOf, this.round));
    if (this.#reads.canBegin) this.#beginReads();
  }

  /** match < next ≤ last + 1 of every follower; nobody has answered a round that has not begun. */
  checkInvariants(): void {
    const { lastIndex } = this.#log;
    for (const { matchIndex, nextIndex, confirmedRound } of this.#followers.all) {
      assert(matchIndex < nextIndex, "a follower is sent what it is known to hold");
      assert(nextIndex <= lastIndex + 1, "a follower is to be sent what its leader does not hold");
      assert(confirmedRound <= this.round, "a follower has answered a round that has not begun");
    }
  }

  // ------------------------------------------------------------------------------------------------------------ views

  /** The latest round of contact: no answer can be to a later one. */
  get round(): number {
    return this.#replicator.round;
  }

  addGuest(id: MemberId): void {
    const guest = this.#followers.addGuest(id);
    if (guest !== null) this.#replicator.replicate(guest);
  }

  isGuest(id: MemberId): boolean {
    return this.#followers.isGuest(id);
  }

  dropGuest(id: MemberId): void {
    this.#followers.dropGuest(id);
  }

  isPeer(id: MemberId): boolean {
    return this.#followers.has(id);
  }

  get neededFrom(): number {
    return this.#followers.neededFrom;
  }

  isSending(snapshotIndex: number): boolean {
    return this.#followers.isSending(snapshotIndex);
  }

  /** Every member, this one included. */
  get progress(): ReadonlyMap<MemberId, MemberProgress> {
    const { configuration, durableIndex } = this.#log;
    const { id, incarnation } = this.#options;
    const joined = namesVoter(configuration, id, incarnation);
    const own = { matchIndex: durableIndex, active: true, incarnation, joined, isCaughtUp: true };
    const progress = new Map<MemberId, MemberProgress>([[id, own]]);
    for (const peer of this.#followers.all) {
      progress.set(peer.id, {
        matchIndex: peer.matchIndex,
        active: this.#followers.isActive(peer),
        incarnation: peer.incarnation,
        joined: namesVoter(configuration, peer.id, peer.incarnation),
        isCaughtUp: this.#isCaughtUp(peer),
      });
    }
    return progress;
  }

  /** It keeps up: what was committed an election timeout ago it holds. */
  #isCaughtUp(peer: Progress): boolean {
    return peer.mode === "replicate" && peer.matchIndex >= this.#committedBefore;
  }
}

const matchOf = (peer: Progress): number => peer.matchIndex;
const contactOf = (peer: Progress): number => peer.contactTick;
const roundOf = (peer: Progress): number => peer.confirmedRound;
