// The duty of bringing the ensemble's members to what the log, the file and the disks say: one step at a time, each when
// the one before it is committed (membership.ts decides which). A reconfiguration whose voters do not answer is given up.

import type { Logger } from "../../base/logger.ts";
import type { MemberRecord } from "../../consensus/raft/types.ts";
import type { Machine } from "../../state/machine.ts";
import { encodeEndReconfig } from "../../state/tree/commands.ts";
import { TreeModel } from "../../state/tree/model.ts";
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
  /** The zxid of the reconfiguration that this leader gave up in this term. */
  #givenUp: number | null = null;

  constructor(machine: Machine, options: ReconfigurationOptions, logger: Logger) {
    this.#machine = machine;
    this.#options = options;
    this.#logger = logger;
  }

  due(view: LeaderView): readonly Encode[] {
    if (view.isChangingMembership) return NOTHING;
    const pending = this.#machine.model(TreeModel).tree.pending;
    const { listed } = this.#options;
    const progress = view.progress();
    const step = nextMembershipStep(view.configuration, pending, (id) => progress.get(id) ?? null, listed);
    if (step?.kind === "give-up") return this.#giveUp(step);
    this.#ticksWithoutVoters = 0;
    if (step !== null) {
      this.#logger.info(step.why);
      view.changeMembership(step.members, step.isReconfiguration === true);
    }
    return NOTHING;
  }

  #giveUp({ zxid, code }: GiveUp): readonly Encode[] {
    if (++this.#ticksWithoutVoters < this.#options.patienceTicks || this.#givenUp === zxid) return NOTHING;
    this.#givenUp = zxid;
    return [(writer) => encodeEndReconfig(writer, zxid, code)];
  }

  reset(): void {
    this.#givenUp = null;
    this.#ticksWithoutVoters = 0;
  }
}

type GiveUp = NonNullable<ReturnType<typeof nextMembershipStep>> & { readonly kind: "give-up" };

const NOTHING: readonly Encode[] = [];
