// One seed: a whole ensemble with clients under faults, then a recovery phase without faults. The seed decides everything, so a run that
// ends badly can be repeated, event by event.

import { type Random, seededRandom } from "../base/random.ts";
import { ClientNetwork } from "./kernel/client-network.ts";
import { RAFT, SimulatedEnsemble } from "./kernel/ensemble.ts";
import { MemberInvariants, type Violation } from "./kernel/member-invariants.ts";
import { Nemesis } from "./kernel/nemesis.ts";
import { drawParameters, type Fault, type SimulationParameters } from "./kernel/parameters.ts";
import { Recovery } from "./kernel/recovery.ts";
import { Trace } from "./kernel/trace.ts";
import type { ProtocolSetUp, SimulatedProtocol, Workload } from "./kernel/workload.ts";
import { RecoveryPhases } from "./recovery-phases.ts";
import { zooKeeper } from "./zookeeper/workload.ts";

/** Every protocol that has simulated clients and a reference model. */
export const PROTOCOLS: readonly SimulatedProtocol[] = [zooKeeper];

/** More often than the members' own ticks, which look after whoever was forgotten. */
const LOOKS_PER_TICK = 10;

export interface Report {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Equal for equal seeds, on every machine. */
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly faults: ReadonlyMap<Fault, number>;
  /** What clients did, of all protocols together: answers, events and the like. */
  readonly figures: ReadonlyMap<string, number>;
  readonly entriesCommitted: number;
}

export interface SimulationOptions {
  /** Hears the trace, line by line. */
  readonly tell?: ((line: string) => void) | undefined;
  /** Whose clients take part; all unless given. */
  readonly protocols?: readonly SimulatedProtocol[] | undefined;
}

/** Runs a seed to its end, or to the first invariant that is violated. */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Report> {
  return new Simulation(seed, options).run();
}

class Simulation {
  readonly #seed: number;
  readonly #tell: ((line: string) => void) | undefined;
  readonly #random: Random;
  readonly #parameters: SimulationParameters;
  readonly #invariants = new MemberInvariants();
  readonly #setUps: readonly ProtocolSetUp[];
  readonly #ensemble: SimulatedEnsemble;
  readonly #network: ClientNetwork;
  readonly #workloads: readonly Workload[];
  readonly #nemesis: Nemesis;
  readonly #phases: RecoveryPhases;
  readonly #trace = new Trace();
  #clients = 0;

  constructor(seed: number, { tell, protocols = PROTOCOLS }: SimulationOptions) {
    this.#seed = seed;
    this.#tell = tell;
    this.#random = seededRandom(seed);
    const parameters = drawParameters(this.#random);
    this.#parameters = parameters;
    const invariants = this.#invariants;
    this.#setUps = protocols.map((protocol) =>
      protocol.setUp(parameters, seededRandom(this.#random.next()), invariants.reference),
    );
    this.#ensemble = this.#makeEnsemble();
    const ensemble = this.#ensemble;
    this.#network = new ClientNetwork(ensemble.time, this.#random, parameters.clients);
    this.#workloads = this.#setUps.map((setUp) => this.#begin(setUp));
    const recovery = new Recovery(ensemble, parameters);
    this.#nemesis = new Nemesis({
      parameters,
      random: this.#random,
      ensemble,
      clientNetwork: this.#network,
      clients: this.#workloads.flatMap(({ clients }) => clients),
      invariants,
      onNote: (what) => this.#note(what),
    });
    this.#phases = new RecoveryPhases({
      parameters,
      random: this.#random,
      ensemble,
      network: this.#network,
      workloads: this.#workloads,
      invariants,
      nemesis: this.#nemesis,
      recovery,
      note: (what) => this.#note(what),
    });
    this.#listen();
  }

  #makeEnsemble(): SimulatedEnsemble {
    const parameters = this.#parameters;
    const { members, lateFounders, clockRateMax } = parameters;
    const machines = members + parameters.spares;
    // The clients of a door whose model needs a higher level are promised nothing below it.
    const needsLevel = this.#setUps.some(({ models = [] }) => models.length > 0);
    const older = needsLevel ? 0 : parameters.olderPrograms;
    const rates = new Map<number, number>();
    const drawRate = (): number =>
      1 / clockRateMax + ((clockRateMax - 1 / clockRateMax) * this.#random.below(1000)) / 1000;
    return new SimulatedEnsemble({
      members,
      spares: parameters.spares,
      isStandalone: parameters.isStandalone,
      absent: Array.from({ length: lateFounders }, (_, i) => members - i),
      olderPrograms: Array.from({ length: older }, (_, i) => machines - i),
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
      doors: this.#setUps.map(({ door }) => door),
      models: this.#setUps.flatMap(({ models = [] }) => models),
      clockRate: (id) => {
        const rate = rates.get(id) ?? drawRate();
        rates.set(id, rate);
        return rate;
      },
      observer: this.#invariants,
    });
  }

  #begin(setUp: ProtocolSetUp): Workload {
    return setUp.begin({
      seed: this.#seed,
      random: this.#random,
      ensemble: this.#ensemble,
      network: this.#network,
      nextClientId: () => ++this.#clients,
      violate: (invariant, what) => this.#invariants.violate(invariant, what),
      note: (what) => this.#note(what),
    });
  }

  #listen(): void {
    const { network, members, time } = this.#ensemble;
    network.onArrival = (from, to, bytes) => this.#trace.add(from * 256 + to, bytes, time.now);
    this.#invariants.onNote = (what) => this.#note(what);
    this.#invariants.programLevelOf = (id) => this.#ensemble.member(id).programLevel;
    this.#invariants.onDiskRead = ({ id }) => this.#nemesis.damage.noteOpened(id);
    this.#lookForStuck();
    for (const member of members) member.onGone = (silently) => this.#network.onGone(member, silently);
  }

  /** Again and again: no reply waits that could be sent. */
  #lookForStuck(): void {
    this.#ensemble.time.after(this.#parameters.tickTimeMs / LOOKS_PER_TICK, () => {
      for (const who of this.#network.findStuck()) {
        this.#invariants.violate("due replies are sent", `a reply to ${who} is due, and is not sent`);
      }
      this.#lookForStuck();
    });
  }

  #note(what: string): void {
    this.#trace.addText(what);
    this.#tell?.(`${(this.#ensemble.time.now / 1000).toFixed(3).padStart(9)} s  ${what}`);
  }

  async run(): Promise<Report> {
    const { time } = this.#ensemble;
    this.#tell?.(`seed ${this.#seed}: ${this.#describe()}`);
    this.#ensemble.start();
    const { faultPhaseMs, faultPauses } = this.#parameters;
    const isBroken = (): boolean => this.#invariants.violations.length > 0;
    for (let i = 0; i <= faultPauses && !isBroken(); i++) {
      await time.runUntil(isBroken, faultPhaseMs / (faultPauses + 1));
      if (i < faultPauses && !isBroken()) await this.#phases.pauseFaults();
    }
    this.#nemesis.end();
    if (!isBroken()) await this.#phases.recoverMajority();
    if (!isBroken()) await this.#phases.recoverAll();
    if (!isBroken()) this.#phases.checkEnd();
    return this.#report();
  }

  #describe(): string {
    const { members, spares, tickMs, faultPhaseMs, weights } = this.#parameters;
    const faults = Object.entries(weights).filter(([, weight]) => weight > 0);
    const clients = this.#setUps.map(({ description }) => description).join("; ");
    return (
      `${members} members, ${spares} spares, ticks of ${tickMs} ms; ${clients}; ` +
      `faults for ${faultPhaseMs / 1000} s: ${faults.map(([fault]) => fault).join(", ")}`
    );
  }

  #report(): Report {
    const figures = new Map<string, number>();
    for (const workload of this.#workloads) {
      for (const [name, figure] of Object.entries(workload.figures())) {
        figures.set(name, (figures.get(name) ?? 0) + figure);
      }
    }
    return {
      seed: this.#seed,
      violations: this.#invariants.violations,
      traceHash: this.#trace.toString(),
      simulatedMs: this.#ensemble.time.now,
      events: this.#ensemble.time.eventsRun,
      faults: this.#nemesis.counts,
      figures,
      entriesCommitted: this.#invariants.committedIndex,
    };
  }
}
