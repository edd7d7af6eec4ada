// One election: whom a candidate asks and what the answers come to, and by what rule a voter grants its vote. Includes
// the pre-vote (Raft thesis §9.6) and the first election of an ensemble whose members remember nothing.

import { bothOf, majorityOf, type Tally, tallyOf } from "../quorum.ts";
import { votersOf } from "./configuration.ts";
import type { Configuration, MemberId, MemberRecord } from "./types.ts";

/**
 * The first election. A member with an empty log and no ensemble is blank. It may be new, or its disk may be lost, and it
 * cannot tell. (One that can, for its damaged files lie there still, is not blank: it waits for a leader.) What tells is its peers: where a majority of the voters is blank, nothing can ever have been committed (or
 * more was lost than an ensemble survives). The voters are those of the configuration that the candidate was given to
 * start with: this must be brought up to date before a lost disk is replaced.
 *
 * So a blank candidate first asks, by pre-vote, who else is blank. Members that know of something committed object; as
 * long as one of them is within reach there is no first election, even where a majority of disks was lost. Because an
 * objection may come late, a blank majority alone acts only when everybody has answered or the pre-vote has lasted an
 * election timeout.
 */
export class Election {
  readonly isPre: boolean;
  readonly isBootstrap: boolean;
  readonly isTransfer: boolean;
  readonly configuration: Configuration;
  readonly #granted = new Set<MemberId>();
  readonly #refused = new Set<MemberId>();
  /** The blank members met, and the incarnations they bear; a first election's outcome names them. */
  readonly #blank = new Map<MemberId, number>();
  #objected = false;

  constructor(
    configuration: Configuration,
    kind: { readonly isPre: boolean; readonly isBootstrap: boolean; readonly isTransfer: boolean },
  ) {
    this.configuration = configuration;
    this.isPre = kind.isPre;
    this.isBootstrap = kind.isBootstrap;
    this.isTransfer = kind.isTransfer;
  }

  /** The real election after a won pre-vote: what was learned of blank members stays known. */
  afterPreVote(): Election {
    const election = new Election(this.configuration, {
      isPre: false,
      isBootstrap: this.isBootstrap,
      isTransfer: false,
    });
    for (const [id, incarnation] of this.#blank) election.#blank.set(id, incarnation);
    return election;
  }

  hasGranted(id: MemberId): boolean {
    return this.#granted.has(id);
  }

  blankIncarnation(id: MemberId): number {
    return this.#blank.get(id) ?? 0;
  }

  grant(id: MemberId): void {
    this.#refused.delete(id);
    this.#granted.add(id);
  }

  /** A refusal of a pre-vote may turn into a grant when it is asked again; one of a vote never does. */
  refuse(id: MemberId): void {
    if (!this.#granted.has(id)) this.#refused.add(id);
  }

  meetBlank(id: MemberId, incarnation: number): void {
    this.#blank.set(id, incarnation);
  }

  /** A member that remembers an ensemble answered a blank candidate. */
  object(): void {
    this.#objected = true;
  }

  /** `lasted`: an election timeout has passed since it began. */
  outcome(lasted: boolean): Tally {
    if (this.isPre && this.isBootstrap) return this.#bootstrapOutcome(lasted);
    return bothOf(this.#tally(votersOf(this.configuration)), this.#tally(this.configuration.outgoing));
  }

  #bootstrapOutcome(lasted: boolean): Tally {
    const voters = votersOf(this.configuration);
    const blank = voters.filter(({ id }) => this.#blank.has(id) && this.#granted.has(id)).length;
    if (this.#objected || blank < majorityOf(voters.length)) return "pending";
    return lasted || blank === voters.length ? "won" : "pending";
  }

  #tally(voters: readonly MemberRecord[]): Tally {
    let granted = 0;
    let refused = 0;
    for (const { id } of voters) {
      if (this.#granted.has(id)) granted++;
      else if (this.#refused.has(id)) refused++;
    }
    return tallyOf(voters.length, granted, refused);
  }
}

/** What a voter's answer depends on. */
export interface VoterState {
  readonly term: number;
  readonly votedFor: MemberId | null;
  readonly leader: MemberId | null;
  readonly incarnation: number;
  /** A configuration in its own log names this incarnation a voter. */
  readonly joined: boolean;
  readonly blank: boolean;
}

/** What a request says, but for the candidate's log. */
export interface Candidacy {
  readonly from: MemberId;
  readonly term: number;
  readonly pre: boolean;
  readonly bootstrap: boolean;
  readonly incarnation: number;
}

/**
 * Whether this voter may vote for this candidate at all, its log aside. Three ways to be a voter: by the own log; by
 * the candidate's, which names this very incarnation (a learner that was promoted and does not know it yet, pitfall 19);
 * or by being blank in a first election. A blank member votes for a real first candidate only when asked under its
 * present incarnation: a request that was under way when its disk was lost finds it changed.
 */
export function mayVote(voter: VoterState, candidacy: Candidacy): boolean {
  const isNamed = voter.joined || (candidacy.incarnation !== 0 && candidacy.incarnation === voter.incarnation);
  const isBlankToo = voter.blank && (candidacy.pre || candidacy.incarnation === voter.incarnation);
  if (candidacy.bootstrap ? !isBlankToo : !isNamed) return false;
  if (candidacy.pre) return candidacy.term > voter.term;
  if (candidacy.term !== voter.term) return false;
  return voter.votedFor === candidacy.from || (voter.votedFor === null && voter.leader === null);
}
