// The members that a change asks for, worked out from those that there are: one step after the other, all or nothing. Pure.

import { type Member, sharedPlacesOf, sortedMembers, wantedVoters } from "../../base/member.ts";
import { MEMBERS_MAX } from "../../base/member-id.ts";
import type { ChangeStep } from "./commands.ts";
import { areTooLong, flawOfMember } from "./description.ts";
import type { MembershipRejection } from "./outcomes.ts";

/** In order of their numbers; or why there can be no such members. */
export function targetOf(
  current: readonly Member[],
  steps: readonly ChangeStep[],
): readonly Member[] | MembershipRejection {
  const members = new MemberTable(current);
  for (const step of steps) {
    const rejection = members.take(step);
    if (rejection !== null) return rejection;
  }
  const target = sortedMembers(members.byId.values());
  if (target.length > MEMBERS_MAX) return "bad-arguments";
  if (areTooLong(target)) return "descriptions-too-long";
  return wantedVoters(target).length === 0 ? "no-voters" : target;
}

/** Members, and how many of them listen at each place. Invariant: the counts are those of the members that are there. */
class MemberTable {
  readonly byId = new Map<number, Member>();
  readonly #listening = new Map<string, number>();

  constructor(members: readonly Member[]) {
    for (const member of members) this.#add(member);
  }

  take(step: ChangeStep): MembershipRejection | null {
    switch (step.kind) {
      case "add":
        return this.byId.has(step.member.id) ? "member-exists" : this.#put(step.member);
      case "describe":
        return this.byId.has(step.member.id) ? this.#put(step.member) : "no-member";
      case "put":
        return this.#put(step.member);
      case "remove":
        return this.#remove(step.id) === null ? "no-member" : null;
      case "promote": {
        const member = this.byId.get(step.id);
        return member === undefined ? "no-member" : this.#put({ ...member, wantedRole: "voter" });
      }
      case "clear":
        this.byId.clear();
        this.#listening.clear();
        return null;
    }
  }

  /** Two members cannot listen at one place. */
  #put(member: Member): MembershipRejection | null {
    if (flawOfMember(member) !== null) return "bad-arguments";
    this.#remove(member.id);
    if (sharedPlacesOf(member).some((place) => (this.#listening.get(place) ?? 0) > 0)) return "place-taken";
    this.#add(member);
    return null;
  }

  #add(member: Member): void {
    this.byId.set(member.id, member);
    this.#count(member, 1);
  }

  #remove(id: number): Member | null {
    const member = this.byId.get(id);
    if (member === undefined) return null;
    this.byId.delete(id);
    this.#count(member, -1);
    return member;
  }

  #count(member: Member, one: number): void {
    for (const place of sharedPlacesOf(member)) this.#listening.set(place, (this.#listening.get(place) ?? 0) + one);
  }
}
