// One seed: programs use recipes at random on a whole ensemble, first under faults, then without. In the end everyone gets what
// it waits for, and nothing is left over. The seed decides everything, so each run can be repeated.

import { seededRandom } from "../../base/random.ts";
import { ClientNetwork } from "../../sim/kernel/client-network.ts";
import { RAFT, SimulatedEnsemble } from "../../sim/kernel/ensemble.ts";
import { MemberInvariants, type Violation } from "../../sim/kernel/member-invariants.ts";
import { Nemesis } from "../../sim/kernel/nemesis.ts";
import { Recovery } from "../../sim/kernel/recovery.ts";
import { Trace } from "../../sim/kernel/trace.ts";
import { zooKeeperDoor } from "../../sim/zookeeper/door.ts";
import { ReferenceTree } from "../../sim/zookeeper/reference-tree.ts";
import { serversOf, virtualPorts } from "../virtual-ports.ts";
import { Operator } from "./operator.ts";
import { drawRecipeParameters, type RecipeParameters } from "./parameters.ts";
import { SimulatedProgram } from "./program.ts";
import { ProgramFaults } from "./program-faults.ts";
import { RECIPE_NAMES, RECIPES, type RecipeName } from "./recipes.ts";
import { StateHistory } from "./state-history.ts";
import type { Workload } from "./workload.ts";
import { WorkloadContext } from "./workload-context.ts";

export interface RecipeReport {
  readonly seed: number;
  readonly recipes: readonly RecipeName[];
  readonly violations: readonly Violation[];
  /** Equal for equal seeds, on every machine. */
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly faults: ReadonlyMap<string, number>;
  /** How what programs tried ended. */
  readonly outcomes: ReadonlyMap<string, number>;
}

export interface RecipeSimulationOptions {
  /** Hears the story as it goes. */
  readonly tell?: ((line: string) => void) | undefined;
  /** These alone; as the seed decides unless given. */
  readonly recipes?: readonly RecipeName[] | undefined;
}

/** Runs a seed to its end, or to the first invariant that is broken. */
export async function simulateRecipes(seed: number, options: RecipeSimulationOptions = {}): Promise<RecipeReport> {
  return new RecipeSimulation(seed, options).run();
}

/** What a phase without faults may take, in ticks of the protocol: elections, snapshots, sessions that run out, and many turns. */
const PHASE_WITHIN_TICKS = 150;
const ROOT = "/app";
const OPERATOR = 900;
const FIRST_PROGRAM = 1000;

class RecipeSimulation {
  readonly #seed: number;
  readonly #tell: ((line: string) => void) | null;
  readonly #random;
  readonly #parameters: RecipeParameters;
  readonly #ensemble: SimulatedEnsemble;
  readonly #network: ClientNetwork;
  readonly #invariants = new MemberInvariants();
  readonly #context: WorkloadContext;
  readonly #workloads: readonly { readonly name: RecipeName; readonly workload: Workload }[];
  readonly #operator: Operator;
  readonly #nemesis: Nemesis;
  readonly #programFaults: ProgramFaults;
  readonly #trace = new Trace();
  readonly #programs: SimulatedProgram[] = [];
  /** What programs have begun, and not ended. */
  readonly #running = new Map<Promise<void>, { readonly program: SimulatedProgram; readonly what: string }>();
  #started = 0;
  #areFaultsOver = false;

  constructor(seed: number, { tell, recipes }: RecipeSimulationOptions) {
    this.#seed = seed;
    this.#tell = tell ?? null;
    this.#random = seededRandom(seed);
    const drawn = drawRecipeParameters(this.#random, RECIPE_NAMES);
    this.#parameters = recipes === undefined ? drawn : { ...drawn, recipes };
    const { servers, clockRateMax } = this.#parameters;
    this.#ensemble = new SimulatedEnsemble({
      members: servers.members,
      seed: this.#random.next(),
      network: servers.network,
      replica: {
        raft: { ...RAFT, ...servers.raft },
        tickMs: servers.tickMs,
        snapshotCommands: servers.snapshotCommands,
        snapshotSliceBytes: servers.snapshotSliceBytes,
      },
      segmentBytes: servers.segmentBytes,
      retainSnapshots: servers.retainSnapshots,
      tickTimeMs: servers.tickTimeMs,
      doors: [zooKeeperDoor({ unsentBytesHigh: this.#parameters.unsentBytesHigh })],
      clockRate: (id) => rateOf(id, clockRateMax),
      observer: this.#invariants,
    });
    const { time, members, random } = this.#ensemble;
    this.#network = new ClientNetwork(time, random, servers.clients);
    for (const member of members) member.onGone = (silently) => this.#network.onGone(member, silently);
    const history = new StateHistory(new ReferenceTree(this.#invariants.reference), () => time.now);
    this.#invariants.onFirstApplied = () => history.catchUp();
    this.#invariants.onNote = (what) => this.#note(what);
    this.#context = new WorkloadContext({
      random: seededRandom(this.#random.next()),
      history,
      sessionTimeoutMs: this.#parameters.sessionTimeoutMs,
      root: ROOT,
      now: () => time.now,
      onNote: (what) => this.#note(what),
    });
    this.#workloads = this.#parameters.recipes.map((name) => ({ name, workload: RECIPES[name](this.#context) }));
    const ports = virtualPorts(this.#ensemble, this.#network, OPERATOR, this.#random);
    this.#operator = new Operator(history, ports, serversOf(this.#ensemble), this.#parameters.sessionTimeoutMs);
    this.#nemesis = new Nemesis({
      parameters: servers,
      random: this.#random,
      ensemble: this.#ensemble,
      clientNetwork: this.#network,
      clients: [],
      invariants: this.#invariants,
      onNote: (what) => this.#note(what),
    });
    this.#invariants.onDiskRead = ({ id }) => this.#nemesis.damage.noteOpened(id);
    this.#programFaults = new ProgramFaults({
      parameters: this.#parameters,
      context: this.#context,
      ensemble: this.#ensemble,
      network: this.#network,
      operator: this.#operator,
      programs: () => this.#living,
      clientOf: ({ id }) => FIRST_PROGRAM + id,
      onEnded: (program) => this.#replace(program),
    });
  }

  get #living(): readonly SimulatedProgram[] {
    return this.#programs.filter((program) => !program.isDead && !program.isClosed);
  }

  get #violations(): readonly Violation[] {
    return [...this.#context.violations, ...this.#invariants.violations];
  }

  #note(what: string): void {
    this.#trace.addText(what);
    this.#trace.add(this.#ensemble.time.now);
    this.#tell?.(`${(this.#ensemble.time.now / 1000).toFixed(3).padStart(9)} s  ${what}`);
  }

  // ---------------------------------------------------------------------------------------------------------- phases

  async run(): Promise<RecipeReport> {
    const { time } = this.#ensemble;
    const { servers, programs, recipes } = this.#parameters;
    this.#tell?.(`seed ${this.#seed}: ${describe(this.#parameters)}`);
    this.#ensemble.start();
    for (let i = 0; i < programs; i++) this.#start();
    this.#checkPeriodically();
    await time.runUntil(() => this.#isBroken, servers.faultPhaseMs);
    this.#endFaults();
    await this.#phase("the members come together again", () => this.#isWhole());
    // What is over and does not know it yet comes to know.
    if (!this.#isBroken) await time.runUntil(() => this.#isBroken, 2 * this.#parameters.sessionTimeoutMs);
    await this.#phase("the members come together again", () => this.#isWhole());
    for (const program of this.#programs) program.over.abort();
    await this.#phase(
      "nothing hangs",
      () => this.#areDone(),
      () => this.#open(),
    );
    await this.#leaveNothing();
    this.#note(`without faults each program gets ${recipes.join(", ")}`);
    const living = this.#living;
    for (const program of living) {
      for (const { name, workload } of this.#workloads) {
        this.#run(program, name, () => workload.afterRecovery(program, living));
      }
    }
    await this.#phase(
      "without faults everyone gets what it waits for",
      () => this.#areDone(),
      () => this.#open(),
    );
    await this.#leaveNothing();
    if (!this.#isBroken) for (const { workload } of this.#workloads) workload.check();
    await this.#end(living);
    this.#context.isOver = true;
    return this.#report();
  }

  get #isBroken(): boolean {
    return this.#context.violations.length > 0 || this.#invariants.violations.length > 0;
  }

  #leaveNothing(): Promise<void> {
    return this.#phase(
      "what was given up leaves nothing",
      () => this.#leftovers().length === 0,
      () => this.#leftovers().join(" "),
    );
  }

  async #phase(invariant: string, isOver: () => boolean, shown: () => string = () => ""): Promise<void> {
    if (this.#isBroken) return;
    const withinMs = PHASE_WITHIN_TICKS * this.#parameters.servers.tickTimeMs;
    const isDone = await this.#ensemble.time.runUntil(() => this.#isBroken || isOver(), withinMs);
    if (!isDone) this.#context.violate(invariant, `not within ${withinMs / 1000} s: ${shown()}`);
  }

  #start(): void {
    const { clockRateMax } = this.#parameters;
    const id = ++this.#started;
    const rate = rateOf(id + 100, clockRateMax);
    const program = new SimulatedProgram({
      id,
      random: seededRandom(this.#random.next()),
      ports: virtualPorts(this.#ensemble, this.#network, FIRST_PROGRAM + id, this.#random, rate),
      servers: serversOf(this.#ensemble),
      sessionTimeoutMs: this.#parameters.sessionTimeoutMs,
      clockRateMargin: Math.max(CLOCK_RATE_MARGIN, 1 - 1 / clockRateMax ** 2),
      root: ROOT,
      onLog: (message) => this.#note(`program ${id}: ${message}`),
    });
    this.#programs.push(program);
    if (this.#areFaultsOver) return;
    for (const { name, workload } of this.#workloads) this.#run(program, name, () => workload.underFaults(program));
  }

  #run(program: SimulatedProgram, what: string, work: () => Promise<void>): void {
    const running = work().then(
      () => void this.#running.delete(running),
      (error) => {
        this.#running.delete(running);
        const shown = error instanceof Error ? error.stack : String(error);
        this.#context.violate("without faults nothing fails", `${program.name}, ${what}: ${shown}`);
      },
    );
    this.#running.set(running, { program, what });
  }

  #replace(old: SimulatedProgram): void {
    if (old.isDead) {
      for (const [running, { program }] of this.#running) if (program === old) this.#running.delete(running);
    }
    const { time } = this.#ensemble;
    time.after(this.#random.below(2 * this.#context.sessionTimeoutMs), () => {
      if (!this.#areFaultsOver) this.#start();
    });
  }

  #endFaults(): void {
    this.#note("all faults end");
    this.#areFaultsOver = true;
    this.#nemesis.end();
    this.#programFaults.end();
    this.#ensemble.heal();
    this.#network.heal();
    for (const program of this.#programs) if (!program.isDead) program.heal();
    const recovery = new Recovery(this.#ensemble, this.#parameters.servers);
    for (const member of this.#ensemble.members) recovery.repair(member);
    recovery.quietNetwork();
    while (this.#living.length < this.#parameters.programs) this.#start();
  }

  #isWhole(): boolean {
    if (this.#operator.pending > 0) return false;
    const { now } = this.#ensemble.time;
    const isWell = ({ c, pausedUntil }: SimulatedProgram) => c.status.kind === "ready" && pausedUntil <= now;
    return this.#ensemble.isSettled() && this.#living.every(isWell);
  }

  #areDone(): boolean {
    return this.#running.size === 0;
  }

  #open(): string {
    const open = [...this.#running.values()].map(({ program, what }) => `${program.name}, ${what}`);
    return `${open.join("; ")}; there is ${this.#context.history.ephemerals().join(" ") || "nothing"}`;
  }

  #leftovers(): string[] {
    const { history } = this.#context;
    const places = this.#workloads.flatMap(({ workload }) => workload.emptyAfter);
    return places.flatMap((place) =>
      history
        .children(place)
        .filter((name) => name !== "ready")
        .map((name) => `${place}/${name}`),
    );
  }

  #checkPeriodically(): void {
    for (const check of this.#context.periodicChecks) check();
    this.#ensemble.time.after(this.#context.sessionTimeoutMs / 4, () => this.#checkPeriodically());
  }

  async #end(living: readonly SimulatedProgram[]): Promise<void> {
    if (this.#isBroken) this.#context.isOver = true;
    const closing = Promise.all([this.#operator.close(), ...living.map((program) => program.close())]);
    let isClosed = false;
    void closing.then(() => {
      isClosed = true;
    });
    await this.#phase(
      "a closed program leaves nothing",
      () => isClosed && this.#context.history.ephemerals().length === 0,
    );
  }

  // ---------------------------------------------------------------------------------------------------------- report

  #report(): RecipeReport {
    return {
      seed: this.#seed,
      recipes: this.#parameters.recipes,
      violations: this.#violations,
      traceHash: this.#trace.toString(),
      simulatedMs: this.#ensemble.time.now,
      events: this.#ensemble.time.eventsRun,
      faults: new Map<string, number>([...this.#nemesis.counts, ...this.#programFaults.counts]),
      outcomes: this.#context.outcomes,
    };
  }
}

/** The client's own, where clocks agree. */
const CLOCK_RATE_MARGIN = 0.001;

/** The same for one machine however often its processes begin: between 1 / rateMax and rateMax. */
function rateOf(machine: number, rateMax: number): number {
  const part = seededRandom(machine).below(1000) / 1000;
  return 1 / rateMax + (rateMax - 1 / rateMax) * part;
}

function describe({
  servers,
  sessionTimeoutMs,
  programs,
  recipes,
  clockRateMax,
  removesAtOnce,
  weights,
}: RecipeParameters): string {
  const faults = [...Object.entries(servers.weights), ...Object.entries(weights)].filter(([, weight]) => weight > 0);
  return (
    `${recipes.join(", ")}; ${servers.members} members, ${programs} programs, ticks of ${servers.tickMs} ms, ` +
    `sessions of ${sessionTimeoutMs} ms, clocks of rates up to ${clockRateMax}, ` +
    `nodes removed at once ${removesAtOnce}, faults for ${servers.faultPhaseMs / 1000} s: ${faults.map(([name]) => name).join(", ")}`
  );
}
