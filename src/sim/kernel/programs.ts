// Which program each machine runs: this one, or the version before it, which understands no feature level. Machines go over to this one
// while faults happen, and some go back. An operator may do that only as long as the ensemble cannot have raised its level.

import { FEATURE_LEVEL } from "../../state/feature-level.ts";
import type { SimulatedEnsemble } from "./ensemble.ts";
import { OLDER_LEVEL, type SimulatedMember } from "./member.ts";

function isOlder({ programLevel }: SimulatedMember): boolean {
  return programLevel < FEATURE_LEVEL;
}

export class Programs {
  readonly #ensemble: SimulatedEnsemble;
  /** Machines that have run nothing but the older program: while one of them is a member, the level stays. */
  readonly #neverUpgraded: Set<SimulatedMember>;

  constructor(ensemble: SimulatedEnsemble) {
    this.#ensemble = ensemble;
    this.#neverUpgraded = new Set(ensemble.members.filter(isOlder));
  }

  get older(): readonly SimulatedMember[] {
    return this.#ensemble.members.filter(isOlder);
  }

  /** Those that may go back: a founder that was never upgraded is a member, for no member has left yet. */
  mayGoBack(haveMembersChanged: boolean): readonly SimulatedMember[] {
    const founders = this.#ensemble.members.slice(0, this.#ensemble.options.members);
    const isHeldBack = !haveMembersChanged && founders.some((member) => this.#neverUpgraded.has(member));
    return isHeldBack ? this.#ensemble.members.filter((member) => !isOlder(member)) : [];
  }

  /** A process that runs ends, and starts again as the other program. */
  change(member: SimulatedMember): void {
    this.#neverUpgraded.delete(member);
    member.programLevel = isOlder(member) ? FEATURE_LEVEL : OLDER_LEVEL;
    if (member.isUp) void member.restart();
  }

  upgradeAll(): void {
    for (const member of this.older) this.change(member);
  }
}
