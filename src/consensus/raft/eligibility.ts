// What this member may take part in, according to its log, its file and its disk: founding an ensemble, campaigning, leading
// alone. These are pure questions; nothing here changes state.

import { namesVoter } from "./configuration.ts";
import { type Founding, isOutgrown, type Standing, standingOf, voterIds } from "./founding.ts";
import type { RaftLog } from "./log.ts";
import type { MemberRecord, RaftOptions } from "./types.ts";

export class Eligibility {
  readonly #options: RaftOptions;
  readonly #log: RaftLog;

  constructor(options: RaftOptions, log: RaftLog) {
    this.#options = options;
    this.#log = log;
  }

  /** The members of its file; without a file, those that its log names. */
  get listed(): readonly MemberRecord[] {
    return this.#options.listed ?? this.#log.configuration.members;
  }

  /** It remembers nothing, and that is its beginning: see founding.ts. */
  get isBlank(): boolean {
    return this.#options.mayFound !== false && this.#log.lastIndex === 0 && this.#log.configuration.cluster === 0;
  }

  /** Its log has no other voter, and its file has: it leads the ensemble of the file or none. */
  get isOutgrown(): boolean {
    return isOutgrown(this.#log.configuration, this.listed, this.#options.id);
  }

  /** It would begin an ensemble, or bring its log into the one of its file. */
  get isFounder(): boolean {
    return this.isBlank || this.isOutgrown;
  }

  /** A configuration in this member's own log names its present incarnation a voter: it votes, and it counts. */
  get hasJoined(): boolean {
    return namesVoter(this.#log.configuration, this.#options.id, this.#options.incarnation);
  }

  get mayCampaign(): boolean {
    const { id, incarnation } = this.#options;
    if (this.isFounder) return voterIds(this.listed).includes(id);
    // One whom the latest configuration leaves out may hold the only copy of it: until it is committed, the others may not
    // be able to elect anyone else (thesis §4.2.2; pitfall 18).
    return this.#log.uncertainConfigurations().some((configuration) => namesVoter(configuration, id, incarnation));
  }

  /** The only voter: it needs nobody's consent and waits for nobody. */
  get isAlone(): boolean {
    const { members, outgoing } = this.#log.configuration;
    return (
      outgoing.length === 0 &&
      !this.isOutgrown &&
      members.every((member) => (member.role === "voter") === (member.id === this.#options.id)) &&
      members.some((member) => member.id === this.#options.id)
    );
  }

  /** What it would found, if it campaigned now; null: nothing, it belongs to an ensemble. */
  get foundingToBe(): Founding | null {
    if (!this.isFounder) return null;
    return { voters: voterIds(this.listed), cluster: this.#log.configuration.cluster };
  }

  /** What it is to another's founding; null: none was asked for. */
  standingIn(founding: Founding | null): Standing | null {
    if (founding === null) return null;
    const { configuration, lastIndex } = this.#log;
    const mayFound = this.#options.mayFound !== false;
    return standingOf({ configuration, lastIndex, mayFound, listed: this.listed }, founding);
  }
}
