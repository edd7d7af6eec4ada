// The changes of members that an operator requests during the faults: one or several members at once, the leader, a voter while
// another one catches up, or another role.

import type { WantedRole } from "../../base/member.ts";
import type { Random } from "../../base/random.ts";
import type { MemberId, MemberRecord } from "../../consensus/raft/types.ts";
import type { Waiter } from "../../replica/replica-port.ts";
import { type ChangeStep, encodeChange, MEMBERSHIP_LEVEL } from "../../state/membership/commands.ts";
import { memberDescribed } from "../../state/membership/description.ts";
import { MembershipModel } from "../../state/membership/model.ts";
import { memberOf, type SimulatedEnsemble } from "./ensemble.ts";
import type { SimulatedMember } from "./member.ts";
import type { MemberInvariants } from "./member-invariants.ts";

export interface MembershipChange {
  readonly joining: readonly { readonly id: MemberId; readonly wantedRole: WantedRole }[];
  readonly leaving: readonly MemberId[];
}

/** Whoever asked goes by what becomes of the members. */
const NOBODY: Waiter<unknown> = { onOutcome: () => {}, onRefused: () => {} };

export class MembershipChanges {
  readonly #random: Random;
  readonly #ensemble: SimulatedEnsemble;
  readonly #invariants: MemberInvariants;

  constructor(random: Random, ensemble: SimulatedEnsemble, invariants: MemberInvariants) {
    this.#random = random;
    this.#ensemble = ensemble;
    this.#invariants = invariants;
  }

  /** Null: there is nothing to ask for now. */
  draw(): MembershipChange | null {
    const { configuration } = this.#invariants;
    if (configuration === null || configuration.outgoing.length > 0) return null;
    return this.#drawFor(configuration.members);
  }

  /** Asks by the membership's own command, as any door may. False: it cannot be asked for now. */
  propose({ joining, leaving }: MembershipChange, by: SimulatedMember): boolean {
    const { replica } = by;
    if (replica === undefined || replica.machine.level < MEMBERSHIP_LEVEL || replica.admission() !== "open")
      return false;
    const membership = replica.machine.model(MembershipModel);
    const { version } = membership;
    const steps: ChangeStep[] = [
      ...leaving.map((id) => ({ kind: "remove", id }) as const),
      ...joining.map(({ id, wantedRole }) => ({ kind: "put", member: memberOf(id, wantedRole) }) as const),
    ];
    encodeChange(replica.begin(), { version: this.#random.chance(0.5) ? version : null, steps });
    replica.commit(membership, NOBODY);
    return true;
  }

  #drawFor(members: readonly MemberRecord[]): MembershipChange | null {
    const random = this.#random;
    const listed = members.map(({ id }) => id);
    const absent = this.#ensemble.members.map(({ id }) => id).filter((id) => !listed.includes(id));
    const leader = this.#ensemble.leader()?.id;
    switch (random.below(6)) {
      case 0:
      case 1:
        return this.#one(listed, absent);
      case 2:
      case 3:
        return this.#several(listed, absent);
      case 4: {
        const lagging = listed.filter((id) => this.#isBehind(id));
        const others = listed.filter((id) => id !== leader && !lagging.includes(id));
        const leaving = lagging.length > 0 ? this.#oneOf(others) : leader;
        return leaving === undefined ? null : { joining: [], leaving: [leaving] };
      }
      default: {
        const member = this.#oneOf(members);
        if (member === undefined) return null;
        const { wantedRole } = memberDescribed(member.id, member.description);
        return { joining: [{ id: member.id, wantedRole: wantedRole === "voter" ? "learner" : "voter" }], leaving: [] };
      }
    }
  }

  #one(listed: readonly MemberId[], absent: readonly MemberId[]): MembershipChange | null {
    const joining = this.#oneOf(absent);
    if (joining !== undefined && this.#random.chance(0.6)) {
      return { joining: [{ id: joining, wantedRole: this.#random.chance(0.9) ? "voter" : "learner" }], leaving: [] };
    }
    const leaving = this.#oneOf(listed);
    return listed.length <= 2 || leaving === undefined ? null : { joining: [], leaving: [leaving] };
  }

  /** Two or three of five, at once; others may come in their place. */
  #several(listed: readonly MemberId[], absent: readonly MemberId[]): MembershipChange | null {
    const joining = this.#some(absent, 1 + this.#random.below(2)).map((id) => ({ id, wantedRole: "voter" as const }));
    const most = Math.max(0, Math.min(3, listed.length + joining.length - 2, listed.length - 1));
    const leaving = this.#some(listed, Math.min(most, 1 + this.#random.below(3)));
    return joining.length + leaving.length === 0 ? null : { joining, leaving };
  }

  /** It is down, or has yet to get what the ensemble has committed. */
  #isBehind(id: MemberId): boolean {
    const { replica } = this.#ensemble.member(id);
    return replica === undefined || replica.status.commitIndex + 5 < this.#invariants.committedIndex;
  }

  #oneOf<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : list[this.#random.below(list.length)];
  }

  #some<T>(list: readonly T[], count: number): T[] {
    const left = [...list];
    const some: T[] = [];
    while (some.length < count && left.length > 0) some.push(...left.splice(this.#random.below(left.length), 1));
    return some;
  }
}
