// All duties of the leader, asked one after the other at each tick, and each at its own interval. What they return is
// proposed in the leader's name.

import type { Clock } from "../../base/clock.ts";
import type { Configuration, MemberId, MemberProgress, MemberRecord } from "../../consensus/raft/types.ts";
import type { Machine } from "../../state/machine.ts";
import type { ConsensusLoop } from "../consensus-loop.ts";
import type { LeaderRounds } from "../leader-rounds.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { PeerLink } from "../peer-link.ts";
import type { LeaderDuty, LeaderView } from "./duty.ts";

export interface LeaderDutiesParts {
  readonly machine: Machine;
  readonly loop: ConsensusLoop;
  readonly rounds: LeaderRounds;
  readonly link: PeerLink;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
}

export class LeaderDuties {
  readonly #duties: readonly LeaderDuty[];
  readonly #parts: LeaderDutiesParts;
  readonly #view: View;

  constructor(duties: readonly LeaderDuty[], parts: LeaderDutiesParts) {
    this.#duties = duties;
    this.#parts = parts;
    this.#view = new View(parts);
  }

  /** Begins the clocks of those duties that have one: an interval may be shorter than a tick. */
  start(): void {
    const { lifecycle, clock } = this.#parts;
    for (const duty of this.#duties) {
      if (duty.intervalMs !== undefined) lifecycle.every(clock, duty.intervalMs, () => this.#onInterval(duty));
    }
  }

  #onInterval(duty: LeaderDuty): void {
    duty.onInterval?.();
    this.#ask(duty);
  }

  tick(): void {
    for (const duty of this.#duties) this.#ask(duty);
  }

  #ask(duty: LeaderDuty): void {
    const { loop, rounds } = this.#parts;
    const { raft } = loop;
    if (raft.role !== "leader" || !raft.canPropose) return;
    const commands = duty.due(this.#view);
    if (commands.length === 0) return;
    rounds.proposeOwn(commands);
    duty.onProposed?.(raft.lastIndex);
  }

  /** Another role or term. */
  reset(): void {
    for (const duty of this.#duties) duty.reset();
  }
}

class View implements LeaderView {
  readonly #parts: LeaderDutiesParts;

  constructor(parts: LeaderDutiesParts) {
    this.#parts = parts;
  }

  get now(): number {
    return this.#parts.clock.now();
  }

  get wall(): number {
    return this.#parts.clock.wall();
  }

  get appliedIndex(): number {
    return this.#parts.machine.appliedIndex;
  }

  get configuration(): Configuration {
    return this.#parts.loop.raft.configuration;
  }

  get isChangingMembership(): boolean {
    return this.#parts.loop.raft.isChangingMembership;
  }

  progress(): ReadonlyMap<MemberId, MemberProgress> {
    return this.#parts.loop.raft.progress;
  }

  versionOf(member: MemberId): number | null {
    return this.#parts.link.versionOf(member);
  }

  changeMembership(members: readonly MemberRecord[], isReconfiguration: boolean): void {
    this.#parts.loop.submit({ kind: "change-membership", members, isReconfiguration });
  }
}
