// One seed: a whole ensemble with clients in a storm of faults, then a calm in which it has to recover. Everything is decided
// by the seed, so that a story that ends badly can be told again, word for word.

import { type Random, seededRandom } from "../base/random.ts";
import { declaredRole } from "../state/tree/ensemble.ts";
import { Calm } from "./calm.ts";
import { SimulatedClient } from "./client.ts";
import { ClientLaws } from "./client-laws.ts";
import { ClientNetwork } from "./connections.ts";
import { RAFT, SimulatedEnsemble } from "./ensemble.ts";
import { MemberLaws, type Violation } from "./laws.ts";
import { LockProgram } from "./lock-program.ts";
import { Locker, type Tenure } from "./locker.ts";
import type { SimulatedMember } from "./member.ts";
import { Nemesis } from "./nemesis.ts";
import { drawSwarm, type Fault, type Swarm } from "./swarm.ts";
import { Trace } from "./trace.ts";
import { Worker } from "./worker.ts";

/** What the calm may take, in ticks of the protocol: elections, snapshots, a joint change, and clients that come back. */
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

/** Runs a seed to its end, or to the first law that is broken. `tell` hears the story as it goes. */
export async function simulate(seed: number, tell: ((line: string) => void) | null = null): Promise<Report> {
  return new Simulation(seed, tell).run();
}

class Simulation {
  readonly #seed: number;
  readonly #tell: ((line: string) => void) | null;
  readonly #random: Random;
  readonly #swarm: Swarm;
  readonly #laws: MemberLaws;
  readonly #ensemble: SimulatedEnsemble;
  readonly #clientNetwork: ClientNetwork;
  readonly #clientLaws: ClientLaws;
  readonly #clients: SimulatedClient[] = [];
  readonly #workers: Worker[] = [];
  readonly #lockers: Locker[] = [];
  readonly #programs: LockProgram[] = [];
  readonly #nemesis: Nemesis;
  readonly #calm: Calm;
  readonly #tenures: Tenure[] = [];
  readonly #trace = new Trace();

  constructor(seed: number, tell: ((line: string) => void) | null) {
    this.#seed = seed;
    this.#tell = tell;
    this.#random = seededRandom(seed);
    const swarm = drawSwarm(this.#random, seededRandom(seed ^ OTHERS));
    this.#swarm = swarm;
    const laws = new MemberLaws();
    this.#laws = laws;
    const rates = new Map<number, number>();
    this.#ensemble = new SimulatedEnsemble({
      members: swarm.members,
      spares: swarm.spares,
      absent: Array.from({ length: swarm.lateFounders }, (_, i) => swarm.members - i),
      seed: this.#random.next(),
      network: swarm.network,
      replica: {
        raft: { ...RAFT, ...swarm.raft },
        tickMs: swarm.tickMs,
        snapshotCommands: swarm.snapshotCommands,
        snapshotSliceBytes: swarm.snapshotSliceBytes,
      },
      segmentBytes: swarm.segmentBytes,
      retainSnapshots: swarm.retainSnapshots,
      tickTimeMs: swarm.tickTimeMs,
      unsentBytesHigh: swarm.unsentBytesHigh,
      clockRate: (id) => {
        let rate = rates.get(id);
        if (rate === undefined) {
          const { clockRateMax } = swarm;
          rate = 1 / clockRateMax + ((clockRateMax - 1 / clockRateMax) * this.#random.below(1000)) / 1000;
          rates.set(id, rate);
        }
        return rate;
      },
      observer: laws,
    });
    const { time } = this.#ensemble;
    this.#clientNetwork = new ClientNetwork(time, this.#random, swarm.clients);
    this.#clientLaws = new ClientLaws({
      chronicle: laws.chronicle,
      now: () => time.now,
      clockRateMax: swarm.clockRateMax,
      keepsSessions: !swarm.isUnruly,
      violate: (law, what) => laws.violate(law, what),
    });
    this.#makeClients();
    this.#makePrograms();
    this.#calm = new Calm(this.#ensemble, swarm);
    this.#nemesis = new Nemesis({
      swarm,
      random: this.#random,
      ensemble: this.#ensemble,
      clientNetwork: this.#clientNetwork,
      clients: this.#clients,
      programs: this.#programs,
      laws,
      onNote: (what) => this.#note(what),
    });
    this.#listen();
  }

  #makeClients(): void {
    const { workers, lockers, sessionTimeoutMs, thinkMs, clockRateMax } = this.#swarm;
    for (let id = 1; id <= workers + lockers; id++) {
      const client = new SimulatedClient({
        id,
        timeoutMs: sessionTimeoutMs,
        time: this.#ensemble.time,
        random: this.#random,
        network: this.#clientNetwork,
        laws: this.#clientLaws,
        members: this.#ensemble.members,
      });
      this.#clients.push(client);
      if (id <= workers) this.#workers.push(new Worker(client, this.#swarm));
      else this.#lockers.push(new Locker(client, thinkMs * 3, clockRateMax, (tenure) => this.#onGranted(tenure)));
    }
  }

  #makePrograms(): void {
    const { workers, lockers, programs, sessionTimeoutMs, thinkMs, clockRateMax } = this.#swarm;
    for (let i = 1; i <= programs; i++) {
      const random = seededRandom(this.#seed + i);
      const { members } = this.#ensemble;
      const only = members[random.below(this.#swarm.members)]!; // whose troubles are its own
      const program = new LockProgram({
        id: workers + lockers + i,
        time: this.#ensemble.time,
        random,
        network: this.#clientNetwork,
        members: random.chance(0.5) ? [only] : members,
        laws: this.#clientLaws,
        sessionTimeoutMs,
        holdMs: thinkMs * 3,
        readEveryMs: thinkMs / 4,
        clockRate: 1 / clockRateMax + ((clockRateMax - 1 / clockRateMax) * random.below(1000)) / 1000,
        clockRateMax,
        onGranted: (tenure) => this.#onGranted(tenure),
      });
      this.#programs.push(program);
    }
  }

  #listen(): void {
    const { network, members } = this.#ensemble;
    network.onArrival = (from, to, bytes) => this.#trace.add(from * 256 + to, bytes, this.#ensemble.time.now);
    this.#laws.onNote = (what) => this.#note(what);
    this.#laws.onDiskRead = (member) => this.#nemesis.noteOpened(member);
    this.#lookForStuck();
    for (const member of members) member.onGone = (silently) => this.#clientNetwork.onGone(member, silently);
  }

  /** Again and again: no reply waits that could be sent. */
  #lookForStuck(): void {
    this.#ensemble.time.after(this.#swarm.tickTimeMs / LOOKS_PER_TICK, () => {
      for (const who of this.#clientNetwork.findStuck()) {
        this.#laws.violate("what can be answered is", `a reply to ${who} is due, and is not sent`);
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
    this.#tell?.(`seed ${this.#seed}: ${describe(this.#swarm)}`);
    this.#ensemble.start();
    const { stormMs, truces } = this.#swarm;
    for (let i = 0; i <= truces && !this.#isBroken; i++) {
      await time.runUntil(() => this.#isBroken, stormMs / (truces + 1));
      if (i < truces && !this.#isBroken) await this.#holdTruce();
    }
    this.#nemesis.end();
    if (!this.#isBroken) await this.#recoverCore();
    if (!this.#isBroken) await this.#recoverAll();
    if (!this.#isBroken) this.#checkEnd();
    return this.#report();
  }

  get #isBroken(): boolean {
    return this.#laws.violations.length > 0;
  }

  /** In the middle of the storm: whatever was asked for and went wrong before, somebody leads once all are there. */
  async #holdTruce(): Promise<void> {
    this.#note("a truce");
    const isBroken = (): boolean => this.#isBroken;
    this.#nemesis.pause();
    this.#ensemble.heal();
    this.#calm.quietNetwork();
    for (const member of this.#ensemble.members) if (this.#nemesis.mayStart(member)) this.#calm.mend(member);
    if (await this.#calm.aftermath(isBroken)) await this.#checkLeader("in a truce");
    this.#nemesis.operator.isChanging = !this.#isSettled();
    this.#calm.end();
    this.#nemesis.goOn();
    this.#note("the truce is over");
  }

  async #checkLeader(when: string): Promise<void> {
    if (await this.#calm.leads(() => this.#isBroken)) return;
    this.#laws.violate("somebody leads", `nobody leads and writes ${when}: ${this.#state()}`);
  }

  /** No change of members is under way or asked for, as far as anybody knows. */
  #isSettled(): boolean {
    const up = this.#ensemble.members.flatMap(({ replica }) => (replica === undefined ? [] : [replica]));
    return up.every(
      ({ machine, status }) => machine.pendingReconfiguration === null && status.configuration.outgoing.length === 0,
    );
  }

  /** A majority that is whole and hears each other serves its clients, whatever became of the others. */
  async #recoverCore(): Promise<void> {
    const core = this.#drawCore();
    this.#note(`calm for members ${core.map(({ id }) => id)}`);
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
    for (const member of core) this.#calm.mend(member);
    this.#calm.quietNetwork();
    const served = this.#serveOnce(core);
    const isDone = (): boolean => this.#isBroken || served();
    if (await this.#within(isDone, CORE_RECOVERS_WITHIN_TICKS)) return;
    // A leader that began to change who belongs, before it noticed who is out of reach, needs a majority of those, too.
    if (!this.#isMajority(core)) return this.#note("a change of members was under way that needs others as well");
    this.#laws.violate("recovers", `members ${core.map(({ id }) => id)} did not serve all clients: ${this.#state()}`);
  }

  /** At random: all voters that are well but for as many as can be missed. Before there is a configuration: everyone. */
  #drawCore(): readonly SimulatedMember[] {
    const { members } = this.#ensemble;
    const founders = members.filter(({ id }) => id <= this.#swarm.members);
    if (this.#laws.configuration === null) return founders;
    let core = members.filter((member) => member.isUp || !member.disk.isBlank || member.id <= this.#swarm.members);
    for (const member of this.#shuffled(core)) {
      const less = core.filter((other) => other !== member);
      if (this.#random.chance(0.5) && this.#isMajority(less)) core = less;
    }
    return core;
  }

  /** Whether these can decide without the others, whatever configuration they go by. */
  #isMajority(core: readonly SimulatedMember[]): boolean {
    const isPresent = (id: number): boolean => core.some((member) => member.id === id) && this.#nemesis.isWell(id);
    return this.#laws
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
    for (const locker of [...this.#lockers, ...this.#programs]) locker.rest();
    let waiting = 0;
    for (const [i, worker] of this.#workers.entries()) {
      if (this.#nemesis.vanished.has(this.#clients[i]!)) continue;
      waiting++;
      worker.rest(() => {
        waiting--;
      });
    }
    return () => waiting === 0;
  }

  async #recoverAll(): Promise<void> {
    this.#note("calm for everyone");
    this.#ensemble.heal();
    this.#clientNetwork.heal();
    for (const member of this.#ensemble.members) {
      if (member.isUp || !member.disk.isBlank || this.#isListed(member.id)) this.#calm.mend(member);
    }
    const isBroken = (): boolean => this.#isBroken;
    if (await this.#calm.aftermath(isBroken)) await this.#checkLeader("in the calm");
    const isDone = (): boolean => this.#isBroken || (this.#isWhole() && this.#areVanishedGone());
    if (!(await this.#within(isDone, ALL_RECOVER_WITHIN_TICKS))) {
      this.#laws.violate("recovers", `the members did not all come together again: ${this.#state()}`);
    }
    if (this.#isBroken) return;
    await this.#takeSnapshots();
    const served = this.#serveOnce(this.#ensemble.members);
    if (!(await this.#within(() => this.#isBroken || served(), CORE_RECOVERS_WITHIN_TICKS))) {
      this.#laws.violate("recovers", `not all clients were served in the end: ${this.#state()}`);
    }
  }

  #isListed(id: number): boolean {
    return this.#laws.configuration?.members.some((member) => member.id === id) ?? id <= this.#swarm.members;
  }

  /** Nothing that came before keeps a member from taking a snapshot. */
  async #takeSnapshots(): Promise<void> {
    let waiting = 0;
    for (const { id, replica } of this.#ensemble.members) {
      if (replica === undefined) continue;
      waiting++;
      replica.takeSnapshotNow().then(
        () => waiting--,
        (error: Error) => this.#laws.violate("snapshots are taken", `member ${id} takes none: ${error.message}`),
      );
    }
    if (await this.#within(() => this.#isBroken || waiting === 0, SNAPSHOTS_TAKEN_WITHIN_TICKS)) return;
    this.#laws.violate("snapshots are taken", `${waiting} members do not come to the end of theirs`);
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
      if (client.session !== null && this.#laws.chronicle.leases.has(client.session.id)) return false;
    }
    return true;
  }

  #within(condition: () => boolean, ticks: number): Promise<boolean> {
    return this.#ensemble.time.runUntil(condition, ticks * this.#swarm.tickTimeMs);
  }

  #checkEnd(): void {
    const verdict = this.#clientLaws.witness.verdict();
    if (verdict !== null) this.#laws.violate("linearizable, by search", verdict);
    for (const member of this.#ensemble.members) this.#laws.compareWithChronicle(member);
    const states = new Map<number, string>();
    for (const { id, replica } of this.#ensemble.members) {
      if (replica === undefined) continue;
      const { appliedIndex } = replica.machine;
      const hash = replica.machine.hash();
      const other = states.get(appliedIndex);
      if (other !== undefined && other !== hash)
        this.#laws.violate("equal states", `member ${id} ends in another state`);
      states.set(appliedIndex, hash);
    }
  }

  // --------------------------------------------------------------------------------------------------------- locks

  /** Nobody else may hold it: believed to, by the deadline of its own that counts from its last answered ping. */
  #onGranted(tenure: Tenure): void {
    const { now } = this.#ensemble.time;
    const { client, token } = tenure;
    if (tenure.endsAt() <= now) return; // too late: it does not believe it itself
    for (const other of this.#tenures) {
      if (other.endsAt() > now && !this.#swarm.isUnruly) {
        const holders = `clients ${other.client} (token ${other.token}) and ${client} (token ${token})`;
        this.#laws.violate("one holder at a time", `${holders} both hold the lock`);
      }
      if (token <= other.token) {
        this.#laws.violate("tokens rise", `token ${token} of client ${client} comes after ${other.token}`);
      }
    }
    this.#tenures.push(tenure);
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
      violations: this.#laws.violations,
      traceHash: this.#trace.toString(),
      simulatedMs: this.#ensemble.time.now,
      events: this.#ensemble.time.eventsRun,
      faults: this.#nemesis.counts,
      requestsAnswered: sum((client) => client.requestsAnswered),
      requestsUnknown: sum((client) => client.requestsUnknown),
      notifications: this.#clientLaws.eventsHeard,
      sessions: sum((client) => client.sessionsOpened),
      locksGranted: this.#tenures.length,
      entriesCommitted: this.#laws.committedIndex,
    };
  }
}

function describe(swarm: Swarm): string {
  const { members, spares, workers, lockers, programs, tickMs, sessionTimeoutMs, stormMs } = swarm;
  const faults = Object.entries(swarm.weights).filter(([, weight]) => weight > 0);
  const names = faults.map(([fault]) => fault).join(", ");
  return (
    `${members} members, ${spares} spares, ${workers} workers, ${lockers} lockers, ticks of ${tickMs} ms, ` +
    `sessions of ${sessionTimeoutMs} ms, ${programs} programs on the library, a storm of ${stormMs / 1000} s: ${names}`
  );
}
