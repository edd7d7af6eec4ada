// What a member does while it leads: brings every follower's log to equal its own, commits what a majority holds, and
// knows at all times whether a majority still hears it. One object a term.

import { assert } from "../../base/assert.ts";
import { reachedByMajority } from "../quorum.ts";
import {
  changeTo,
  encodeConfiguration,
  isJoint,
  isVoter,
  leaveJoint,
  nameIncarnations,
  peersOf,
  votersOf,
} from "./configuration.ts";
import type { EffectQueue } from "./effect-queue.ts";
import type { RaftLog } from "./log.ts";
import { Progress } from "./progress.ts";
import { ReadRounds } from "./reads.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
import type { Configuration, Entry, EntryKind, Input, MemberId, MemberRecord, Message, RaftOptions } from "./types.ts";

type Append = Message & { kind: "append" };

/** Members about to join, and observers that nobody has listed: rarely more than one at a time. */
const GUESTS_MAX = 16;
const NO_ENTRIES: readonly Entry[] = [];
const NO_PAYLOAD = new Uint8Array(0);

export class Leader {
  readonly term: number;
  /** It leads no longer: no majority hears it, or the ensemble goes on without it. */
  hasResigned = false;
  readonly #options: RaftOptions;
  readonly #log: RaftLog;
  readonly #effects: EffectQueue;
  readonly #reads: ReadRounds;
  readonly #snapshots: SnapshotSender;
  #peers: Progress[] = [];
  readonly #byId = new Map<MemberId, Progress>();
  /** Those among the peers that no configuration names: they count for nothing. */
  readonly #guests = new Set<MemberId>();
  #tick: number;
  /** From when on silence counts: the start of the term, or of the latest change of members. */
  #quorumSince: number;
  #ticksSinceHeartbeat = 0;
  /** What was committed an election timeout ago, and what was when that began to run. */
  #committedBefore: number;
  #committedSince: number;
  #round = 1;
  #transfer: { readonly to: MemberId; readonly since: number } | null = null;
  /** The latest append and the latest empty one: followers at the same point get the same object, to be encoded once. */
  #lastAppend: Append | null = null;
  #lastAppendEnd = 0;
  #lastEmpty: Append | null = null;
  readonly #values: number[] = [];

  constructor(options: RaftOptions, term: number, log: RaftLog, effects: EffectQueue, tick: number) {
    this.term = term;
    this.#options = options;
    this.#log = log;
    this.#effects = effects;
    this.#tick = tick;
    this.#quorumSince = tick;
    this.#committedBefore = log.commitIndex;
    this.#committedSince = log.commitIndex;
    this.#reads = new ReadRounds(term, effects);
    this.#snapshots = new SnapshotSender(options, term, log, effects);
    this.#snapshots.tick = tick;
    this.#addPeers();
  }

  // ------------------------------------------------------------------------------------------------- what it is asked

  /** A leader's first entry: until one of its own term is committed it cannot know what is (Raft §8, §5.4.2). */
  begin(initial: Configuration | null): void {
    if (initial === null) this.#appendOne("noop", NO_PAYLOAD);
    else this.#appendConfiguration(initial);
    this.#replicateToAll();
  }

  get canPropose(): boolean {
    return this.#transfer === null && this.#log.uncommittedBytes < this.#options.uncommittedBytesMax;
  }

  propose(payloads: readonly Uint8Array[]): void {
    if (!this.canPropose) return;
    for (const payload of payloads) this.#appendOne("commands", payload);
    this.#replicateToAll();
  }

  read(peer: MemberId | null, context: number): void {
    this.#reads.add(peer, context);
    this.#beginReads();
  }

  transfer(to: MemberId): void {
    const peer = this.#byId.get(to);
    if (peer === undefined || this.#transfer !== null || !isVoter(this.#log.configuration, to)) return;
    this.#transfer = { to, since: this.#tick };
    this.#handOver(peer);
  }

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
    this.#replicateToAll();
    this.#advanceCommit();
  }

  /** Its reads end unanswered. */
  resign(): void {
    this.#reads.refuseAll();
  }

  // -------------------------------------------------------------------------------------------------------- its clock

  tick(): void {
    this.#tick++;
    this.#snapshots.tick = this.#tick;
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
    const contact = Math.max(this.#quorumSince, this.#reached(contactOf, this.#tick));
    return this.#tick - contact <= this.#options.electionTicks;
  }

  #heartbeat(): void {
    this.#ticksSinceHeartbeat = 0;
    this.#round++;
    for (const peer of this.#peers) {
      // A probe that is not answered yet may still be on its way, with all that it carries: contact alone asks once more.
      const isAsked = peer.mode === "probe" && peer.isProbing && this.#log.termAt(peer.nextIndex - 1) !== -1;
      if (!isAsked) peer.isProbing = false;
      // What was sent is gone from the log already: a heartbeat could not tell whether it arrived.
      const isOutrun = peer.mode === "replicate" && this.#log.termAt(peer.nextIndex - 1) === -1;
      if (isOutrun) peer.probe(peer.matchIndex + 1);
      if (peer.nextIndex <= this.#log.lastIndex) this.#replicate(peer);
      if (isAsked || peer.mode !== "probe" || !peer.isProbing) this.#sendEmpty(peer);
      if (peer.mode === "snapshot") this.#snapshots.retry(peer);
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
    const peer = this.#byId.get(input.to);
    if (peer !== undefined) this.#snapshots.onRead(peer, input, this.#round);
  }

  onFetched({ to, from, entries }: Input & { kind: "fetched" }): void {
    const peer = this.#byId.get(to);
    if (peer === undefined || !peer.isFetching) return;
    peer.isFetching = false;
    if (peer.nextIndex !== from) {
      this.#replicate(peer); // it has moved on meanwhile
      return;
    }
    if (entries.length === 0) {
      if (this.#log.snapshot.index >= from) this.#snapshots.begin(peer);
      return; // otherwise the next heartbeat asks again
    }
    const previous = { index: from - 1, term: this.#log.termAt(from - 1) };
    // Read while this member did not lead, they may have been overwritten since: position and term tell.
    if (previous.term === -1 || entries.some((entry) => this.#log.termAt(entry.index) !== entry.term)) return;
    this.#sendAppend(peer, this.#appendOf(previous, entries));
    this.#replicate(peer);
  }

  onUnreachable(id: MemberId): void {
    this.dropGuest(id);
    this.#byId.get(id)?.disconnected();
  }

  /** This member's own copy is durable further than before. */
  onPersisted(): void {
    this.#advanceCommit();
  }

  #heardFrom(id: MemberId, round: number, incarnation: number): Progress | null {
    const peer = this.#byId.get(id);
    if (peer === undefined) return null; // it was removed
    assert(round <= this.#round, "an answer to a round that has not begun");
    peer.contactTick = this.#tick;
    peer.isConnected = true;
    if (peer.incarnation !== incarnation) peer.replaced(incarnation);
    if (round > peer.confirmedRound) peer.confirmedRound = round;
    return peer;
  }

  #settle(peer: Progress): void {
    this.#replicate(peer);
    this.#handOver(peer);
    this.#confirmReads();
  }

  // -------------------------------------------------------------------------------------------------- the log, outward

  #appendOne(kind: EntryKind, payload: Uint8Array): void {
    this.#log.append({ index: this.#log.lastIndex + 1, term: this.term, kind, payload });
  }

  #appendConfiguration(configuration: Configuration): void {
    this.#appendOne("configuration", encodeConfiguration(configuration));
    this.#addPeers();
    this.#quorumSince = this.#tick;
    // Those who leave are sent the entry that says so, once; what becomes of it there does not matter to anyone.
    for (const id of peersOf(configuration, this.#options.id)) this.#guests.delete(id); // it belongs now
    const staying = new Set([...peersOf(configuration, this.#options.id), ...this.#guests]);
    for (const peer of this.#peers) {
      if (staying.has(peer.id)) continue;
      if (peer.mode === "replicate") this.#replicate(peer);
      this.#byId.delete(peer.id);
    }
    this.#peers = this.#peers.filter((peer) => staying.has(peer.id));
  }

  #addPeers(): void {
    for (const id of [...peersOf(this.#log.configuration, this.#options.id), ...this.#guests]) {
      if (!this.#byId.has(id)) this.#byId.set(id, new Progress(id, this.#log.lastIndex + 1, this.#options));
    }
    this.#peers = [...this.#byId.values()].sort((one, other) => one.id - other.id);
  }

  #replicateToAll(): void {
    for (const peer of this.#peers) this.#replicate(peer);
  }

  /** Sends what it lacks as far as it may, and the commit index if nothing else is on the way to carry it. */
  #replicate(peer: Progress): void {
    const log = this.#log;
    while (peer.nextIndex <= log.lastIndex && peer.isOpen) {
      const previous = { index: peer.nextIndex - 1, term: log.termAt(peer.nextIndex - 1) };
      if (peer.nextIndex < log.firstIndex || previous.term === -1) {
        this.#snapshots.begin(peer);
      } else if (!log.isInMemory(peer.nextIndex)) {
        peer.isFetching = true;
        const bytesMax = this.#options.appendBytesMax;
        this.#effects.push({ kind: "fetch", to: peer.id, from: peer.nextIndex, bytesMax });
      } else {
        this.#sendAppend(peer, this.#nextAppend(peer.nextIndex));
      }
    }
    if (peer.mode === "replicate" && !peer.hasInflight && !peer.isFetching && peer.sentCommit < log.commitIndex) {
      this.#sendEmpty(peer);
    }
  }

  #nextAppend(from: number): Append {
    const log = this.#log;
    const last = this.#lastAppend;
    if (
      last !== null &&
      last.previous.index === from - 1 &&
      last.commitIndex === log.commitIndex &&
      last.round === this.#round &&
      this.#lastAppendEnd === log.lastIndex
    ) {
      return last;
    }
    const entries = log.slice(from, log.lastIndex, this.#options.appendBytesMax);
    const append = this.#appendOf({ index: from - 1, term: log.termAt(from - 1) }, entries);
    this.#lastAppend = append;
    this.#lastAppendEnd = log.lastIndex;
    return append;
  }

  #appendOf(previous: Append["previous"], entries: readonly Entry[]): Append {
    const { commitIndex } = this.#log;
    return { kind: "append", term: this.term, previous, entries, commitIndex, round: this.#round };
  }

  #sendAppend(peer: Progress, append: Append): void {
    const lastIndex = append.previous.index + append.entries.length;
    let bytes = 0;
    for (const entry of append.entries) bytes += entry.payload.length;
    this.#effects.send(peer.id, append);
    peer.sent(lastIndex, bytes);
    if (peer.mode === "replicate") peer.sentCommit = Math.max(peer.sentCommit, Math.min(append.commitIndex, lastIndex));
  }

  /** An append without entries: a heartbeat, or a commit index. */
  #sendEmpty(peer: Progress): void {
    const log = this.#log;
    // The very beginning of the log matches everywhere: contact with a follower whose log is not known to meet ours.
    const at = peer.mode === "snapshot" || log.termAt(peer.nextIndex - 1) === -1 ? 0 : peer.nextIndex - 1;
    this.#effects.send(peer.id, this.#emptyAfter(at));
    if (peer.mode === "replicate") peer.sentCommit = Math.max(peer.sentCommit, Math.min(log.commitIndex, at));
  }

  #emptyAfter(index: number): Append {
    const { commitIndex } = this.#log;
    const last = this.#lastEmpty;
    const isSame = last?.previous.index === index && last.commitIndex === commitIndex && last.round === this.#round;
    if (last !== null && isSame) return last;
    const term = index === 0 ? 0 : this.#log.termAt(index);
    const empty = this.#appendOf({ index, term }, NO_ENTRIES);
    this.#lastEmpty = empty;
    return empty;
  }

  // --------------------------------------------------------------------------------------------------- what is agreed

  /**
   * The largest value that majorities of both halves of the configuration reach. Only the incarnation that the
   * configuration names counts: what a lost disk acknowledged, its successor does not hold.
   */
  #reached(reading: (peer: Progress) => number, own: number): number {
    const { members, outgoing } = this.#log.configuration;
    const incoming = this.#reachedBy(members, reading, own);
    return outgoing.length === 0 ? incoming : Math.min(incoming, this.#reachedBy(outgoing, reading, own));
  }

  #reachedBy(members: readonly MemberRecord[], reading: (peer: Progress) => number, own: number): number {
    const values = this.#values;
    values.length = 0;
    for (const { id, role, incarnation } of members) {
      if (role !== "voter") continue;
      if (id === this.#options.id) {
        values.push(incarnation === this.#options.incarnation ? own : 0);
      } else {
        const peer = this.#byId.get(id);
        const counts = peer !== undefined && incarnation !== 0 && peer.incarnation === incarnation;
        values.push(counts ? reading(peer) : 0);
      }
    }
    return reachedByMajority(values);
  }

  get #hasCommittedInTerm(): boolean {
    return this.#log.termAt(this.#log.commitIndex) === this.term;
  }

  #advanceCommit(): void {
    const log = this.#log;
    const index = this.#reached(matchOf, log.durableIndex);
    // Only entries of the own term commit by counting; older ones commit along with them (Raft §5.4.2, figure 8).
    if (index <= log.commitIndex || log.termAt(index) !== this.term) return;
    log.commitTo(index);
    this.#finishChange();
    this.#nameNewcomers();
    this.#replicateToAll();
    this.#beginReads();
    if (!this.isChangingMembership && !isVoter(log.configuration, this.#options.id)) this.#leave();
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
      const peer = this.#byId.get(id);
      return peer !== undefined && peer.matchIndex > 0 ? peer.incarnation : 0;
    });
    if (named === null) return;
    this.#appendConfiguration(named);
    this.#replicateToAll();
  }

  /** The configuration without this member is committed (Raft §6): the voter that is furthest along leads on. */
  #leave(): void {
    let successor: Progress | null = null;
    for (const { id } of votersOf(this.#log.configuration)) {
      const peer = this.#byId.get(id);
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
    this.#round++;
    this.#reads.begin(this.#round, this.#log.commitIndex);
    for (const peer of this.#peers) this.#sendEmpty(peer);
    this.#confirmReads();
  }

  #confirmReads(): void {
    this.#reads.confirmed(this.#reached(roundOf, this.#round));
    if (this.#reads.canBegin) this.#beginReads();
  }

  // ------------------------------------------------------------------------------------------------------------ views

  /** The latest round of contact: no answer can be to a later one. */
  get round(): number {
    return this.#round;
  }

  /** A member that no configuration names is sent the log as well, as long as it is connected. */
  addGuest(id: MemberId): void {
    if (this.#byId.has(id) || this.#guests.size >= GUESTS_MAX) return;
    this.#guests.add(id);
    this.#addPeers();
    this.#replicate(this.#byId.get(id)!);
  }

  isGuest(id: MemberId): boolean {
    return this.#guests.has(id);
  }

  dropGuest(id: MemberId): void {
    if (!this.#guests.delete(id)) return;
    this.#byId.delete(id);
    this.#peers = this.#peers.filter((peer) => peer.id !== id);
  }

  isPeer(id: MemberId): boolean {
    return this.#byId.has(id);
  }

  get peers(): readonly Progress[] {
    return this.#peers;
  }

  /** The first entry that a follower within reach has yet to get; one past the last where all have all. */
  get neededFrom(): number {
    let first = this.#log.lastIndex + 1;
    for (const peer of this.#peers) {
      if (!this.#isWithinReach(peer)) continue;
      first = Math.min(first, (peer.transfer?.snapshot.index ?? peer.matchIndex) + 1);
    }
    return first;
  }

  isSending(snapshotIndex: number): boolean {
    return this.#peers.some((peer) => peer.transfer?.snapshot.index === snapshotIndex && this.#isWithinReach(peer));
  }

  /** One that is fed from the disk may hear nothing else for as long as one large message takes on a slow link. */
  #isWithinReach(peer: Progress): boolean {
    if (this.isActive(peer)) return true;
    const next = peer.matchIndex + 1;
    const isFedFromDisk = peer.transfer !== null || (next <= this.#log.lastIndex && !this.#log.isInMemory(next));
    const silence = this.#tick - peer.contactTick;
    return isFedFromDisk && peer.isConnected && silence <= SILENCE_MAX * this.#options.electionTicks;
  }

  /** It keeps up: what was committed an election timeout ago it holds. */
  isCaughtUp(peer: Progress): boolean {
    return peer.mode === "replicate" && peer.matchIndex >= this.#committedBefore;
  }

  isActive(peer: Progress): boolean {
    return this.#tick - peer.contactTick <= this.#options.electionTicks;
  }
}

/** In election timeouts: a follower that takes longer over one message is not waited for. */
const SILENCE_MAX = 256;

const matchOf = (peer: Progress): number => peer.matchIndex;
const contactOf = (peer: Progress): number => peer.contactTick;
const roundOf = (peer: Progress): number => peer.confirmedRound;
