// The phases without faults, and what each must achieve. While the faults pause, a leader is elected. Then a majority serves
// all clients. Then all members come together. In the end all states are equal.

import type { Random } from "../base/random.ts";
import { isOfOlderForm, memberDescribed } from "../state/membership/description.ts";
import { MembershipModel } from "../state/membership/model.ts";
import type { ClientNetwork } from "./kernel/client-network.ts";
import type { SimulatedEnsemble } from "./kernel/ensemble.ts";
import type { SimulatedMember } from "./kernel/member.ts";
import type { MemberInvariants } from "./kernel/member-invariants.ts";
import type { Nemesis } from "./kernel/nemesis.ts";
import type { SimulationParameters } from "./kernel/parameters.ts";
import type { Recovery } from "./kernel/recovery.ts";
import type { Workload } from "./kernel/workload.ts";

/** What recovery may take, in ticks of the protocol: elections, snapshots, a joint change, and clients that come back. */
const MAJORITY_RECOVERS_WITHIN_TICKS = 60;
const ALL_RECOVER_WITHIN_TICKS = 120;
const SNAPSHOTS_TAKEN_WITHIN_TICKS = 20;

export interface RecoveryPhasesOptions {
  readonly parameters: SimulationParameters;
  readonly random: Random;
  readonly ensemble: SimulatedEnsemble;
  readonly network: ClientNetwork;
  readonly workloads: readonly Workload[];
  readonly invariants: MemberInvariants;
  readonly nemesis: Nemesis;
  readonly recovery: Recovery;
  readonly note: (what: string) => void;
}

export class RecoveryPhases {
  readonly #parameters: SimulationParameters;
  readonly #random: Random;
  readonly #ensemble: SimulatedEnsemble;
  readonly #network: ClientNetwork;
  readonly #workloads: readonly Workload[];
  readonly #invariants: MemberInvariants;
  readonly #nemesis: Nemesis;
  readonly #recovery: Recovery;
  readonly #note: (what: string) => void;

  constructor(options: RecoveryPhasesOptions) {
    this.#parameters = options.parameters;
    this.#random = options.random;
    this.#ensemble = options.ensemble;
    this.#network = options.network;
    this.#workloads = options.workloads;
    this.#invariants = options.invariants;
    this.#nemesis = options.nemesis;
    this.#recovery = options.recovery;
    this.#note = options.note;
  }

  get #isBroken(): boolean {
    return this.#invariants.violations.length > 0;
  }

  /** In the middle of the faults: whatever was asked for and went wrong before, one member leads once all are there. */
  async pauseFaults(): Promise<void> {
    this.#note("the faults pause");
    const { damage } = this.#nemesis;
    this.#nemesis.pause();
    this.#ensemble.heal();
    this.#recovery.quietNetwork();
    for (const member of this.#ensemble.members) if (damage.mayStart(member)) this.#recovery.repair(member);
    if (await this.#recovery.aftermath(() => this.#isBroken)) await this.#checkLeader("while the faults pause");
    damage.isChanging = !this.#isSettled();
    this.#recovery.end();
    this.#nemesis.goOn();
    this.#note("the faults go on");
  }

  async #checkLeader(when: string): Promise<void> {
    if (await this.#recovery.leads(() => this.#isBroken)) return;
    this.#invariants.violate("a leader is elected", `nobody leads and writes ${when}: ${this.#state()}`);
  }

  /** No change of members is under way or asked for, as far as anybody knows. */
  #isSettled(): boolean {
    const { growth, hasReconfigured } = this.#nemesis;
    if (!growth.isDone && !hasReconfigured) return false;
    const up = this.#ensemble.members.flatMap(({ replica }) => (replica === undefined ? [] : [replica]));
    return up.every(
      ({ machine, status }) =>
        machine.model(MembershipModel).pending === null && status.configuration.outgoing.length === 0,
    );
  }

  // ------------------------------------------------------------------------------------------------------ a majority

  /** A majority that is whole and hears each other serves its clients, whatever became of the others. */
  async recoverMajority(): Promise<void> {
    const chosen = this.#drawMajority();
    const names = chosen.map(({ id }) => id).join();
    this.#note(`all faults end for members ${names}`);
    this.#ensemble.heal();
    this.#network.heal();
    for (const outside of this.#ensemble.members.filter((member) => !chosen.includes(member))) {
      for (const inside of chosen) {
        this.#ensemble.network.cut(outside.id, inside.id);
        this.#ensemble.network.cut(inside.id, outside.id);
      }
    }
    for (const member of chosen) this.#recovery.repair(member);
    this.#recovery.quietNetwork();
    const isServed = this.#serveOnce(chosen);
    if (await this.#within(() => this.#isBroken || isServed(), MAJORITY_RECOVERS_WITHIN_TICKS)) return;
    // A leader that began to change who belongs, before it noticed who is out of reach, needs a majority of those, too.
    if (!this.#isMajority(chosen)) this.#note("a change of members was under way that needs others as well");
    else this.#invariants.violate("recovery", `members ${names} did not serve all clients: ${this.#state()}`);
  }

  /** At random: all voters that are well but for as many as can be missed. Before there is a configuration: everyone. */
  #drawMajority(): readonly SimulatedMember[] {
    const { members } = this.#ensemble;
    const isFounder = ({ id }: SimulatedMember): boolean => id <= this.#parameters.members;
    if (this.#invariants.configuration === null) return members.filter(isFounder);
    let chosen = members.filter((member) => member.isUp || !member.disk.isBlank || isFounder(member));
    for (const member of this.#shuffled(chosen)) {
      const less = chosen.filter((other) => other !== member);
      if (this.#random.chance(0.5) && this.#isMajority(less)) chosen = less;
    }
    return chosen;
  }

  /** Whether these can decide without the others, whatever configuration they go by. */
  #isMajority(chosen: readonly SimulatedMember[]): boolean {
    const { damage } = this.#nemesis;
    const isPresent = (id: number): boolean => chosen.some((member) => member.id === id) && damage.isWell(id);
    const configurations = this.#invariants.configurationsInForce(chosen);
    if (!this.#nemesis.growth.allows(chosen, configurations)) return false;
    return configurations
      .flatMap(({ members, outgoing }) => [members, outgoing])
      .map((list) => list.filter(({ role }) => role === "voter"))
      .every((voters) => voters.length === 0 || voters.filter(({ id }) => isPresent(id)).length * 2 > voters.length);
  }

  #shuffled<T>(list: readonly T[]): T[] {
    const result = [...list];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.#random.below(i + 1);
      [result[i], result[j]] = [result[j]!, result[i]!];
    }
    return result;
  }

  /** Every client that is left has one more fresh answer; clients can only reach these members. */
  #serveOnce(members: readonly SimulatedMember[]): () => boolean {
    const outside = this.#ensemble.members.filter((member) => !members.includes(member));
    for (const { clients } of this.#workloads) {
      for (const { id } of clients) for (const member of outside) this.#network.cut(id, member.id);
    }
    const { vanished } = this.#nemesis;
    const served = this.#workloads.map((workload) => workload.serveOnce((client) => vanished.has(client)));
    return () => served.every((isServed) => isServed());
  }

  // --------------------------------------------------------------------------------------------------------- all

  async recoverAll(): Promise<void> {
    this.#note("all faults end");
    this.#ensemble.heal();
    this.#network.heal();
    this.#nemesis.programs.upgradeAll();
    for (const member of this.#ensemble.members) {
      if (member.isUp || this.#nemesis.damage.mayStart(member)) this.#recovery.repair(member);
    }
    const isBroken = (): boolean => this.#isBroken;
    if (await this.#recovery.aftermath(isBroken)) await this.#checkLeader("after the faults");
    const isDone = (): boolean => this.#isBroken || (this.#isWhole() && this.#areVanishedForgotten());
    if (!(await this.#within(isDone, ALL_RECOVER_WITHIN_TICKS))) {
      this.#invariants.violate("recovery", `the members did not all come together again: ${this.#state()}`);
    }
    if (this.#isBroken) return;
    await this.#takeSnapshots();
    const isServed = this.#serveOnce(this.#ensemble.members);
    if (!(await this.#within(() => this.#isBroken || isServed(), MAJORITY_RECOVERS_WITHIN_TICKS))) {
      this.#invariants.violate("recovery", `not all clients were served in the end: ${this.#state()}`);
    }
  }

  /** Nothing that came before keeps a member from taking a snapshot. */
  async #takeSnapshots(): Promise<void> {
    let waiting = 0;
    for (const { id, replica } of this.#ensemble.members) {
      if (replica === undefined) continue;
      waiting++;
      replica.takeSnapshotNow().then(
        () => waiting--,
        (error: Error) => this.#invariants.violate("snapshots are taken", `member ${id} takes none: ${error.message}`),
      );
    }
    if (await this.#within(() => this.#isBroken || waiting === 0, SNAPSHOTS_TAKEN_WITHIN_TICKS)) return;
    this.#invariants.violate("snapshots are taken", `${waiting} members do not come to the end of theirs`);
  }

  /** One leads at the highest level, everyone belongs whom the files list, all are there that the ensemble counts on, and nobody is a learner who should vote. */
  #isWhole(): boolean {
    const { growth, hasReconfigured } = this.#nemesis;
    if (!growth.isDone && !hasReconfigured) return false;
    const leader = this.#ensemble.leader()?.replica;
    if (leader === undefined) return false;
    const { commitIndex, lastIndex, configuration } = leader.status;
    const { level, levelMax } = leader.machine;
    if (commitIndex !== lastIndex || configuration.outgoing.length > 0 || level < levelMax) return false;
    if (configuration.members.some(({ description }) => isOfOlderForm(description, level))) return false;
    return configuration.members.every(({ id, role, incarnation, description }) => {
      const member = this.#ensemble.member(id);
      const status = member.replica?.status;
      if (status === undefined || status.leader !== leader.id || status.appliedIndex !== commitIndex) return false;
      if (memberDescribed(id, description).wantedRole === "learner") return role === "learner";
      return role === "voter" && incarnation === member.incarnation;
    });
  }

  /** Whoever went without a word is not remembered for ever. */
  #areVanishedForgotten(): boolean {
    const vanished = [...this.#nemesis.vanished];
    return this.#workloads.every((workload) => vanished.every((client) => workload.isForgotten(client)));
  }

  #within(condition: () => boolean, ticks: number): Promise<boolean> {
    return this.#ensemble.time.runUntil(condition, ticks * this.#parameters.tickTimeMs);
  }

  /** What is judged when all is over: what clients saw, and that all states are equal, and the reference models'. */
  checkEnd(): void {
    for (const workload of this.#workloads) workload.checkEnd();
    const states = new Map<number, string>();
    for (const member of this.#ensemble.members) {
      this.#invariants.compareWithReference(member);
      const machine = member.replica?.machine;
      if (machine === undefined) continue;
      const hash = machine.hash();
      const other = states.get(machine.appliedIndex);
      if (other !== undefined && other !== hash) {
        this.#invariants.violate("equal states", `member ${member.id} ends in another state`);
      }
      states.set(machine.appliedIndex, hash);
    }
  }

  /** For people: what each member does. */
  #state(): string {
    return this.#ensemble.members
      .map(({ id, isUp, replica, fatal }) => {
        if (replica === undefined)
          return `${id} ${isUp ? "starting" : `down${fatal === null ? "" : ` (${fatal.message})`}`}`;
        const { role, term, leader, commitIndex, lastIndex, appliedIndex } = replica.status;
        return `${id} ${role} of ${leader} in term ${term}, log ${lastIndex}, commit ${commitIndex}, applied ${appliedIndex}`;
      })
      .join("; ");
  }
}
