// The duty of changing the members to what the log, the file and the disks say. It takes one step at a time, each after the
// last one is committed (membership.ts decides which). It gives a reconfiguration up whose voters do not answer.

import type { Logger } from "../../base/logger.ts";
import type { MemberId, MemberRecord } from "../../consensus/raft/types.ts";
import type { Machine } from "../../state/machine.ts";
import { encodeGiveUp, MEMBERSHIP_LEVEL } from "../../state/membership/commands.ts";
import { MembershipModel } from "../../state/membership/model.ts";
import { encodeEndReconfig } from "../../state/tree/commands.ts";
import type { Encode, LeaderDuty, LeaderView } from "./duty.ts";
import { nextMembershipStep } from "./membership.ts";

export interface ReconfigurationOptions {
  /** The members as this member's file lists them. */
  readonly listed: readonly MemberRecord[] | undefined;
  /** So many ticks a reconfiguration's voters may be silent: a new leader has yet to hear from them all. */
  readonly patienceTicks: number;
}

export class ReconfigurationDuty implements LeaderDuty {
  readonly name = "reconfiguration";
  readonly #machine: Machine;
  readonly #options: ReconfigurationOptions;
  readonly #logger: Logger;
  #ticksWithoutVoters = 0;
  /** The number of the change that this leader gave up in this term. */
  #givenUp: number | null = null;

  constructor(machine: Machine, options: ReconfigurationOptions, logger: Logger) {
    this.#machine = machine;
    this.#options = options;
    this.#logger = logger;
  }

  due(view: LeaderView): readonly Encode[] {
    if (view.isChangingMembership) return NOTHING;
    const { pending } = this.#machine.model(MembershipModel);
    const { listed } = this.#options;
    const { configuration } = view;
    const { level } = this.#machine;
    const progress = view.progress();
    const seen = (id: MemberId) => progress.get(id) ?? null;
    const step = nextMembershipStep({ configuration, pending, view: seen, listed, level });
    if (step?.kind === "give-up") return this.#giveUp(step.id, level);
    this.#ticksWithoutVoters = 0;
    if (step !== null) {
      this.#logger.info(step.why);
      view.changeMembership(step.members, step.isReconfiguration === true);
    }
    return NOTHING;
  }

  /** Below the level of the membership's commands the tree's says the same. */
  #giveUp(id: number, level: number): readonly Encode[] {
    if (++this.#ticksWithoutVoters < this.#options.patienceTicks || this.#givenUp === id) return NOTHING;
    this.#givenUp = id;
    if (level >= MEMBERSHIP_LEVEL) return [(writer) => encodeGiveUp(writer, id)];
    return [(writer) => encodeEndReconfig(writer, id, "new-configuration-no-quorum")];
  }

  reset(): void {
    this.#givenUp = null;
    this.#ticksWithoutVoters = 0;
  }
}

const NOTHING: readonly Encode[] = [];
