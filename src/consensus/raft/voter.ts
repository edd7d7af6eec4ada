// How a member answers requests for its vote. The rule itself is `mayVote` (election.ts).

import { mayVote, type VoterState } from "./election.ts";
import type { MessageFilter } from "./message-filter.ts";
import type { RaftParts, RoleState } from "./role-state.ts";
import type { MemberId, Message } from "./types.ts";

type RequestVote = Message & { readonly kind: "request-vote" };

export class Voter {
  readonly #parts: RaftParts;
  readonly #state: RoleState;
  readonly #filter: MessageFilter;

  constructor(parts: RaftParts, state: RoleState, filter: MessageFilter) {
    this.#parts = parts;
    this.#state = state;
    this.#filter = filter;
  }

  onRequestVote(from: MemberId, request: RequestVote): void {
    const { log, hardState } = this.#parts;
    const state = this.#state;
    // A member that hears its leader keeps to it: else one that was removed, or hears badly, could unseat it (thesis
    // §4.2.3). Its term is not even looked at.
    const keepsLeader = state.leader !== null || state.hasLeaderContact;
    if (keepsLeader && !request.transfer) {
      if (request.pre) this.#reply(from, request, false);
      return;
    }
    if (!request.pre && request.term > state.term && !this.#filter.takeTermOver(from, request.term)) return;
    const granted = mayVote(this.#voterState(request), { from, ...request }) && log.isUpToDate(request.last);
    if (granted && !request.pre) {
      hardState.vote(from);
      state.elapsed = 0;
    }
    this.#reply(from, request, granted);
  }

  #voterState({ founding }: RequestVote): VoterState {
    const { options, hardState, eligibility } = this.#parts;
    return {
      term: this.#state.term,
      votedFor: hardState.votedFor,
      leader: this.#state.leaderId,
      incarnation: options.incarnation,
      joined: eligibility.hasJoined,
      standing: eligibility.standingIn(founding),
    };
  }

  #reply(to: MemberId, request: RequestVote, granted: boolean): void {
    const { options, effects, hardState, eligibility } = this.#parts;
    effects.sendAfter(hardState.spokenSequence, to, {
      kind: "vote",
      term: granted ? request.term : this.#state.term,
      pre: request.pre,
      granted,
      standing: eligibility.standingIn(request.founding),
      incarnation: options.incarnation,
    });
  }
}
