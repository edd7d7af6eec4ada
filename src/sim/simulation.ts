// One seed: a whole ensemble with clients under faults, then a recovery phase without faults. Everything is decided
// by the seed, so that a story that ends badly can be told again, word for word.

import { type Random, seededRandom } from "../base/random.ts";
import { declaredRole } from "../state/tree/ensemble.ts";
import { TreeModel } from "../state/tree/model.ts";
import { ClientNetwork } from "./kernel/client-network.ts";
import { RAFT, SimulatedEnsemble } from "./kernel/ensemble.ts";
import type { SimulatedMember } from "./kernel/member.ts";
import { MemberInvariants, type Violation } from "./kernel/member-invariants.ts";
import { Nemesis } from "./kernel/nemesis.ts";
import { drawParameters, type Fault, type SimulationParameters } from "./kernel/parameters.ts";
import { Recovery } from "./kernel/recovery.ts";
import { Trace } from "./kernel/trace.ts";
import { SimulatedClient } from "./zookeeper/client.ts";
import { ClientInvariants } from "./zookeeper/client-invariants.ts";
import { LibraryLockClient } from "./zookeeper/library-lock-client.ts";
import { type LockGrant, LockWorkload } from "./zookeeper/lock-workload.ts";
import { ReadWriteWorkload } from "./zookeeper/read-write-workload.ts";

/** What recovery may take, in ticks of the protocol: elections, snapshots, a joint change, and clients that come back. */
const CORE_RECOVERS_WITHIN_TICKS = 60;
const ALL_RECOVER_WITHIN_TICKS = 120;
const SNAPSHOTS_TAKEN_WITHIN_TICKS = 20;

/** More often than the members' own ticks, which look after whoever was forgotten. */
const LOOKS_PER_TICK = 10;
/** Makes another seed of a seed. */
const OTHERS = 0x5eed;

export interface Report {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Equal for equal seeds, on every machine. */
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly faults: ReadonlyMap<Fault, number>;
  readonly requestsAnswered: number;
  readonly requestsUnknown: number;
  readonly notifications: number;
  readonly sessions: number;
  readonly locksGranted: number;
  readonly entriesCommitted: number;
}

/** Runs a seed to its end, or to the first invariant that is broken. `tell` hears the story as it goes. */
export async function simulate(seed: number, tell: ((line: string) => void) | null = null): Promise<Report> {
  return new Simulation(seed, tell).run();
}

class Simulation {
  readonly #seed: number;
  readonly #tell: ((line: string) => void) | null;
  readonly #random: Random;
  readonly #parameters: SimulationParameters;
  readonly #invariants: MemberInvariants;
  readonly #ensemble: SimulatedEnsemble;
  readonly #clientNetwork: ClientNetwork;
  readonly #clientInvariants: ClientInvariants;
  readonly #clients: SimulatedClient[] = [];
  readonly #readWriteWorkloads: ReadWriteWorkload[] = [];
  readonly #lockWorkloads: LockWorkload[] = [];
  readonly #programs: LibraryLockClient[] = [];
  readonly #nemesis: Nemesis;
  readonly #recovery: Recovery;
  readonly #grants: LockGrant[] = [];
  readonly #trace = new Trace();

  constructor(seed: number, tell: ((line: string) => void) | null) {
    this.#seed = seed;
    this.#tell = tell;
    this.#random = seededRandom(seed);
    const parameters = drawParameters(this.#random, seededRandom(seed ^ OTHERS));
    this.#parameters = parameters;
    const invariants = new MemberInvariants();
    this.#invariants = invariants;
    const rates = new Map<number, number>();
    this.#ensemble = new SimulatedEnsemble({
      members: parameters.members,
      spares: parameters.spares,
      absent: Array.from({ length: parameters.lateFounders }, (_, i) => parameters.members - i),
      seed: this.#random.next(),
      network: parameters.network,
      replica: {
        raft: { ...RAFT, ...parameters.raft },
        tickMs: parameters.tickMs,
        snapshotCommands: parameters.snapshotCommands,
        snapshotSliceBytes: parameters.snapshotSliceBytes,
      },
      segmentBytes: parameters.segmentBytes,
      retainSnapshots: parameters.retainSnapshots,
      tickTimeMs: parameters.tickTimeMs,
      unsentBytesHigh: parameters.unsentBytesHigh,
      clockRate: (id) => {
        let rate = rates.get(id);
        if (rate === undefined) {
          const { clockRateMax } = parameters;
          rate = 1 / clockRateMax + ((clockRateMax - 1 / clockRateMax) * this.#random.below(1000)) / 1000;
          rates.set(id, rate);
        }
        return rate;
      },
      observer: invariants,
    });
    const { time } = this.#ensemble;
    this.#clientNetwork = new ClientNetwork(time, this.#random, parameters.clients);
    this.#clientInvariants = new ClientInvariants({
      referenceModel: invariants.referenceModel,
      now: () => time.now,
      clockRateMax: parameters.clockRateMax,
      keepsSessions: !parameters.isUnruly,
      violate: (invariant, what) => invariants.violate(invariant, what),
    });
    this.#makeClients();
    this.#makePrograms();
    this.#recovery = new Recovery(this.#ensemble, parameters);
    this.#nemesis = new Nemesis({
      parameters,
      random: this.#random,
      ensemble: this.#ensemble,
      clientNetwork: this.#clientNetwork,
      clients: this.#clients,
      programs: this.#programs,
      invariants,
      onNote: (what) => this.#note(what),
    });
    this.#listen();
  }

  #makeClients(): void {
    const { readWriteClients, lockClients, sessionTimeoutMs, thinkMs, clockRateMax } = this.#parameters;
    for (let id = 1; id <= readWriteClients + lockClients; id++) {
      const client = new SimulatedClient({
        id,
        timeoutMs: sessionTimeoutMs,
        time: this.#ensemble.time,
        random: this.#random,
        network: this.#clientNetwork,
        invariants: this.#clientInvariants,
        members: this.#ensemble.members,
      });
      this.#clients.push(client);
      if (id <= readWriteClients) this.#readWriteWorkloads.push(new ReadWriteWorkload(client, this.#parameters));
      else
        this.#lockWorkloads.push(
          new LockWorkload(client, thinkMs * 3, clockRateMax, (grant) => this.#onGranted(grant)),
        );
    }
  }

  #makePrograms(): void {
    const { readWriteClients, lockClients, programs, sessionTimeoutMs, thinkMs, clockRateMax } = this.#parameters;
    for (let i = 1; i <= programs; i++) {
      const random = seededRandom(this.#seed + i);
      const { members } = this.#ensemble;
      const only = members[random.below(this.#parameters.members)]!; // whose troubles are its own
      const program = new LibraryLockClient({
        id: readWriteClients + lockClients + i,
        time: this.#ensemble.time,
        random,
        network: this.#clientNetwork,
        members: random.chance(0.5) ? [only] : members,
        invariants: this.#clientInvariants,
        sessionTimeoutMs,
        holdMs: thinkMs * 3,
        readEveryMs: thinkMs / 4,
        clockRate: 1 / clockRateMax + ((clockRateMax - 1 / clockRateMax) * random.below(1000)) / 1000,
        clockRateMax,
        onGranted: (grant) => this.#onGranted(grant),
      });
      this.#programs.push(program);
    }
  }

  #listen(): void {
    const { network, members } = this.#ensemble;
    network.onArrival = (from, to, bytes) => this.#trace.add(from * 256 + to, bytes, this.#ensemble.time.now);
    this.#invariants.onNote = (what) => this.#note(what);
    this.#invariants.onDiskRead = (member) => this.#nemesis.noteOpened(member);
    this.#lookForStuck();
    for (const member of members) member.onGone = (silently) => this.#clientNetwork.onGone(member, silently);
  }

  /** Again and again: no reply waits that could be sent. */
  #lookForStuck(): void {
    this.#ensemble.time.after(this.#parameters.tickTimeMs / LOOKS_PER_TICK, () => {
      for (const who of this.#clientNetwork.findStuck()) {
        this.#invariants.violate("what can be answered is", `a reply to ${who} is due, and is not sent`);
      }
      this.#lookForStuck();
    });
  }

  #note(what: string): void {
    this.#trace.addText(what);
    this.#tell?.(`${(this.#ensemble.time.now / 1000).toFixed(3).padStart(9)} s  ${what}`);
  }

  // -------------------------------------------------------------------------------------------------------- phases

  async run(): Promise<Report> {
    const { time } = this.#ensemble;
    this.#tell?.(`seed ${this.#seed}: ${describe(this.#parameters)}`);
    this.#ensemble.start();
    const { faultPhaseMs, faultPauses } = this.#parameters;
    for (let i = 0; i <= faultPauses && !this.#isBroken; i++) {
      await time.runUntil(() => this.#isBroken, faultPhaseMs / (faultPauses + 1));
      if (i < faultPauses && !this.#isBroken) await this.#pauseFaults();
    }
    this.#nemesis.end();
    if (!this.#isBroken) await this.#recoverCore();
    if (!this.#isBroken) await this.#recoverAll();
    if (!this.#isBroken) this.#checkEnd();
    return this.#report();
  }

  get #isBroken(): boolean {
    return this.#invariants.violations.length > 0;
  }

  /** In the middle of the fault phase: whatever was asked for and went wrong before, somebody leads once all are there. */
  async #pauseFaults(): Promise<void> {
    this.#note("the faults pause");
    const isBroken = (): boolean => this.#isBroken;
    this.#nemesis.pause();
    this.#ensemble.heal();
    this.#recovery.quietNetwork();
    for (const member of this.#ensemble.members) if (this.#nemesis.mayStart(member)) this.#recovery.repair(member);
    if (await this.#recovery.aftermath(isBroken)) await this.#checkLeader("while the faults pause");
    this.#nemesis.operator.isChanging = !this.#isSettled();
    this.#recovery.end();
    this.#nemesis.goOn();
    this.#note("the faults go on");
  }

  async #checkLeader(when: string): Promise<void> {
    if (await this.#recovery.leads(() => this.#isBroken)) return;
    this.#invariants.violate("somebody leads", `nobody leads and writes ${when}: ${this.#state()}`);
  }

  /** No change of members is under way or asked for, as far as anybody knows. */
  #isSettled(): boolean {
    const up = this.#ensemble.members.flatMap(({ replica }) => (replica === undefined ? [] : [replica]));
    return up.every(
      ({ machine, status }) =>
        machine.model(TreeModel).tree.pending === null && status.configuration.outgoing.length === 0,
    );
  }

  /** A majority that is whole and hears each other serves its clients, whatever became of the others. */
  async #recoverCore(): Promise<void> {
    const core = this.#drawCore();
    this.#note(`all faults end for members ${core.map(({ id }) => id)}`);
    this.#ensemble.heal();
    this.#clientNetwork.heal();
    const isOutside = (id: number): boolean => !core.some((member) => member.id === id);
    for (const { id } of this.#ensemble.members) {
      if (!isOutside(id)) continue;
      for (const other of core) {
        this.#ensemble.network.cut(id, other.id);
        this.#ensemble.network.cut(other.id, id);
      }
    }
    for (const member of core) this.#recovery.repair(member);
    this.#recovery.quietNetwork();
    const served = this.#serveOnce(core);
    const isDone = (): boolean => this.#isBroken || served();
    if (await this.#within(isDone, CORE_RECOVERS_WITHIN_TICKS)) return;
    // A leader that began to change who belongs, before it noticed who is out of reach, needs a majority of those, too.
    if (!this.#isMajority(core)) return this.#note("a change of members was under way that needs others as well");
    this.#invariants.violate(
      "recovers",
      `members ${core.map(({ id }) => id)} did not serve all clients: ${this.#state()}`,
    );
  }

  /** At random: all voters that are well but for as many as can be missed. Before there is a configuration: everyone. */
  #drawCore(): readonly SimulatedMember[] {
    const { members } = this.#ensemble;
    const founders = members.filter(({ id }) => id <= this.#parameters.members);
    if (this.#invariants.configuration === null) return founders;
    let core = members.filter((member) => member.isUp || !member.disk.isBlank || member.id <= this.#parameters.members);
    for (const member of this.#shuffled(core)) {
      const less = core.filter((other) => other !== member);
      if (this.#random.chance(0.5) && this.#isMajority(less)) core = less;
    }
    return core;
  }

  /** Whether these can decide without the others, whatever configuration they go by. */
  #isMajority(core: readonly SimulatedMember[]): boolean {
    const isPresent = (id: number): boolean => core.some((member) => member.id === id) && this.#nemesis.isWell(id);
    return this.#invariants
      .configurationsInForce(core)
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

  /** Every worker that is left has one more synced read answered; clients can only reach these members. */
  #serveOnce(core: readonly SimulatedMember[]): () => boolean {
    for (const client of this.#clients) {
      for (const { id } of this.#ensemble.members) {
        if (!core.some((member) => member.id === id)) this.#clientNetwork.cut(client.id, id);
      }
    }
    for (const locker of [...this.#lockWorkloads, ...this.#programs]) locker.rest();
    let waiting = 0;
    for (const [i, worker] of this.#readWriteWorkloads.entries()) {
      if (this.#nemesis.vanished.has(this.#clients[i]!)) continue;
      waiting++;
      worker.rest(() => {
        waiting--;
      });
    }
    return () => waiting === 0;
  }

  async #recoverAll(): Promise<void> {
    this.#note("all faults end");
    this.#ensemble.heal();
    this.#clientNetwork.heal();
    for (const member of this.#ensemble.members) {
      if (member.isUp || !member.disk.isBlank || this.#isListed(member.id)) this.#recovery.repair(member);
    }
    const isBroken = (): boolean => this.#isBroken;
    if (await this.#recovery.aftermath(isBroken)) await this.#checkLeader("after the faults");
    const isDone = (): boolean => this.#isBroken || (this.#isWhole() && this.#areVanishedGone());
    if (!(await this.#within(isDone, ALL_RECOVER_WITHIN_TICKS))) {
      this.#invariants.violate("recovers", `the members did not all come together again: ${this.#state()}`);
    }
    if (this.#isBroken) return;
    await this.#takeSnapshots();
    const served = this.#serveOnce(this.#ensemble.members);
    if (!(await this.#within(() => this.#isBroken || served(), CORE_RECOVERS_WITHIN_TICKS))) {
      this.#invariants.violate("recovers", `not all clients were served in the end: ${this.#state()}`);
    }
  }

  #isListed(id: number): boolean {
    return this.#invariants.configuration?.members.some((member) => member.id === id) ?? id <= this.#parameters.members;
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

  /** One leads, and all that the ensemble counts on, and nobody is a learner who should vote. */
  #isWhole(): boolean {
    const leader = this.#ensemble.leader()?.replica;
    if (leader === undefined) return false;
    const { commitIndex, lastIndex, configuration } = leader.status;
    if (commitIndex !== lastIndex || configuration.outgoing.length > 0) return false;
    return configuration.members.every(({ id, role, incarnation, address }) => {
      const member = this.#ensemble.member(id);
      const status = member.replica?.status;
      if (status === undefined || status.leader !== leader.id || status.appliedIndex !== commitIndex) return false;
      if (declaredRole(address) === "observer") return role === "learner";
      return role === "voter" && incarnation === member.incarnation;
    });
  }

  /** Whoever went without a word is not remembered for ever. */
  #areVanishedGone(): boolean {
    for (const client of this.#nemesis.vanished) {
      if (client.session !== null && this.#invariants.referenceModel.leases.has(client.session.id)) return false;
    }
    return true;
  }

  #within(condition: () => boolean, ticks: number): Promise<boolean> {
    return this.#ensemble.time.runUntil(condition, ticks * this.#parameters.tickTimeMs);
  }

  #checkEnd(): void {
    const verdict = this.#clientInvariants.recorder.verdict();
    if (verdict !== null) this.#invariants.violate("linearizable, by search", verdict);
    for (const member of this.#ensemble.members) this.#invariants.compareWithReferenceModel(member);
    const states = new Map<number, string>();
    for (const { id, replica } of this.#ensemble.members) {
      if (replica === undefined) continue;
      const { appliedIndex } = replica.machine;
      const hash = replica.machine.hash();
      const other = states.get(appliedIndex);
      if (other !== undefined && other !== hash)
        this.#invariants.violate("equal states", `member ${id} ends in another state`);
      states.set(appliedIndex, hash);
    }
  }

  // --------------------------------------------------------------------------------------------------------- locks

  /** Nobody else may hold it: believed to, by the deadline of its own that counts from its last answered ping. */
  #onGranted(grant: LockGrant): void {
    const { now } = this.#ensemble.time;
    const { client, token } = grant;
    if (grant.endsAt() <= now) return; // too late: it does not believe it itself
    for (const other of this.#grants) {
      if (other.endsAt() > now && !this.#parameters.isUnruly) {
        const holders = `clients ${other.client} (token ${other.token}) and ${client} (token ${token})`;
        this.#invariants.violate("one holder at a time", `${holders} both hold the lock`);
      }
      if (token <= other.token) {
        this.#invariants.violate("tokens rise", `token ${token} of client ${client} comes after ${other.token}`);
      }
    }
    this.#grants.push(grant);
    this.#note(`client ${client} holds the lock, token ${token}`);
  }

  // -------------------------------------------------------------------------------------------------------- report

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

  #report(): Report {
    const sum = (of: (client: SimulatedClient) => number): number =>
      this.#clients.reduce((all, one) => all + of(one), 0);
    return {
      seed: this.#seed,
      violations: this.#invariants.violations,
      traceHash: this.#trace.toString(),
      simulatedMs: this.#ensemble.time.now,
      events: this.#ensemble.time.eventsRun,
      faults: this.#nemesis.counts,
      requestsAnswered: sum((client) => client.requestsAnswered),
      requestsUnknown: sum((client) => client.requestsUnknown),
      notifications: this.#clientInvariants.eventsHeard,
      sessions: sum((client) => client.sessionsOpened),
      locksGranted: this.#grants.length,
      entriesCommitted: this.#invariants.committedIndex,
    };
  }
}

function describe(parameters: SimulationParameters): string {
  const { members, spares, readWriteClients, lockClients, programs, tickMs, sessionTimeoutMs, faultPhaseMs } =
    parameters;
  const faults = Object.entries(parameters.weights).filter(([, weight]) => weight > 0);
  const names = faults.map(([fault]) => fault).join(", ");
  return (
    `${members} members, ${spares} spares, ${readWriteClients} readWriteClients, ${lockClients} lockClients, ticks of ${tickMs} ms, ` +
    `sessions of ${sessionTimeoutMs} ms, ${programs} programs on the library, faults for ${faultPhaseMs / 1000} s: ${names}`
  );
}
