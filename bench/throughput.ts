// Operations a second and their latency, ours beside ZooKeeper's: both ensembles stand on this machine at once and take
// turns (A B A B ...), so that what else happens on it happens to both. What a run creates is deleted after it.
import { type Ensemble, type Flavour, startEnsemble } from "../test/support/ensemble.ts";
import { peakMemory } from "../test/support/processes.ts";
import { median } from "../test/support/statistics.ts";
import { type LoadResult, load } from "./compiled.ts";
import { megabytes, milliseconds, spread, table, thousands, times } from "./tables.ts";

export const operations = ["get", "set", "create", "create-sequential", "mix"] as const;
export type Operation = (typeof operations)[number];

/** Who takes part: this tree's server, ZooKeeper, or an earlier build of ours. */
export type Contestant = Flavour | "before";

export interface ThroughputOptions {
  readonly flavours: readonly Contestant[];
  /** The compiled command of the earlier build. */
  readonly before: string | undefined;
  readonly members: readonly number[];
  readonly bytes: readonly number[];
  readonly outstanding: readonly number[];
  readonly operations: readonly Operation[];
  readonly connections: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly config: readonly string[];
  readonly say: (line: string) => void;
}

interface Run extends LoadResult {
  /** Processor time of all members together for one operation, in microseconds. */
  readonly serverCpuUs: number;
}

interface Cell {
  readonly members: number;
  readonly bytes: number;
  readonly outstanding: number;
  readonly op: Operation;
  readonly runs: Readonly<Partial<Record<Contestant, readonly Run[]>>>;
}

interface Memory {
  readonly members: number;
  readonly bytes: number;
  readonly flavour: Contestant;
  /** Peak resident memory of each member after all of the cells, in MB. */
  readonly peak: readonly number[];
}

export interface Throughput {
  readonly cells: readonly Cell[];
  readonly memory: readonly Memory[];
}

const warmupSeconds = 0.5; // before each measurement; the virtual machines have been warmed before the first one
const compileSeconds = 2; // of each operation, so that both runtimes have compiled their hot paths

export async function throughput(options: ThroughputOptions): Promise<Throughput> {
  const cells: Cell[] = [];
  const memory: Memory[] = [];
  for (const members of options.members) {
    for (const bytes of options.bytes) {
      await using stage = await Stage.open(options, members);
      await stage.warm(bytes);
      for (const op of options.operations) {
        for (const outstanding of options.outstanding)
          cells.push(await stage.cell({ members, bytes, outstanding, op }));
      }
      for (const [flavour, ensemble] of stage.ensembles) {
        memory.push({ members, bytes, flavour, peak: peakMemory(ensemble) });
      }
    }
  }
  return { cells, memory };
}

/** The ensembles that take turns. */
class Stage {
  readonly ensembles: ReadonlyMap<Contestant, Ensemble>;
  readonly #options: ThroughputOptions;

  private constructor(ensembles: Map<Contestant, Ensemble>, options: ThroughputOptions) {
    this.ensembles = ensembles;
    this.#options = options;
  }

  static async open(options: ThroughputOptions, members: number): Promise<Stage> {
    const ensembles = new Map<Contestant, Ensemble>();
    const config = ["maxClientCnxns=0", ...options.config];
    for (const contestant of options.flavours) {
      const flavour = contestant === "zookeeper" ? "zookeeper" : "cabildo";
      const runtimeOptions = flavour === "zookeeper" ? ["-Xmx2g"] : []; // room enough that it never has to collect hard
      const program = contestant === "before" ? options.before : undefined;
      ensembles.set(contestant, await startEnsemble({ flavour, program, members, config, runtimeOptions }));
    }
    return new Stage(ensembles, options);
  }

  async warm(bytes: number): Promise<void> {
    for (const ensemble of this.ensembles.values()) {
      for (const op of this.#options.operations) {
        await load({ servers: ensemble.connectString, op, outstanding: 20, seconds: compileSeconds, bytes });
      }
    }
  }

  async cell(what: Omit<Cell, "runs">): Promise<Cell> {
    const runs: Partial<Record<Contestant, Run[]>> = {};
    for (let round = 0; round < this.#options.rounds; round++) {
      for (const [flavour, ensemble] of this.ensembles) {
        const run = await this.#run(ensemble, what);
        runs[flavour] = [...(runs[flavour] ?? []), run];
        this.#options.say(`${describe(what)} ${flavour} ${round + 1}: ${summary(run)}`);
      }
    }
    return { ...what, runs };
  }

  async #run(ensemble: Ensemble, { bytes, outstanding, op }: Omit<Cell, "runs">): Promise<Run> {
    const { connections, seconds } = this.#options;
    const servers = ensemble.connectString;
    const pids = ensemble.members.map((member) => member.pid).join();
    const result = await load({ servers, op, connections, outstanding, bytes, seconds, warmup: warmupSeconds, pids });
    return { ...result, serverCpuUs: (result.watchedCpuSeconds * 1e6) / result.operations };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const ensemble of this.ensembles.values()) await ensemble.stop();
  }
}

function describe({ members, bytes, outstanding, op }: Omit<Cell, "runs">): string {
  return `${members} member${members > 1 ? "s" : ""}, ${bytes} B, ${op} × ${outstanding},`;
}

function summary(run: Run): string {
  const { p50, p99, max } = run.latencyUs;
  return `${thousands(run.perSecond)}/s, p50 ${milliseconds(p50)} p99 ${milliseconds(p99)} max ${milliseconds(max)} ms, ${run.serverCpuUs.toFixed(1)} µs CPU each`;
}

// ---- the report ----

/** The tables, in Markdown. */
export function report(result: Throughput, flavours: readonly Contestant[]): string {
  const both = flavours.length > 1;
  const head = ["members", "bytes", "operation", "outstanding"];
  for (const flavour of flavours) head.push(`${flavour}/s`, "spread");
  if (both) head.push("ratio");
  for (const flavour of flavours) head.push(`${flavour} p50`, "p99", "max ms", "CPU µs");
  const rows = result.cells.map((cell) => {
    const row = [String(cell.members), String(cell.bytes), cell.op, `× ${cell.outstanding}`];
    for (const flavour of flavours) row.push(thousands(rate(cell, flavour)), spread(rates(cell, flavour)));
    if (both) row.push(times(rate(cell, flavours[0]!) / rate(cell, flavours[1]!)));
    for (const flavour of flavours) {
      const latencies = cell.runs[flavour]!.map((run) => run.latencyUs);
      row.push(milliseconds(median(latencies.map((l) => l.p50))), milliseconds(median(latencies.map((l) => l.p99))));
      row.push(milliseconds(Math.max(...latencies.map((l) => l.max))));
      row.push(median(cell.runs[flavour]!.map((run) => run.serverCpuUs)).toFixed(1));
    }
    return row;
  });
  const memoryRows = result.memory.map((m) => [
    m.flavour,
    String(m.members),
    String(m.bytes),
    m.peak.map(megabytes).join(", "),
  ]);
  return [
    table(head, rows),
    "",
    table(["server", "members", "bytes", "peak resident memory of each member, MB"], memoryRows),
  ].join("\n");
}

function rates(cell: Cell, flavour: Contestant): number[] {
  return cell.runs[flavour]!.map((run) => run.perSecond);
}

function rate(cell: Cell, flavour: Contestant): number {
  return median(rates(cell, flavour));
}
