// The duty of raising the feature level (state/feature-level.ts), as far as a model of this member needs it: once each
// member of the configuration is connected and runs a program that understands the level. An ensemble of which one member
// is away, or old, waits.

import type { Logger } from "../../base/logger.ts";
import type { MemberId } from "../../consensus/raft/types.ts";
import { encodeRaiseLevel } from "../../state/feature-level.ts";
import type { Machine } from "../../state/machine.ts";
import { levelOfWireVersion } from "../feature-levels.ts";
import type { Encode, LeaderDuty, LeaderView } from "./duty.ts";

const NOTHING: readonly Encode[] = [];

export class FeatureLevelDuty implements LeaderDuty {
  readonly name = "feature level";
  readonly #machine: Machine;
  readonly #logger: Logger;
  /** What this leader asked for in this term: once is enough. */
  #asked = 0;

  constructor(machine: Machine, logger: Logger) {
    this.#machine = machine;
    this.#logger = logger;
  }

  due(view: LeaderView): readonly Encode[] {
    const { level, levelWanted } = this.#machine;
    if (levelWanted <= level || view.isChangingMembership) return NOTHING;
    const understood = view.configuration.members.map(({ id }) => levelOf(view, id));
    const next = Math.min(levelWanted, ...understood);
    if (next <= level || next <= this.#asked) return NOTHING;
    this.#asked = next;
    this.#logger.info(`the feature level is raised from ${level} to ${next}: every member understands it`);
    return [(writer) => encodeRaiseLevel(writer, next)];
  }

  reset(): void {
    this.#asked = 0;
  }
}

/** The highest level that a member's program understands; 0 while it is not connected. */
function levelOf(view: LeaderView, member: MemberId): number {
  const version = view.versionOf(member);
  return version === null ? 0 : levelOfWireVersion(version);
}
