// Which disks may be damaged: never so many that an acknowledged write could be lost on all of them. It records what was done
// to each disk, and for which reasons its member may stop.

import type { MemberId } from "../../consensus/raft/types.ts";
import type { SimulatedEnsemble } from "./ensemble.ts";
import type { SimulatedMember } from "./member.ts";
import type { MemberInvariants } from "./member-invariants.ts";
import type { ObservedMember } from "./observer.ts";

export class DiskDamage {
  /** Other members were asked for, or their files changed, and nobody knows yet what came of it. */
  isChanging = false;
  /** Disks that were damaged and not read since. */
  readonly #damaged = new Set<MemberId>();
  /** Disks that were lost whole. */
  readonly #wiped = new Set<MemberId>();
  /** Members whose disk was ever made to fail, fill up or lie: they may stop by themselves, saying why. */
  readonly #troubled = new Set<MemberId>();
  readonly #ensemble: SimulatedEnsemble;
  readonly #invariants: MemberInvariants;
  /** Members that found the ensemble, or that files list by now: they are started, whatever their disks hold. */
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

  /** A member has read its disk, and knows what it is worth. */
  noteOpened(id: MemberId): void {
    this.#damaged.delete(id);
  }

  /** Whether its disk holds what the ensemble counts on it to hold. */
  isWell(id: MemberId): boolean {
    const record = this.#invariants.configuration?.members.find((member) => member.id === id);
    const { incarnation } = this.#ensemble.member(id);
    return record?.role === "voter" && record.incarnation === incarnation && !this.#damaged.has(id);
  }

  /** A spare has nothing to do before it is asked to join; what was damaged does not matter to who is no member. */
  mayStart({ id, disk }: SimulatedMember): boolean {
    return this.#expected.has(id) || !disk.isBlank || this.isListed(id);
  }

  isListed(id: MemberId): boolean {
    return this.#invariants.configuration?.members.some((member) => member.id === id) ?? false;
  }

  /**
   * Only where the disks that are left hold everything: a majority of the voters of every configuration that some member
   * goes by; and not while the ensemble changes, or may be about to.
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

  /** False: it may not be lost whole. */
  wipe(member: SimulatedMember): boolean {
    if (this.#wouldFound(member.id)) return false;
    this.#wiped.add(member.id);
    member.wipe();
    return true;
  }

  /**
   * Whether it would make all of them forget that there was an ensemble: they would begin another. Members that have left
   * count as well, for they start with the configuration that they were given at first.
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

/** A full disk is nothing to end for, but nothing to begin on either. */
function isOfTheDisk(member: ObservedMember, error: Error): boolean {
  const { code } = error as { readonly code?: string };
  return code === "EIO" || code === "damaged" || (code === "ENOSPC" && !member.hasOpened);
}
