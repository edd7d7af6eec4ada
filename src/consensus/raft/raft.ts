// One member's Raft: `step(input)` takes whatever happened and returns what to do about it. Pure: no clock but ticks, no
// chance but the given generator, no disk and no network but effects. Sources: "Raft" is the extended paper (Ongaro and
// Ousterhout, 2014), "thesis" is Ongaro's dissertation.
//
// Invariants, after every step: at most one leader a term; a term never goes back; what is committed stays; nothing that
// rests on durable state is said before that state is durable.

import { assert, unreachable } from "../../base/assert.ts";
import type { Random } from "../../base/random.ts";
import { Candidate } from "./candidate.ts";
import { EffectQueue } from "./effect-queue.ts";
import { Eligibility } from "./eligibility.ts";
import { Follower } from "./follower.ts";
import type { FoundingProgress } from "./founding.ts";
import { HardStateStore } from "./hard-state.ts";
import { Invariants } from "./invariants.ts";
import { RaftLog } from "./log.ts";
import { MessageFilter } from "./message-filter.ts";
import { ForwardedReads } from "./reads.ts";
import { RoleState } from "./role-state.ts";
import { StepReport } from "./step-report.ts";
import type {
  Configuration,
  Effect,
  Entry,
  Input,
  MemberId,
  MemberProgress,
  MemberRecord,
  Message,
  RaftOptions,
  RecoveredState,
  Role,
} from "./types.ts";
import { Voter } from "./voter.ts";

export class Raft {
  readonly #options: RaftOptions;
  readonly #log: RaftLog;
  readonly #effects = new EffectQueue();
  readonly #forwardedReads: ForwardedReads;
  readonly #hardState: HardStateStore;
  readonly #follower: Follower;
  readonly #eligibility: Eligibility;
  readonly #state: RoleState;
  readonly #filter: MessageFilter;
  readonly #candidate: Candidate;
  readonly #voter: Voter;
  readonly #report: StepReport;
  readonly #invariants: Invariants;
  /** A configuration of its ensemble has named it in this run. */
  #wasNamed: boolean;

  constructor(options: RaftOptions, recovered: RecoveredState, random: Random) {
    assert(options.incarnation > 0, "a member without an incarnation");
    assert(options.heartbeatTicks < options.electionTicks, "heartbeats slower than the election timeout");
    const effects = this.#effects;
    const log = new RaftLog(recovered, options.tailBytesMax);
    const forwardedReads = new ForwardedReads(effects, random.next());
    const hardState = new HardStateStore(effects, recovered.hardState, log.lastTerm);
    const follower = new Follower(log, effects, hardState, options.incarnation);
    const eligibility = new Eligibility(options, log);
    const parts = { options, random, log, effects, hardState, follower, forwardedReads, eligibility };
    this.#options = options;
    this.#log = log;
    this.#forwardedReads = forwardedReads;
    this.#hardState = hardState;
    this.#follower = follower;
    this.#eligibility = eligibility;
    this.#state = new RoleState(parts);
    this.#filter = new MessageFilter(parts, this.#state);
    this.#candidate = new Candidate(parts, this.#state, this.#filter);
    this.#voter = new Voter(parts, this.#state, this.#filter);
    this.#report = new StepReport(parts, this.#state, recovered.snapshot.index);
    this.#invariants = new Invariants(parts, this.#state);
    const { cluster, members } = log.configuration;
    this.#wasNamed = cluster !== 0 && members.some(({ id }) => id === options.id);
  }

  // ------------------------------------------------------------------------------------------------------------ views

  get role(): Role {
    return this.#state.role;
  }

  get term(): number {
    return this.#state.term;
  }

  get leader(): MemberId | null {
    return this.#state.leaderId;
  }

  get commitIndex(): number {
    return this.#log.commitIndex;
  }

  get lastIndex(): number {
    return this.#log.lastIndex;
  }

  /** The first index whose entry can still be had, from memory or from the disk. */
  get firstIndex(): number {
    return this.#log.firstIndex;
  }

  /**
   * The first entry that a follower within reach has yet to get, from this leader's disk if it must be; one past the last
   * where there is none. A member that purges no further, and keeps the snapshots that are being sent, spares followers
   * who are catching up from being overtaken by one snapshot after another.
   */
  get neededFrom(): number {
    return this.#state.leader?.neededFrom ?? this.#log.lastIndex + 1;
  }

  /** Whether a follower within reach is being sent the snapshot of this index. */
  isSending(snapshotIndex: number): boolean {
    return this.#state.leader?.isSending(snapshotIndex) ?? false;
  }

  /** In force: the latest in the log, committed or not. */
  get configuration(): Configuration {
    return this.#log.configuration;
  }

  configurationAt(index: number): Configuration {
    return this.#log.configurationAt(index);
  }

  /** The ensemble's number once it is beyond doubt; 0 before. Members of different ensembles must not be connected. */
  get cluster(): number {
    return this.#log.commitIndex > 0 ? this.#log.configurationAt(this.#log.commitIndex).cluster : 0;
  }

  /** Whom to be connected to: also voters that are being left, for until then nothing is decided without them. */
  get contacts(): readonly MemberRecord[] {
    const { members, outgoing } = this.#log.configuration;
    const found = this.#eligibility.isOutgrown ? [...this.#eligibility.listed] : [...members];
    for (const member of [...members, ...outgoing]) if (!found.some(({ id }) => id === member.id)) found.push(member);
    return found.filter(({ id }) => id !== this.#options.id);
  }

  /** The founding that this member waits for; null: it knows of an ensemble, or is none of the founders. */
  get founding(): FoundingProgress | null {
    return this.#candidate.founding;
  }

  /** Leader only: whether this is another member of its ensemble, whose proposals count. */
  isPeer(id: MemberId): boolean {
    return this.#state.leader?.isPeer(id) ?? false;
  }

  /** Leader only: whether `propose` would be taken now. */
  get canPropose(): boolean {
    return this.#state.leader?.canPropose ?? false;
  }

  get isChangingMembership(): boolean {
    return this.#state.leader?.isChangingMembership ?? false;
  }

  /** A leader was heard from within an election timeout; of a leader: a majority was. */
  get hasQuorumContact(): boolean {
    return this.#state.leader?.hasQuorumContact ?? this.#state.hasLeaderContact;
  }

  /** A configuration in this member's own log names its present incarnation a voter: it votes, and it counts. */
  get joined(): boolean {
    return this.#eligibility.hasJoined;
  }

  /** Every member as the leader sees it; empty on others. */
  get progress(): ReadonlyMap<MemberId, MemberProgress> {
    return this.#state.leader?.progress ?? NO_PROGRESS;
  }

  /** Committed entries [from, to] for applying, cut after `bytesMax`; empty where `from` is on the disk only. */
  entriesInMemory(from: number, to: number, bytesMax: number): readonly Entry[] {
    return this.#log.slice(from, Math.min(to, this.#log.commitIndex), bytesMax);
  }

  /** All entries after an index, committed or not; null where some of them are on the disk only. */
  entriesAfter(index: number): readonly Entry[] | null {
    const { lastIndex } = this.#log;
    if (index < lastIndex && !this.#log.isInMemory(index + 1)) return null;
    return this.#log.slice(index + 1, lastIndex, Number.POSITIVE_INFINITY);
  }

  /** −1 where it is not known. */
  termAt(index: number): number {
    return this.#log.termAt(index);
  }

  // ------------------------------------------------------------------------------------------------------------- step

  step(input: Input): Effect[] {
    switch (input.kind) {
      case "tick":
        this.#onTick();
        break;
      case "message":
        this.#onMessage(input.from, input.message);
        break;
      case "propose":
        this.#state.leader?.propose(input.payloads);
        break;
      case "persisted":
        this.#onPersisted(input.sequence);
        break;
      case "applied":
        this.#log.appliedTo(input.index);
        break;
      case "read":
        this.#onRead(input.context);
        break;
      case "transfer":
        this.#state.leader?.transfer(input.to);
        break;
      case "change-membership":
        this.#state.leader?.changeMembership(input.members, input.isReconfiguration === true);
        break;
      case "unreachable":
        this.#onUnreachable(input.peer);
        break;
      case "fetched":
        this.#state.leader?.onFetched(input);
        break;
      case "snapshot-taken":
        this.#log.compact(input.snapshot, input.logFrom ?? input.snapshot.index + 1);
        break;
      case "snapshot-read":
        this.#state.leader?.onSnapshotRead(input);
        break;
      case "snapshot-written":
        this.#onSnapshotWritten(input);
        break;
      case "snapshot-unreadable":
        this.#follower.onSnapshotUnreadable(input.index);
        break;
      default:
        unreachable(input);
    }
    if (this.#state.leader?.hasResigned === true) this.#state.becomeFollower(this.term, null);
    if (this.#report.tell() && this.#isNamed) this.#wasNamed = true;
    this.#invariants.check();
    return this.#effects.take();
  }

  #onPersisted(sequence: number): void {
    this.#effects.persisted(sequence);
    this.#log.persisted(sequence);
    this.#candidate.onPersisted(sequence);
    this.#state.leader?.onPersisted();
  }

  #onTick(): void {
    const state = this.#state;
    state.clock.tick++;
    this.#filter.onTick();
    this.#hardState.onTick(this.#log.commitIndex);
    if (state.leader !== null) {
      state.leader.onTick();
      return;
    }
    state.elapsed++;
    this.#forwardedReads.expire(state.clock.tick - this.#options.electionTicks);
    if (state.leaderId === null && state.elapsed % this.#options.heartbeatTicks === 0) this.#askToFollow();
    this.#candidate.onTick();
  }

  #onUnreachable(peer: MemberId): void {
    const { leader, leaderId } = this.#state;
    leader?.onUnreachable(peer);
    if (leader === null && peer === leaderId) this.#candidate.onLeaderUnreachable(peer);
  }

  /**
   * A member whose file lists it, and that no configuration names yet: it joins, or observes, before it is asked to. One
   * that was named in this run and is no more has been removed, and stays away.
   */
  #askToFollow(): void {
    const { id, listed } = this.#options;
    const { configuration, lastIndex } = this.#log;
    const isNamed = [...configuration.members, ...configuration.outgoing].some((member) => member.id === id);
    const isOfAnEnsemble = lastIndex > 0 || configuration.cluster !== 0;
    if ((isOfAnEnsemble && isNamed) || this.#wasNamed || listed?.some((member) => member.id === id) !== true) return;
    for (const { id: to } of this.contacts) this.#effects.send(to, { kind: "follow-request", term: this.term });
  }

  get #isNamed(): boolean {
    return this.#log.configuration.members.some(({ id }) => id === this.#options.id);
  }

  // --------------------------------------------------------------------------------------------------------- messages

  #onMessage(from: MemberId, message: Message): void {
    assert(from !== this.#options.id, "a message from itself");
    if (message.kind === "follow-request") {
      this.#state.leader?.addGuest(from);
      return;
    }
    if (!this.#filter.admits(from, message)) return;
    if (message.kind === "request-vote") this.#voter.onRequestVote(from, message);
    else if (message.kind === "vote" && message.pre) this.#candidate.onPreVote(from, message);
    else if (message.term < this.term) this.#onStale(from, message);
    else {
      if (message.term > this.term && !this.#filter.takeTermOver(from, message.term)) return;
      this.#onCurrent(from, message);
    }
  }

  #onCurrent(from: MemberId, message: Message): void {
    const { leader } = this.#state;
    switch (message.kind) {
      case "append":
        this.#state.follow(from);
        this.#follower.onAppend(from, message);
        break;
      case "append-reply":
        leader?.onAppendReply(from, message);
        break;
      case "snapshot":
        this.#state.follow(from);
        this.#follower.onSnapshot(from, message);
        break;
      case "snapshot-reply":
        leader?.onSnapshotReply(from, message);
        break;
      case "vote":
        this.#candidate.onVote(from, message);
        break;
      case "timeout-now":
        this.#candidate.onTimeoutNow(from);
        break;
      case "read-request":
        // Only for those whose leases it renews: an answer says that the renewal before it was heard.
        if (leader?.isPeer(from) === true) leader.read(from, message.context);
        else this.#refuseRead(from, message.context);
        break;
      case "read-reply":
        if (from === this.leader) this.#forwardedReads.answered(message.context, message.index);
        break;
      case "request-vote":
      case "follow-request":
        break; // met before the term was settled
      default:
        unreachable(message);
    }
  }

  /** A leader of the past learns so by the answer; of other old messages there is nothing to say. */
  #onStale(from: MemberId, message: Message): void {
    if (message.kind === "append" || message.kind === "snapshot") this.#follower.refuseStale(from);
    else if (message.kind === "read-request") this.#refuseRead(from, message.context);
  }

  #onSnapshotWritten(input: Input & { kind: "snapshot-written" }): void {
    const restored = this.#follower.onSnapshotWritten(input);
    if (restored !== null) this.#report.skipCommitsUpTo(restored.index);
  }

  // ------------------------------------------------------------------------------------------------------------ reads

  #onRead(context: number): void {
    const { leader, leaderId, clock } = this.#state;
    if (leader !== null) leader.read(null, context);
    else if (leaderId !== null) this.#forwardedReads.forward(leaderId, this.term, context, clock.tick);
    else this.#effects.push({ kind: "read-refused", context });
  }

  #refuseRead(to: MemberId, context: number): void {
    this.#effects.send(to, { kind: "read-reply", term: this.term, context, index: null });
  }
}

const NO_PROGRESS: ReadonlyMap<MemberId, MemberProgress> = new Map();
