// How a member stands for election: when its leader falls silent, it asks by a pre-vote whether it would win (Raft thesis
// §9.6), then for votes; and how the first election of an ensemble founds it.

import { assert } from "../../base/assert.ts";
import { votersOf } from "./configuration.ts";
import { Election } from "./election.ts";
import { type FoundingProgress, foundedConfiguration, type Standing, takesPart, voterIds } from "./founding.ts";
import type { MessageFilter } from "./message-filter.ts";
import type { RaftParts, RoleState } from "./role-state.ts";
import type { Configuration, MemberId, Message } from "./types.ts";

type Vote = Message & { readonly kind: "vote" };

export class Candidate {
  readonly #parts: RaftParts;
  readonly #state: RoleState;
  readonly #filter: MessageFilter;
  /** The request that makes a candidate's vote for itself durable; null once it counts. */
  #ownVoteSequence: number | null = null;
  /** What the other voters answered to a founding, and when. */
  readonly #standings = new Map<MemberId, { readonly standing: Standing; readonly tick: number }>();

  constructor(parts: RaftParts, state: RoleState, filter: MessageFilter) {
    this.#parts = parts;
    this.#state = state;
    this.#filter = filter;
  }

  // ------------------------------------------------------------------------------------------------ when it stands

  /** A tick of one that does not lead. */
  onTick(): void {
    const state = this.#state;
    const { heartbeatTicks } = this.#parts.options;
    if (this.#parts.eligibility.isAlone && this.#ownVoteSequence !== null) return; // a slow disk is no rival: one term a start is enough
    if (state.elapsed >= state.timeout) this.#onElectionTimeout();
    else if (state.election !== null && state.elapsed % heartbeatTicks === 0) this.#requestVotes();
  }

  #onElectionTimeout(): void {
    const { election } = this.#state;
    if (election?.isPre === true && election.outcome(true) === "won") {
      this.#campaign(election.afterPreVote());
    } else if (this.#mayCampaign) {
      this.#preCampaign();
    } else {
      this.#state.becomeFollower(this.#state.term, null); // it waits to be told who leads
    }
  }

  /**
   * The leader's connection closed: most likely its process died. The voter that comes after it by number asks for votes
   * at once, the others one or two ticks later, so that they rarely split the vote. If the leader lives, those who still
   * hear it refuse (pitfall 11 is no worse for this).
   */
  onLeaderUnreachable(peer: MemberId): void {
    const { options, log, random } = this.#parts;
    this.#state.becomeFollower(this.#state.term, null);
    if (!this.#mayCampaign) return;
    const voters = votersOf(log.configuration);
    const successor = voters.find(({ id }) => id > peer) ?? voters.find(({ id }) => id !== peer);
    if (successor?.id === options.id) this.#preCampaign();
    else this.#state.timeout = 1 + random.below(2);
  }

  /** The leader hands over: an election at once, which those who keep to the leader take part in. */
  onTimeoutNow(from: MemberId): void {
    const { role, leaderId } = this.#state;
    if (role !== "follower" || (leaderId !== null && leaderId !== from)) return;
    if (this.#parts.eligibility.isFounder || !this.#mayCampaign) return;
    const { configuration } = this.#parts.log;
    this.#campaign(new Election(configuration, { isPre: false, founding: null, isTransfer: true }));
  }

  get #mayCampaign(): boolean {
    return !this.#parts.follower.isRestoring && this.#parts.eligibility.mayCampaign;
  }

  // ----------------------------------------------------------------------------------------------------- the campaign

  /** Asks whether it would win, and changes no term by it (thesis §9.6): a member cut off comes back without a stir. */
  #preCampaign(): void {
    assert(this.#mayCampaign, "a campaign of one who may not");
    const { options, log, eligibility } = this.#parts;
    const { id, incarnation, foundWithout } = options;
    const founding = eligibility.foundingToBe;
    const { configuration } = log;
    const electorate = founding === null ? configuration : { ...configuration, members: eligibility.listed };
    const election = new Election(electorate, { isPre: true, founding, isTransfer: false }, foundWithout ?? []);
    this.#state.becomeCandidate("pre-candidate", election);
    election.grant(id);
    if (founding !== null) election.meetFounder(id, incarnation);
    this.#requestVotes();
    this.#countVotes();
  }

  #campaign(election: Election): void {
    const { options, hardState, effects } = this.#parts;
    hardState.enter(this.#state.term + 1);
    hardState.vote(options.id);
    this.#ownVoteSequence = effects.nextSequence; // counts once it is durable, like everyone's
    this.#state.becomeCandidate("candidate", election);
    this.#requestVotes();
  }

  /** Asks every voter that has not granted yet; again at each heartbeat, for a question or an answer may be lost. */
  #requestVotes(): void {
    const { members, outgoing } = this.#state.election!.configuration;
    for (const member of members) if (member.role === "voter") this.#requestVote(member.id, member.incarnation);
    for (const member of outgoing) {
      if (!members.some(({ id, role }) => id === member.id && role === "voter")) {
        this.#requestVote(member.id, member.incarnation);
      }
    }
  }

  #requestVote(to: MemberId, named: number): void {
    const { options, log, effects, hardState } = this.#parts;
    const election = this.#state.election!;
    if (to === options.id || election.hasGranted(to)) return;
    const { isPre, founding, isTransfer } = election;
    const incarnation = founding !== null ? election.founderIncarnation(to) : named;
    if (founding !== null && !isPre && incarnation === 0) return; // not heard of yet; asked once it answers the pre-vote
    effects.sendAfter(hardState.spokenSequence, to, {
      kind: "request-vote",
      term: isPre ? this.#state.term + 1 : this.#state.term,
      pre: isPre,
      last: log.last,
      transfer: isTransfer,
      founding,
      incarnation,
    });
  }

  // --------------------------------------------------------------------------------------------------------- the votes

  onPreVote(from: MemberId, vote: Vote): void {
    if (vote.standing !== null) this.#standings.set(from, { standing: vote.standing, tick: this.#state.clock.tick });
    const { election, term } = this.#state;
    if (!vote.granted && vote.term > term) {
      if (this.#filter.takeTermOver(from, vote.term) && election !== null) this.#state.hurry(); // it may do better there
      return;
    }
    if (election === null) return;
    if (election.founding !== null && vote.standing !== null) {
      if (!takesPart(vote.standing)) election.object();
      else if (vote.granted) election.meetFounder(from, vote.incarnation);
    }
    if (!election.isPre) {
      if (election.founding !== null) this.#requestVotes(); // learns only now how to address this voter
      return;
    }
    if (vote.granted && vote.term === term + 1) election.grant(from);
    if (!vote.granted && vote.term === term) election.refuse(from);
    this.#countVotes();
  }

  onVote(from: MemberId, vote: Vote): void {
    const { election } = this.#state;
    if (election === null || election.isPre || this.#ownVoteSequence !== null) return; // nobody was asked before that
    if (vote.granted) {
      election.grant(from);
    } else {
      // Most likely the vote is split between two who asked at once. Whoever is still silent may be the dead leader, so
      // that waiting a whole timeout for its vote would help nobody.
      election.refuse(from);
      this.#state.hurry();
    }
    this.#countVotes();
  }

  /** What is durable up to this request may hold this candidate's own vote: then it counts. */
  onPersisted(sequence: number): void {
    if (this.#ownVoteSequence === null || this.#ownVoteSequence > sequence) return;
    this.#ownVoteSequence = null;
    if (this.#state.role !== "candidate") return;
    this.#state.election!.grant(this.#parts.options.id);
    this.#countVotes();
  }

  #countVotes(): void {
    const election = this.#state.election!;
    const outcome = election.outcome(false);
    if (outcome === "won") {
      if (election.isPre) this.#campaign(election.afterPreVote());
      else this.#win(election);
    } else if (outcome === "lost" && !election.isPre) {
      this.#state.becomeFollower(this.#state.term, null);
      this.#state.hurry();
    }
  }

  #win(election: Election): void {
    assert(this.#ownVoteSequence === null, "a leader whose own vote is not durable");
    this.#state.becomeLeader(election.founding !== null ? this.#firstConfiguration(election) : null);
  }

  // --------------------------------------------------------------------------------------------------------- foundings

  /**
   * The ensemble begins: those who voted count. Whoever was done without does not count yet: it is named when it has
   * acknowledged something (see Leader).
   */
  #firstConfiguration(election: Election): Configuration {
    const { random, log, eligibility } = this.#parts;
    assert(eligibility.isFounder, "a founding by a member that belongs to an ensemble");
    const cluster = (random.next() % 2 ** 20) * 2 ** 32 + random.next() + 1;
    return foundedConfiguration(log.configuration, election.configuration.members, cluster, (id) =>
      election.hasGranted(id) ? election.founderIncarnation(id) : 0,
    );
  }

  /** The founding that this member waits for; null: it knows of an ensemble, or is none of the founders. */
  get founding(): FoundingProgress | null {
    const { options, eligibility } = this.#parts;
    const voters = voterIds(eligibility.listed);
    if (!voters.includes(options.id) || this.#state.leaderId !== null || !eligibility.isFounder) return null;
    const missing = new Map<MemberId, Standing | "silent">();
    for (const voter of voters) {
      if (voter === options.id) continue;
      const heard = this.#standings.get(voter);
      if (heard === undefined || this.#state.clock.tick - heard.tick > 2 * options.electionTicks)
        missing.set(voter, "silent");
      else if (!takesPart(heard.standing)) missing.set(voter, heard.standing);
    }
    return { voters, bringsLog: eligibility.isOutgrown, missing };
  }
}
