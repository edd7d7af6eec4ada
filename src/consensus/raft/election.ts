// One election: whom a candidate asks and what the answers come to, and by what rule a voter grants its vote. Includes
// the pre-vote (Raft thesis §9.6) and the first election of an ensemble.

import { bothOf, majorityOf, type Tally, tallyOf } from "../quorum.ts";
import { votersOf } from "./configuration.ts";
import { type Founding, type Standing, takesPart } from "./founding.ts";
import type { Configuration, MemberId, MemberRecord } from "./types.ts";

/**
 * A founding election is one of an ensemble that does not exist yet (see founding.ts): it needs the votes of all voters, in
 * pre-vote and vote, but for those that may be done without. A member that remembers an ensemble objects; because an
 * objection of one that may be done without can come late, a pre-vote without it lasts an election timeout.
 */
export class Election {
  readonly isPre: boolean;
  readonly founding: Founding | null;
  readonly isTransfer: boolean;
  readonly configuration: Configuration;
  readonly #foundWithout: readonly MemberId[];
  readonly #granted = new Set<MemberId>();
  readonly #refused = new Set<MemberId>();
  /** The founders met, and the incarnations they bear; a founding's outcome names them. */
  readonly #founders = new Map<MemberId, number>();
  #objected = false;

  constructor(
    configuration: Configuration,
    kind: { readonly isPre: boolean; readonly founding: Founding | null; readonly isTransfer: boolean },
    foundWithout: readonly MemberId[] = [],
  ) {
    this.configuration = configuration;
    this.isPre = kind.isPre;
    this.founding = kind.founding;
    this.isTransfer = kind.isTransfer;
    this.#foundWithout = foundWithout;
  }

  /** The real election after a won pre-vote: what was learned of the founders stays known. */
  afterPreVote(): Election {
    const { founding, configuration } = this;
    const election = new Election(configuration, { isPre: false, founding, isTransfer: false }, this.#foundWithout);
    for (const [id, incarnation] of this.#founders) election.#founders.set(id, incarnation);
    return election;
  }

  hasGranted(id: MemberId): boolean {
    return this.#granted.has(id);
  }

  founderIncarnation(id: MemberId): number {
    return this.#founders.get(id) ?? 0;
  }

  grant(id: MemberId): void {
    this.#refused.delete(id);
    this.#granted.add(id);
  }

  /** A refusal of a pre-vote may turn into a grant when it is asked again; one of a vote never does. */
  refuse(id: MemberId): void {
    if (!this.#granted.has(id)) this.#refused.add(id);
  }

  meetFounder(id: MemberId, incarnation: number): void {
    this.#founders.set(id, incarnation);
  }

  /** A voter answered whose standing forbids the founding. */
  object(): void {
    this.#objected = true;
  }

  /** `lasted`: an election timeout has passed since it began. */
  outcome(lasted: boolean): Tally {
    if (this.founding !== null) return this.#foundingOutcome(lasted);
    return bothOf(this.#tally(votersOf(this.configuration)), this.#tally(this.configuration.outgoing));
  }

  #foundingOutcome(lasted: boolean): Tally {
    const voters = votersOf(this.configuration);
    const needed = voters.filter(({ id }) => !this.#foundWithout.includes(id));
    if (needed.length < majorityOf(voters.length)) return "pending"; // without a majority it could decide nothing
    if (!this.isPre && needed.some(({ id }) => this.#refused.has(id))) return "lost";
    const isIn = ({ id }: MemberRecord): boolean => this.#granted.has(id) && this.#founders.has(id);
    if (this.#objected || !needed.every(isIn)) return "pending";
    return !this.isPre || lasted || voters.every(isIn) ? "won" : "pending";
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
  /** To the founding that it is asked for; null: it is asked for none. */
  readonly standing: Standing | null;
}

/** What a request says, but for the candidate's log. */
export interface Candidacy {
  readonly from: MemberId;
  readonly term: number;
  readonly pre: boolean;
  readonly incarnation: number;
}

/**
 * Whether this voter may vote for this candidate at all, its log aside. Three ways to be a voter: by the own log; by
 * the candidate's, which names this very incarnation (a learner that was promoted and does not know it yet, pitfall 19);
 * or as a founder. A founder votes in a real election only when asked under its present incarnation: a request that was
 * under way when its disk was lost finds it changed.
 */
export function mayVote(voter: VoterState, candidacy: Candidacy): boolean {
  const isNamed = voter.joined || (candidacy.incarnation !== 0 && candidacy.incarnation === voter.incarnation);
  const { standing } = voter;
  const mayFound = standing !== null && takesPart(standing);
  const isFounder = mayFound && (candidacy.pre || candidacy.incarnation === voter.incarnation);
  if (standing === null ? !isNamed : !isFounder) return false;
  if (candidacy.pre) return candidacy.term > voter.term;
  if (candidacy.term !== voter.term) return false;
  return voter.votedFor === candidacy.from || (voter.votedFor === null && voter.leader === null);
}
