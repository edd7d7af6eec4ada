// One member's Raft: `step(input)` takes whatever happened and returns what to do about it. Pure: no clock but ticks, no
// chance but the given generator, no disk and no network but effects. Sources: "Raft" is the extended paper (Ongaro and
// Ousterhout, 2014), "thesis" is Ongaro's dissertation.
//
// Invariants, after every step: at most one leader a term; a term never goes back; what is committed stays; nothing that
// rests on durable state is said before that state is durable.

import { assert, unreachable } from "../../base/assert.ts";
import type { Random } from "../../base/random.ts";
import { namesVoter, votersOf } from "./configuration.ts";
import { EffectQueue } from "./effect-queue.ts";
import { Election, mayVote } from "./election.ts";
import { Follower } from "./follower.ts";
import {
  type Founding,
  type FoundingProgress,
  foundedConfiguration,
  isOutgrown,
  type Standing,
  standingOf,
  takesPart,
  voterIds,
} from "./founding.ts";
import { HardStateStore } from "./hard-state.ts";
import { Leader } from "./leader.ts";
import { RaftLog } from "./log.ts";
import { ForwardedReads } from "./reads.ts";
import { ruleBroken } from "./rules.ts";
import { TermCredit } from "./term-credit.ts";
import type {
  Configuration,
  Effect,
  Entry,
  Input,
  MemberId,
  MemberRecord,
  Message,
  RaftOptions,
  RecoveredState,
  Role,
} from "./types.ts";

/** What a leader knows of a member, itself included. */
export interface MemberProgress {
  /** Durable and equal to the leader's log up to here. */
  readonly matchIndex: number;
  /** Heard from within an election timeout. */
  readonly active: boolean;
  /** 0 until it was heard from in this term. */
  readonly incarnation: number;
  /** The configuration names this incarnation: it counts. */
  readonly joined: boolean;
  /** It holds what was committed an election timeout ago: a vote given to it now would hold nothing up for long. */
  readonly isCaughtUp: boolean;
}

type Of<Kind extends Message["kind"]> = Message & { kind: Kind };

export class Raft {
  readonly #options: RaftOptions;
  readonly #random: Random;
  readonly #log: RaftLog;
  readonly #effects = new EffectQueue();
  readonly #forwarded: ForwardedReads;
  readonly #hardState: HardStateStore;
  readonly #follower: Follower;
  readonly #termCredit = new TermCredit();
  #role: Role = "follower";
  #leaderId: MemberId | null = null;
  #leader: Leader | null = null;
  #election: Election | null = null;

  #tick = 0;
  /** Ticks since the leader was heard from, a vote was given, or an election begun. */
  #elapsed = 0;
  #timeout: number;
  /** The request that makes a candidate's vote for itself durable; null once it counts. */
  #ownVoteSequence: number | null = null;
  /** What the other voters answered to a founding, and when. */
  /** A configuration of its ensemble has named it in this run. */
  #wasNamed = false;
  readonly #standings = new Map<MemberId, { readonly standing: Standing; readonly tick: number }>();

  #reportedCommit: number;
  #reportedRole: Role = "follower";
  #reportedTerm: number;
  #reportedLeader: MemberId | null = null;
  #reportedConfiguration: Configuration;

  constructor(options: RaftOptions, recovered: RecoveredState, random: Random) {
    assert(options.incarnation > 0, "a member without an incarnation");
    assert(options.heartbeatTicks < options.electionTicks, "heartbeats slower than the election timeout");
    this.#options = options;
    this.#random = random;
    this.#log = new RaftLog(recovered, options.tailBytesMax);
    this.#forwarded = new ForwardedReads(this.#effects, random.next());
    this.#hardState = new HardStateStore(this.#effects, recovered.hardState, this.#log.lastTerm);
    this.#follower = new Follower(this.#log, this.#effects, this.#hardState, options.incarnation);
    this.#reportedCommit = recovered.snapshot.index;
    this.#reportedTerm = this.term;
    this.#reportedConfiguration = this.#log.configuration;
    const { cluster, members } = this.#log.configuration;
    this.#wasNamed = cluster !== 0 && members.some(({ id }) => id === options.id);
    // Nobody is known to lead: a little sooner than after a leader fell silent. A pre-vote disturbs no leader there is.
    this.#timeout = this.#isAlone ? 1 : 1 + random.below(options.electionTicks);
  }

  // ------------------------------------------------------------------------------------------------------------ views

  get role(): Role {
    return this.#role;
  }

  get term(): number {
    return this.#hardState.term;
  }

  get leader(): MemberId | null {
    return this.#leaderId;
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
    return this.#leader?.neededFrom ?? this.#log.lastIndex + 1;
  }

  /** Whether a follower within reach is being sent the snapshot of this index. */
  isSending(snapshotIndex: number): boolean {
    return this.#leader?.isSending(snapshotIndex) ?? false;
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
    return this.#isFormed ? this.#log.configurationAt(this.#log.commitIndex).cluster : 0;
  }

  /** Whom to be connected to: also voters that are being left, for until then nothing is decided without them. */
  get contacts(): readonly MemberRecord[] {
    const { members, outgoing } = this.#log.configuration;
    const found = this.#isOutgrown ? [...this.#listed] : [...members];
    for (const member of [...members, ...outgoing]) if (!found.some(({ id }) => id === member.id)) found.push(member);
    return found.filter(({ id }) => id !== this.#options.id);
  }

  /** The founding that this member waits for; null: it knows of an ensemble, or is none of the founders. */
  get founding(): FoundingProgress | null {
    const { id, electionTicks } = this.#options;
    const voters = voterIds(this.#listed);
    if (!voters.includes(id) || this.#leaderId !== null || !(this.#isBlank || this.#isOutgrown)) return null;
    const missing = new Map<MemberId, Standing | "silent">();
    for (const voter of voters) {
      if (voter === id) continue;
      const heard = this.#standings.get(voter);
      if (heard === undefined || this.#tick - heard.tick > 2 * electionTicks) missing.set(voter, "silent");
      else if (!takesPart(heard.standing)) missing.set(voter, heard.standing);
    }
    return { voters, bringsLog: this.#isOutgrown, missing };
  }

  /** Leader only: whether this is another member of its ensemble, whose proposals count. */
  isPeer(id: MemberId): boolean {
    return this.#leader?.isPeer(id) ?? false;
  }

  /** Leader only: whether `propose` would be taken now. */
  get canPropose(): boolean {
    return this.#leader?.canPropose ?? false;
  }

  get isChangingMembership(): boolean {
    return this.#leader?.isChangingMembership ?? false;
  }

  /** A leader was heard from within an election timeout; of a leader: a majority was. */
  get hasQuorumContact(): boolean {
    return this.#leader?.hasQuorumContact ?? this.#hasLeaderContact;
  }

  /** A configuration in this member's own log names its present incarnation a voter: it votes, and it counts. */
  get joined(): boolean {
    return namesVoter(this.#log.configuration, this.#options.id, this.#options.incarnation);
  }

  /** Every member as the leader sees it; empty on others. */
  get progress(): ReadonlyMap<MemberId, MemberProgress> {
    const progress = new Map<MemberId, MemberProgress>();
    if (this.#leader === null) return progress;
    const { configuration, durableIndex } = this.#log;
    const { id, incarnation } = this.#options;
    progress.set(id, { matchIndex: durableIndex, active: true, incarnation, joined: this.joined, isCaughtUp: true });
    for (const peer of this.#leader.peers) {
      progress.set(peer.id, {
        matchIndex: peer.matchIndex,
        active: this.#leader.isActive(peer),
        incarnation: peer.incarnation,
        joined: namesVoter(configuration, peer.id, peer.incarnation),
        isCaughtUp: this.#leader.isCaughtUp(peer),
      });
    }
    return progress;
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
        this.#leader?.propose(input.payloads);
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
        this.#leader?.transfer(input.to);
        break;
      case "change-membership":
        this.#leader?.changeMembership(input.members, input.isReconfiguration === true);
        break;
      case "unreachable":
        this.#onUnreachable(input.peer);
        break;
      case "fetched":
        this.#leader?.onFetched(input);
        break;
      case "snapshot-taken":
        this.#log.compact(input.snapshot, input.logFrom ?? input.snapshot.index + 1);
        break;
      case "snapshot-read":
        this.#leader?.onSnapshotRead(input);
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
    if (this.#leader?.hasResigned === true) this.#becomeFollower(this.term, null);
    this.#report();
    return this.#effects.take();
  }

  /** What the step changed, as effects: everything to be saved in one request, and after it what is committed. */
  #report(): void {
    const { configuration, commitIndex } = this.#log;
    if (configuration !== this.#reportedConfiguration) {
      this.#reportedConfiguration = configuration;
      if (configuration.members.some(({ id }) => id === this.#options.id)) this.#wasNamed = true;
      this.#effects.push({ kind: "configuration-changed", configuration });
    }
    this.#reportRole();
    this.#hardState.save(this.#log);
    if (commitIndex > this.#reportedCommit) {
      this.#reportedCommit = commitIndex;
      this.#effects.push({ kind: "commit", index: commitIndex });
    }
  }

  #reportRole(): void {
    const role = this.#role;
    const term = this.term;
    const leader = this.#leaderId;
    if (role === this.#reportedRole && term === this.#reportedTerm && leader === this.#reportedLeader) return;
    this.#reportedRole = role;
    this.#reportedTerm = term;
    this.#reportedLeader = leader;
    this.#effects.push({ kind: "role-changed", role, term, leader });
  }

  #onPersisted(sequence: number): void {
    this.#effects.persisted(sequence);
    this.#log.persisted(sequence);
    if (this.#ownVoteSequence !== null && this.#ownVoteSequence <= sequence) {
      this.#ownVoteSequence = null;
      if (this.#role === "candidate") {
        this.#election!.grant(this.#options.id);
        this.#countVotes();
      }
    }
    this.#leader?.onPersisted();
  }

  // ------------------------------------------------------------------------------------------------------------- time

  #onTick(): void {
    this.#tick++;
    this.#termCredit.onTick();
    this.#hardState.onTick(this.#log.commitIndex);
    if (this.#leader !== null) {
      this.#leader.tick();
      return;
    }
    this.#elapsed++;
    this.#forwarded.expire(this.#tick - this.#options.electionTicks);
    if (this.#leaderId === null && this.#elapsed % this.#options.heartbeatTicks === 0) this.#askToFollow();
    if (this.#isAlone && this.#ownVoteSequence !== null) return; // a slow disk is no rival: one term a start is enough
    if (this.#elapsed >= this.#timeout) this.#onElectionTimeout();
    else if (this.#election !== null && this.#elapsed % this.#options.heartbeatTicks === 0) this.#requestVotes();
  }

  #onElectionTimeout(): void {
    if (this.#election?.isPre === true && this.#election.outcome(true) === "won") {
      this.#campaign(this.#election.afterPreVote());
    } else if (this.#mayCampaign) {
      this.#preCampaign();
    } else {
      this.#becomeFollower(this.term, null); // it waits to be told who leads
    }
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

  get #hasLeaderContact(): boolean {
    return this.#leaderId !== null && this.#elapsed < this.#options.electionTicks;
  }

  #drawTimeout(): number {
    const { electionTicks } = this.#options;
    return this.#isAlone ? 1 : electionTicks + this.#random.below(electionTicks);
  }

  /**
   * The leader's connection closed: most likely its process died. The voter that comes after it by number asks for votes
   * at once, the others one or two ticks later, so that they rarely split the vote. If the leader lives, those who still
   * hear it refuse (pitfall 11 is no worse for this).
   */
  #onUnreachable(peer: MemberId): void {
    this.#leader?.onUnreachable(peer);
    if (this.#leader !== null || peer !== this.#leaderId) return;
    this.#becomeFollower(this.term, null);
    if (!this.#mayCampaign) return;
    const voters = votersOf(this.#log.configuration);
    const successor = voters.find(({ id }) => id > peer) ?? voters.find(({ id }) => id !== peer);
    if (successor?.id === this.#options.id) this.#preCampaign();
    else this.#timeout = 1 + this.#random.below(2);
  }

  // -------------------------------------------------------------------------------------------------------- elections

  /** It remembers nothing, and that is its beginning: see founding.ts. */
  get #isBlank(): boolean {
    return this.#options.mayFound !== false && this.#log.lastIndex === 0 && this.#log.configuration.cluster === 0;
  }

  /** Its log has no other voter, and its file has: it leads the ensemble of the file or none. */
  get #isOutgrown(): boolean {
    return isOutgrown(this.#log.configuration, this.#listed, this.#options.id);
  }

  get #listed(): readonly MemberRecord[] {
    return this.#options.listed ?? this.#log.configuration.members;
  }

  get #isFormed(): boolean {
    return this.#log.commitIndex > 0;
  }

  get #mayCampaign(): boolean {
    if (this.#follower.isRestoring) return false;
    const { id, incarnation } = this.#options;
    if (this.#isBlank || this.#isOutgrown) return voterIds(this.#listed).includes(id);
    // One whom the latest configuration leaves out may hold the only copy of it: until it is committed, the others may not
    // be able to elect anyone else (thesis §4.2.2; pitfall 18).
    return this.#log.uncertainConfigurations().some((configuration) => namesVoter(configuration, id, incarnation));
  }

  /** The only voter: it needs nobody's consent and waits for nobody. */
  get #isAlone(): boolean {
    const { members, outgoing } = this.#log.configuration;
    return (
      outgoing.length === 0 &&
      !this.#isOutgrown &&
      members.every((member) => (member.role === "voter") === (member.id === this.#options.id)) &&
      members.some((member) => member.id === this.#options.id)
    );
  }

  /** Asks whether it would win, and changes no term by it (thesis §9.6): a member cut off comes back without a stir. */
  #preCampaign(): void {
    assert(this.#mayCampaign, "a campaign of one who may not");
    const { id, incarnation, foundWithout } = this.#options;
    const founding = this.#foundingToBe();
    const configuration = this.#log.configuration;
    const electorate = founding === null ? configuration : { ...configuration, members: this.#listed };
    this.#stand(
      "pre-candidate",
      new Election(electorate, { isPre: true, founding, isTransfer: false }, foundWithout ?? []),
    );
    this.#election!.grant(id);
    if (founding !== null) this.#election!.meetFounder(id, incarnation);
    this.#requestVotes();
    this.#countVotes();
  }

  #foundingToBe(): Founding | null {
    if (!this.#isBlank && !this.#isOutgrown) return null;
    return { voters: voterIds(this.#listed), cluster: this.#log.configuration.cluster };
  }

  #campaign(election: Election): void {
    this.#hardState.enter(this.term + 1);
    this.#hardState.vote(this.#options.id);
    this.#ownVoteSequence = this.#effects.nextSequence; // counts once it is durable, like everyone's
    this.#stand("candidate", election);
    this.#requestVotes();
  }

  #stand(role: "pre-candidate" | "candidate", election: Election): void {
    this.#role = role;
    this.#setLeader(null);
    this.#election = election;
    this.#elapsed = 0;
    this.#timeout = this.#drawTimeout();
  }

  /** Asks every voter that has not granted yet; again at each heartbeat, for a question or an answer may be lost. */
  #requestVotes(): void {
    const { members, outgoing } = this.#election!.configuration;
    for (const member of members) if (member.role === "voter") this.#requestVote(member.id, member.incarnation);
    for (const member of outgoing) {
      if (!members.some(({ id, role }) => id === member.id && role === "voter")) {
        this.#requestVote(member.id, member.incarnation);
      }
    }
  }

  #requestVote(to: MemberId, named: number): void {
    const election = this.#election!;
    if (to === this.#options.id || election.hasGranted(to)) return;
    const { isPre, founding, isTransfer } = election;
    const incarnation = founding !== null ? election.founderIncarnation(to) : named;
    if (founding !== null && !isPre && incarnation === 0) return; // not heard of yet; asked once it answers the pre-vote
    this.#effects.sendAfter(this.#hardState.spokenSequence, to, {
      kind: "request-vote",
      term: isPre ? this.term + 1 : this.term,
      pre: isPre,
      last: this.#log.last,
      transfer: isTransfer,
      founding,
      incarnation,
    });
  }

  #countVotes(): void {
    const election = this.#election!;
    const outcome = election.outcome(false);
    if (outcome === "won") {
      if (election.isPre) this.#campaign(election.afterPreVote());
      else this.#becomeLeader(election);
    } else if (outcome === "lost" && !election.isPre) {
      this.#becomeFollower(this.term, null);
      this.#hurry();
    }
  }

  /** The next election soon, but not at the same time as everyone else's. */
  #hurry(): void {
    const soon = this.#elapsed + 1 + this.#random.below(this.#options.electionTicks);
    if (soon < this.#timeout) this.#timeout = soon;
  }

  #becomeLeader(election: Election): void {
    assert(this.#role === "candidate" && this.#ownVoteSequence === null, "a leader without its own vote");
    this.#role = "leader";
    this.#election = null;
    this.#setLeader(this.#options.id);
    this.#leader = new Leader(this.#options, this.term, this.#log, this.#effects, this.#tick);
    this.#leader.begin(election.founding !== null ? this.#firstConfiguration(election) : null);
  }

  /**
   * The ensemble begins: those who voted count. Whoever was done without does not count yet: it is named when it has
   * acknowledged something (see Leader).
   */
  #firstConfiguration(election: Election): Configuration {
    assert(this.#isBlank || this.#isOutgrown, "a founding by a member that belongs to an ensemble");
    const cluster = (this.#random.next() % 2 ** 20) * 2 ** 32 + this.#random.next() + 1;
    return foundedConfiguration(this.#log.configuration, election.configuration.members, cluster, (id) =>
      election.hasGranted(id) ? election.founderIncarnation(id) : 0,
    );
  }

  #becomeFollower(term: number, leader: MemberId | null): void {
    this.#hardState.enter(term);
    this.#leader?.resign();
    this.#leader = null;
    this.#election = null;
    this.#role = "follower";
    this.#setLeader(leader);
    this.#follower.beginAnew();
    this.#elapsed = 0;
    this.#timeout = this.#drawTimeout();
  }

  #setLeader(leader: MemberId | null): void {
    if (leader !== this.#leaderId) this.#forwarded.refuseAll();
    this.#leaderId = leader;
  }

  // --------------------------------------------------------------------------------------------------------- messages

  /** Settles whose term it is first, so that the rest need not think of it (Raft §5.1). */
  #onMessage(from: MemberId, message: Message): void {
    assert(from !== this.#options.id, "a message from itself");
    if (message.kind === "follow-request") {
      this.#leader?.addGuest(from);
      return;
    }
    if (message.term > this.term && this.#leader?.isGuest(from) === true) {
      this.#leader.dropGuest(from); // whom nobody has named unseats nobody
      return;
    }
    const broken = ruleBroken(from, message, this.#judge);
    if (broken !== null) {
      this.#refuse(from, broken);
      return;
    }
    if (!this.#mayHear(from, message)) return;
    if (message.kind === "request-vote") this.#onRequestVote(from, message);
    else if (message.kind === "vote" && message.pre) this.#onPreVote(from, message);
    else if (message.term < this.term) this.#onStale(from, message);
    else {
      if (message.term > this.term && !this.#takeTermOver(from, message.term)) return;
      this.#onCurrent(from, message);
    }
  }

  get #judge(): Parameters<typeof ruleBroken>[2] {
    const { term } = this;
    return { role: this.#role, term, leader: this.#leaderId, log: this.#log, round: this.#leader?.round ?? 0 };
  }

  #refuse(from: MemberId, why: string): void {
    this.#effects.push({ kind: "refused", from, why });
  }

  /**
   * Whom the configuration does not name may yet lead, or stand for election: this member may be behind, and not know of
   * it. But it unseats no leader that is heard, and nobody has asked it for a vote.
   */
  #mayHear(from: MemberId, message: Message): boolean {
    if (this.#knows(from)) return true;
    if (message.kind === "vote") return false;
    if (message.kind === "request-vote" && message.pre) return true; // it is told that there is a leader
    return this.#leader === null && !this.#hasLeaderContact;
  }

  #knows(id: MemberId): boolean {
    if (id === this.#leaderId || this.#leader?.isPeer(id) === true) return true;
    const isNamed = ({ members, outgoing }: Configuration): boolean =>
      members.some((member) => member.id === id) || outgoing.some((member) => member.id === id);
    if (this.#election !== null && isNamed(this.#election.configuration)) return true;
    return this.#log.uncertainConfigurations().some(isNamed);
  }

  /** A later term ends this one (Raft §5.1), unless it is later than terms can be. */
  #takeTermOver(from: MemberId, term: number): boolean {
    if (!this.#termCredit.spend(term - this.term)) {
      this.#refuse(from, `term ${term}, where this member is in term ${this.term}: no ensemble gets there`);
      return false;
    }
    this.#becomeFollower(term, null);
    return true;
  }

  #onCurrent(from: MemberId, message: Message): void {
    switch (message.kind) {
      case "append":
        this.#follow(from);
        this.#follower.onAppend(from, message);
        break;
      case "append-reply":
        this.#leader?.onAppendReply(from, message);
        break;
      case "snapshot":
        this.#follow(from);
        this.#follower.onSnapshot(from, message);
        break;
      case "snapshot-reply":
        this.#leader?.onSnapshotReply(from, message);
        break;
      case "vote":
        this.#onVote(from, message);
        break;
      case "timeout-now":
        this.#onTimeoutNow(from);
        break;
      case "read-request":
        if (this.#leader !== null) this.#leader.read(from, message.context);
        else this.#refuseRead(from, message.context);
        break;
      case "read-reply":
        if (from === this.#leaderId) this.#forwarded.answered(message.context, message.index);
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

  #refuseRead(to: MemberId, context: number): void {
    this.#effects.send(to, { kind: "read-reply", term: this.term, context, index: null });
  }

  #onRequestVote(from: MemberId, request: Of<"request-vote">): void {
    // A member that hears its leader keeps to it: else one that was removed, or hears badly, could unseat it (thesis
    // §4.2.3). Its term is not even looked at.
    const keepsLeader = this.#leader !== null || this.#hasLeaderContact;
    if (keepsLeader && !request.transfer) {
      if (request.pre) this.#replyToVote(from, request, false);
      return;
    }
    if (!request.pre && request.term > this.term && !this.#takeTermOver(from, request.term)) return;
    const granted = mayVote(this.#voterState(request), { from, ...request }) && this.#log.isUpToDate(request.last);
    if (granted && !request.pre) {
      this.#hardState.vote(from);
      this.#elapsed = 0;
    }
    this.#replyToVote(from, request, granted);
  }

  #voterState({ founding }: Of<"request-vote">): Parameters<typeof mayVote>[0] {
    return {
      term: this.term,
      votedFor: this.#hardState.votedFor,
      leader: this.#leaderId,
      incarnation: this.#options.incarnation,
      joined: this.joined,
      standing: this.#standingIn(founding),
    };
  }

  #standingIn(founding: Founding | null): Standing | null {
    if (founding === null) return null;
    const { configuration, lastIndex } = this.#log;
    const mayFound = this.#options.mayFound !== false;
    return standingOf({ configuration, lastIndex, mayFound, listed: this.#listed }, founding);
  }

  #replyToVote(to: MemberId, request: Of<"request-vote">, granted: boolean): void {
    const term = granted ? request.term : this.term;
    const { pre } = request;
    const { incarnation } = this.#options;
    this.#effects.sendAfter(this.#hardState.spokenSequence, to, {
      kind: "vote",
      term,
      pre,
      granted,
      standing: this.#standingIn(request.founding),
      incarnation,
    });
  }

  #onPreVote(from: MemberId, vote: Of<"vote">): void {
    if (vote.standing !== null) this.#standings.set(from, { standing: vote.standing, tick: this.#tick });
    if (!vote.granted && vote.term > this.term) {
      const isCandidate = this.#election !== null;
      if (!this.#takeTermOver(from, vote.term)) return;
      if (isCandidate) this.#hurry(); // with the right term it may do better
      return;
    }
    const election = this.#election;
    if (election === null) return;
    if (election.founding !== null && vote.standing !== null) {
      if (!takesPart(vote.standing)) election.object();
      else if (vote.granted) election.meetFounder(from, vote.incarnation);
    }
    if (!election.isPre) {
      if (election.founding !== null) this.#requestVotes(); // learns only now how to address this voter
      return;
    }
    if (vote.granted && vote.term === this.term + 1) election.grant(from);
    if (!vote.granted && vote.term === this.term) election.refuse(from);
    this.#countVotes();
  }

  #onVote(from: MemberId, vote: Of<"vote">): void {
    const election = this.#election;
    if (election === null || election.isPre || this.#ownVoteSequence !== null) return; // nobody was asked before that
    if (vote.granted) {
      election.grant(from);
    } else {
      // Most likely the vote is split between two who asked at once. Whoever is still silent may be the dead leader, so
      // that waiting a whole timeout for its vote would help nobody.
      election.refuse(from);
      this.#hurry();
    }
    this.#countVotes();
  }

  /** The leader hands over: an election at once, which those who keep to the leader take part in. */
  #onTimeoutNow(from: MemberId): void {
    if (this.#role !== "follower" || (this.#leaderId !== null && this.#leaderId !== from)) return;
    if (this.#isBlank || this.#isOutgrown || !this.#mayCampaign) return;
    this.#campaign(new Election(this.#log.configuration, { isPre: false, founding: null, isTransfer: true }));
  }

  // -------------------------------------------------------------------------------------------------------- following

  #follow(leader: MemberId): void {
    assert(this.#role !== "leader", "two leaders in one term");
    if (this.#role === "follower" && this.#leaderId === leader) this.#elapsed = 0;
    else this.#becomeFollower(this.term, leader);
  }

  #onSnapshotWritten(input: Input & { kind: "snapshot-written" }): void {
    const restored = this.#follower.onSnapshotWritten(input);
    if (restored !== null) this.#reportedCommit = Math.max(this.#reportedCommit, restored.index);
  }

  // ------------------------------------------------------------------------------------------------------------ reads

  #onRead(context: number): void {
    if (this.#leader !== null) this.#leader.read(null, context);
    else if (this.#leaderId !== null) this.#forwarded.forward(this.#leaderId, this.term, context, this.#tick);
    else this.#effects.push({ kind: "read-refused", context });
  }
}
