// Which disks may be damaged: never so many that an acknowledged write could be lost on all of them. It records what was done
// to each disk, and for which reasons its member may stop.

import type { MemberId } from "../../consensus/raft/types.ts";
import type { SimulatedEnsemble } from "./ensemble.ts";
import type { SimulatedMember } from "./member.ts";
import type { MemberInvariants } from "./member-invariants.ts";
import type { ObservedMember } from "./observer.ts";

export class DiskDamage {
  /** A change of members was requested, or files were changed, and the result is not known yet. */
  isChanging = false;
  /** Disks that were damaged and not read since. */
  readonly #damaged = new Set<MemberId>();
  /** Disks that were wiped. */
  readonly #wiped = new Set<MemberId>();
  /** Members whose disk was ever made to fail, fill up or return wrong bytes. They may stop by themselves, with the reason. */
  readonly #troubled = new Set<MemberId>();
  readonly #ensemble: SimulatedEnsemble;
  readonly #invariants: MemberInvariants;
  /** The founders, and the members that files list by now. They are started, whatever their disks hold. */
  readonly #expected: Set<MemberId>;

  constructor(ensemble: SimulatedEnsemble, invariants: MemberInvariants, founders: number) {
    this.#ensemble = ensemble;
    this.#invariants = invariants;
    this.#expected = new Set(Array.from({ length: founders }, (_, i) => i + 1));
  }

  expect(id: MemberId): void {
    this.#expected.add(id);
  }

  noteTrouble(id: MemberId): void {
    this.#troubled.add(id);
  }

  noteDamage(id: MemberId): void {
    this.#troubled.add(id);
    this.#damaged.add(id);
  }

  /** A member has read its disk, so it knows of the damage. */
  noteOpened(id: MemberId): void {
    this.#damaged.delete(id);
  }

  /** Whether its disk holds everything that the ensemble relies on. */
  isWell(id: MemberId): boolean {
    const record = this.#invariants.configuration?.members.find((member) => member.id === id);
    const { incarnation } = this.#ensemble.member(id);
    return record?.role === "voter" && record.incarnation === incarnation && !this.#damaged.has(id);
  }

  /** Whether a member may be started. A spare waits until it is asked to join. Damage does not matter for a member that has left. */
  mayStart({ id, disk }: SimulatedMember): boolean {
    return this.#expected.has(id) || !disk.isBlank || this.isListed(id);
  }

  isListed(id: MemberId): boolean {
    return this.#invariants.configuration?.members.some((member) => member.id === id) ?? false;
  }

  /**
   * Whether its disk may be damaged: only if the remaining disks still hold everything for a majority of the voters of every configuration
   * in use, and no change of members is under way or requested.
   */
  mayDamage({ id: damaged }: SimulatedMember): boolean {
    if (this.#invariants.configuration === null || this.isChanging) return false;
    const configurations = this.#invariants.configurationsInForce(this.#ensemble.members);
    if (configurations.some(({ outgoing }) => outgoing.length > 0)) return false;
    return configurations.every(({ members }) => {
      const voters = members.filter(({ role }) => role === "voter");
      const unwell = voters.filter(({ id }) => id === damaged || !this.isWell(id)).length;
      return unwell * 2 < voters.length;
    });
  }

  /** False: this disk may not be wiped now. */
  wipe(member: SimulatedMember): boolean {
    if (this.#wouldFound(member.id)) return false;
    this.#wiped.add(member.id);
    member.wipe();
    return true;
  }

  /**
   * Whether after the wipe nobody would remember the ensemble, so that they would found another. Members that have left count as well,
   * because they start with the configuration that they were given first.
   */
  #wouldFound(id: MemberId): boolean {
    const remembers = (other: MemberId): boolean => other !== id && (!this.#wiped.has(other) || this.isWell(other));
    return this.#expected.has(id) && ![...this.#expected].some(remembers);
  }

  /** Whether a member may stop with this error, after what was done to its disk. */
  explains(member: ObservedMember, error: Error): boolean {
    return this.#troubled.has(member.id) && isOfTheDisk(member, error);
  }
}

/** A full disk must not end a member that runs, but a member may refuse to begin on one. */
function isOfTheDisk(member: ObservedMember, error: Error): boolean {
  const { code } = error as { readonly code?: string };
  return code === "EIO" || code === "damaged" || (code === "ENOSPC" && !member.hasOpened);
}
