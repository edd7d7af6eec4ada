// The filter of incoming messages. It drops messages that break a rule, ignores campaigns of strangers, and takes over a later
// term within a limit (Raft §5.1, term-credit.ts). So the handlers need not check any of that.

import type { RaftParts, RoleState } from "./role-state.ts";
import { ruleBroken } from "./rules.ts";
import { TermCredit } from "./term-credit.ts";
import type { Configuration, MemberId, Message } from "./types.ts";

export class MessageFilter {
  readonly #parts: RaftParts;
  readonly #state: RoleState;
  readonly #termCredit = new TermCredit();

  constructor(parts: RaftParts, state: RoleState) {
    this.#parts = parts;
    this.#state = state;
  }

  onTick(): void {
    this.#termCredit.onTick();
  }

  /** Whether a message is to be handled. Whoever breaks a rule is told of as an effect. */
  admits(from: MemberId, message: Message): boolean {
    const { leader, term } = this.#state;
    const isPreVote = message.kind === "request-vote" && message.pre; // it raises no term, and is told that there is a leader
    if (message.term > term && !isPreVote && leader?.isGuest(from) === true) {
      leader.dropGuest(from); // whom nobody has named unseats nobody
      return false;
    }
    const broken = ruleBroken(from, message, this.#judge);
    if (broken === null) return this.#mayHear(from, message);
    this.#refuse(from, broken);
    return false;
  }

  /** A later term ends this one (Raft §5.1), unless it is later than terms can be. */
  takeTermOver(from: MemberId, term: number): boolean {
    const own = this.#state.term;
    if (!this.#termCredit.spend(term - own)) {
      this.#refuse(from, `term ${term}, where this member is in term ${own}: no ensemble gets there`);
      return false;
    }
    this.#state.becomeFollower(term, null);
    return true;
  }

  #refuse(from: MemberId, why: string): void {
    this.#parts.effects.push({ kind: "refused", from, why });
  }

  get #judge(): Parameters<typeof ruleBroken>[2] {
    const { role, term, leaderId, leader } = this.#state;
    return { role, term, leader: leaderId, log: this.#parts.log, round: leader?.round ?? 0 };
  }

  /**
   * Whom the configuration does not name may yet lead, or stand for election: this member may be behind, and not know of
   * it. But it unseats no leader that is heard, and nobody has asked it for a vote.
   */
  #mayHear(from: MemberId, message: Message): boolean {
    if (this.#knows(from)) return true;
    if (message.kind === "vote") return false;
    if (message.kind === "request-vote" && message.pre) return true; // it is told that there is a leader
    return this.#state.leader === null && !this.#state.hasLeaderContact;
  }

  #knows(id: MemberId): boolean {
    const { leaderId, leader, election } = this.#state;
    if (id === leaderId || leader?.isPeer(id) === true) return true;
    const isNamed = ({ members, outgoing }: Configuration): boolean =>
      members.some((member) => member.id === id) || outgoing.some((member) => member.id === id);
    if (election !== null && isNamed(election.configuration)) return true;
    return this.#parts.log.uncertainConfigurations().some(isNamed);
  }
}
