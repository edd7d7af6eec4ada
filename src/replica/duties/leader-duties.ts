// All duties of the leader, asked one after the other at each tick, and each at its own interval. What they return is
// proposed in the leader's name.

import type { Configuration, MemberId, MemberProgress, MemberRecord } from "../../consensus/raft/types.ts";
import type { Machine } from "../../state/machine.ts";
import type { ConsensusLoop } from "../consensus-loop.ts";
import type { LeaderRounds } from "../leader-rounds.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { PeerLink } from "../peer-link.ts";
import type { Clock } from "../ports.ts";
import type { LeaderDuty, LeaderView } from "./duty.ts";

export class LeaderDuties {
  readonly #duties: readonly LeaderDuty[];
  readonly #view: View;
  readonly #loop: ConsensusLoop;
  readonly #rounds: LeaderRounds;
  readonly #clock: Clock;
  readonly #lifecycle: Lifecycle;

  constructor(
    duties: readonly LeaderDuty[],
    machine: Machine,
    loop: ConsensusLoop,
    link: PeerLink,
    rounds: LeaderRounds,
    clock: Clock,
    lifecycle: Lifecycle,
  ) {
    this.#duties = duties;
    this.#view = new View(machine, loop, link, clock);
    this.#loop = loop;
    this.#rounds = rounds;
    this.#clock = clock;
    this.#lifecycle = lifecycle;
  }

  /** Begins the clocks of those duties that have one: an interval may be shorter than a tick. */
  start(): void {
    for (const duty of this.#duties) {
      if (duty.intervalMs !== undefined)
        this.#lifecycle.every(this.#clock, duty.intervalMs, () => this.#onInterval(duty));
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
    const { raft } = this.#loop;
    if (raft.role !== "leader" || !raft.canPropose) return;
    const commands = duty.due(this.#view);
    if (commands.length === 0) return;
    this.#rounds.proposeOwn(commands);
    duty.onProposed?.(raft.lastIndex);
  }

  /** Another role or term. */
  reset(): void {
    for (const duty of this.#duties) duty.reset();
  }
}

class View implements LeaderView {
  readonly #machine: Machine;
  readonly #loop: ConsensusLoop;
  readonly #link: PeerLink;
  readonly #clock: Clock;

  constructor(machine: Machine, loop: ConsensusLoop, link: PeerLink, clock: Clock) {
    this.#machine = machine;
    this.#loop = loop;
    this.#link = link;
    this.#clock = clock;
  }

  get now(): number {
    return this.#clock.now();
  }

  get wall(): number {
    return this.#clock.wall();
  }

  get appliedIndex(): number {
    return this.#machine.appliedIndex;
  }

  get configuration(): Configuration {
    return this.#loop.raft.configuration;
  }

  get isChangingMembership(): boolean {
    return this.#loop.raft.isChangingMembership;
  }

  progressOf(member: MemberId): MemberProgress | null {
    return this.#loop.raft.progress.get(member) ?? null;
  }

  versionOf(member: MemberId): number | null {
    return this.#link.versionOf(member);
  }

  changeMembership(members: readonly MemberRecord[], isReconfiguration: boolean): void {
    this.#loop.submit({ kind: "change-membership", members, isReconfiguration });
  }
}
