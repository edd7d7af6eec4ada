// Grows an ensemble through the members' files, as operators do without reconfiguration. Every machine's file lists more
// members, the new machines are started, and the old ones are restarted one by one. A member that stands alone grows in the
// same way.

import type { Random } from "../../base/random.ts";
import type { Configuration, MemberId } from "../../consensus/raft/types.ts";
import type { DiskDamage } from "./disk-damage.ts";
import { fileOf, type SimulatedEnsemble } from "./ensemble.ts";
import type { MemberInvariants } from "./member-invariants.ts";

/** The ticks of the protocol within which all members are restarted with their new file. */
const ROLLS_WITHIN_TICKS = 8;

export interface FileGrowthOptions {
  readonly random: Random;
  readonly ensemble: SimulatedEnsemble;
  readonly invariants: MemberInvariants;
  readonly damage: DiskDamage;
  /** The numbers of members that the files list, one after the other. */
  readonly sizes: readonly number[];
  readonly tickTimeMs: number;
}

export class FileGrowth {
  readonly #options: FileGrowthOptions;
  readonly #sizes: number[];
  /** The members that the files list now; empty until they were changed. */
  #listed: readonly MemberId[] = [];
  #restarts = 0;

  constructor(options: FileGrowthOptions) {
    this.#options = options;
    this.#sizes = [...options.sizes];
  }

  /** Whether all members run with their newest file, and the ensemble has all members that it lists. */
  get isDone(): boolean {
    const { configuration } = this.#options.invariants;
    const isIn = (id: MemberId): boolean => configuration?.members.some((member) => member.id === id) ?? false;
    return this.#restarts === 0 && this.#listed.every(isIn);
  }

  /** Begins the next step and describes it; null: there is none now. */
  begin(): string | null {
    const { ensemble, invariants, damage } = this.#options;
    const { configuration } = invariants;
    if (configuration === null || configuration.outgoing.length > 0 || !this.isDone) return null;
    const size = this.#sizes.shift();
    if (size === undefined) return null;
    this.#listed = Array.from({ length: size }, (_, i) => i + 1);
    const file = fileOf(this.#listed);
    damage.isChanging = true;
    for (const id of this.#listed) {
      damage.expect(id);
      ensemble.member(id).file = file;
      this.#restartSoon(id);
    }
    return `the files list members ${this.#listed.join()}`;
  }

  #restartSoon(id: MemberId): void {
    const { ensemble, random, tickTimeMs } = this.#options;
    this.#restarts++;
    ensemble.time.after((tickTimeMs * random.below(1000 * ROLLS_WITHIN_TICKS)) / 1000, () => {
      this.#restarts--;
      void ensemble.member(id).restart();
    });
  }

  /**
   * Whether these members can decide, as far as files matter. A member that stood alone never leads while its file lists others. So until
   * it is one of several, all members of the file have to be there.
   */
  allows(present: readonly { readonly id: MemberId }[], configurations: readonly Configuration[]): boolean {
    const isAlone = ({ members }: Configuration): boolean =>
      members.filter(({ role }) => role === "voter").length === 1;
    if (!configurations.some(isAlone)) return true;
    return this.#listed.every((id) => present.some((member) => member.id === id));
  }
}
