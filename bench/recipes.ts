// The recipes: our lock beside Curator's mutex on the same servers in turns, the time of a hand-over among many who wait, of
// an election's fail-over, and what it costs to hold many locks.
import { java } from "../test/interop/java.ts";
import { type Ensemble, type Flavour, startEnsemble } from "../test/support/ensemble.ts";
import { Program } from "../test/support/program.ts";
import { median, percentile } from "../test/support/statistics.ts";
import { Contender, type Library, type Result } from "./recipes/contender.ts";
import { milliseconds, spread, table, thousands, times } from "./tables.ts";

export interface RecipesOptions {
  readonly flavours: readonly Flavour[];
  readonly members: number;
  readonly tasks: readonly number[];
  readonly waiters: number;
  readonly kills: number;
  readonly locks: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly config: readonly string[];
  readonly say: (line: string) => void;
}

interface AcquireCell {
  readonly flavour: Flavour;
  readonly tasks: number;
  readonly runs: Readonly<Record<Library | "floor", Result[]>>;
}

interface Holding {
  readonly acquiredMs: number;
  readonly releasedMs: number;
  /** A second. */
  readonly renewals: number;
  /** Bytes. */
  readonly heap: number;
  readonly resident: number;
}

export interface Recipes {
  readonly members: number;
  readonly acquire: readonly AcquireCell[];
  readonly handOver: readonly { readonly flavour: Flavour; readonly library: Library; readonly result: Result }[];
  /** Milliseconds from SIGKILL to the next leader's first line. */
  readonly failOver: readonly { readonly flavour: Flavour; readonly sessionTimeoutMs: number; readonly ms: number[] }[];
  readonly holding: readonly ({ readonly flavour: Flavour; readonly locks: number } & Holding)[];
}

const libraries: readonly Library[] = ["cabildo", "Curator"];
const sessionTimeoutMs = 1000;
const warmupMs = 3000;
const handOverRounds = 4;

export async function recipes(options: RecipesOptions): Promise<Recipes> {
  const runtime = await java();
  const all: Recipes[] = [];
  // One ensemble at a time: three members, a client and nothing else share the machine.
  for (const flavour of options.flavours) {
    const config = ["tickTime=250", "maxClientCnxns=0", ...options.config];
    await using ensemble = await startEnsemble({ flavour, members: options.members, config });
    const contenders = await Promise.all(
      libraries.map((library) => Contender.start(library, ensemble.connectString, runtime)),
    );
    const acquire = await acquiring(flavour, contenders, options);
    const handOver = await handingOver(flavour, contenders, options);
    for (const contender of contenders) await contender.stop();
    const failOver = [{ flavour, sessionTimeoutMs, ms: await failingOver(ensemble, options) }];
    const holding = [{ flavour, locks: options.locks, ...(await held(ensemble, options)) }];
    all.push({ members: options.members, acquire, handOver, failOver, holding });
  }
  return {
    members: options.members,
    acquire: all.flatMap((each) => each.acquire),
    handOver: all.flatMap((each) => each.handOver),
    failOver: all.flatMap((each) => each.failOver),
    holding: all.flatMap((each) => each.holding),
  };
}

async function acquiring(
  flavour: Flavour,
  contenders: readonly Contender[],
  { tasks, rounds, seconds, say }: RecipesOptions,
): Promise<AcquireCell[]> {
  const cells: AcquireCell[] = [];
  for (const each of tasks) {
    const runs: Record<Library | "floor", Result[]> = { cabildo: [], Curator: [], floor: [] };
    for (const contender of contenders) await contender.acquire(`/bench/${contender.library}`, each, warmupMs);
    for (let round = 0; round < rounds; round++) {
      runs.floor.push(await contenders[0]!.floor("/floor", each, seconds * 1000));
      for (const contender of contenders) {
        const result = await contender.acquire(`/bench/${contender.library}`, each, seconds * 1000);
        runs[contender.library].push(result);
        say(
          `on ${flavour}, ${each} at once, ${contender.library}: ${thousands(result.perSecond)}/s, p50 ${result.p50} µs`,
        );
      }
    }
    cells.push({ flavour, tasks: each, runs });
  }
  return cells;
}

async function handingOver(
  flavour: Flavour,
  contenders: readonly Contender[],
  { waiters, say }: RecipesOptions,
): Promise<Recipes["handOver"][number][]> {
  const results: Recipes["handOver"][number][] = [];
  for (const contender of contenders) {
    await contender.handOver("/bench/warm", waiters, 1);
    const result = await contender.handOver("/bench/line", waiters, handOverRounds);
    results.push({ flavour, library: contender.library, result });
    say(`on ${flavour}, ${contender.library}: hand-over p50 ${result.p50} p99 ${result.p99} µs`);
  }
  return results;
}

/** A leader is killed again and again; another has stood in line behind it since before. */
async function failingOver(ensemble: Ensemble, { kills, say }: RecipesOptions): Promise<number[]> {
  const candidate = async () => {
    const args = ["--import", "tsx", "bench/recipes/candidate.ts", ensemble.connectString, "bench"];
    const program = new Program({ command: process.execPath, args }, [String(sessionTimeoutMs)]);
    await program.line("stands");
    return program;
  };
  const ms: number[] = [];
  let leader = await candidate();
  await leader.line(/^leads/);
  for (let kill = 0; kill < kills; kill++) {
    const next = await candidate();
    await new Promise((resolve) => setTimeout(resolve, 500)); // it stands in line, and watches
    const killed = performance.now();
    await leader.kill("SIGKILL");
    await next.line(/^leads/);
    ms.push(performance.now() - killed);
    leader = next;
  }
  await leader.kill("SIGKILL");
  say(`on ${ensemble.flavour}: fail-over ${ms.map((each) => each.toFixed(0)).join(" ")} ms`);
  return ms;
}

async function held(ensemble: Ensemble, { locks, seconds, say }: RecipesOptions): Promise<Holding> {
  const args = ["--expose-gc", "--import", "tsx", "bench/recipes/holder.ts", ensemble.connectString];
  const program = new Program({ command: process.execPath, args }, [String(locks), String(Math.max(10, seconds))]);
  const line = await program.line(/^\{/, { withinMs: 120_000 });
  await program.ended;
  say(`on ${ensemble.flavour}: ${line}`);
  return JSON.parse(line) as Holding;
}

// ---- the report ----

/** The tables, in Markdown. */
export function report(result: Recipes): string {
  const rate = (runs: readonly Result[]) => median(runs.map((run) => run.perSecond));
  const latency = (runs: readonly Result[], which: "p50" | "p99") =>
    milliseconds(median(runs.map((run) => run[which])));
  const on = (flavour: Flavour) => `${flavour} × ${result.members}`;
  const acquire = result.acquire.map(({ flavour, tasks, runs }) => [
    on(flavour),
    String(tasks),
    ...libraries.flatMap((library) => [
      thousands(rate(runs[library])),
      spread(runs[library].map((run) => run.perSecond)),
    ]),
    times(rate(runs.cabildo) / rate(runs.Curator)),
    thousands(rate(runs.floor)),
    ...libraries.flatMap((library) => [latency(runs[library], "p50"), latency(runs[library], "p99")]),
  ]);
  const handOver = result.handOver.map(({ flavour, library, result: { p50, p99, max, wakeUps } }) => [
    on(flavour),
    library,
    ...[p50, p99, max].map(milliseconds),
    wakeUps === null ? "–" : wakeUps.toFixed(2),
  ]);
  const failOver = result.failOver.map(({ flavour, sessionTimeoutMs: timeout, ms }) => [
    on(flavour),
    String(timeout),
    ...[percentile(ms, 50), Math.max(...ms)].map((each) => each.toFixed(0)),
    String(ms.length),
  ]);
  const holding = result.holding.map(({ flavour, locks, renewals, heap, resident, acquiredMs, releasedMs }) => [
    on(flavour),
    thousands(locks),
    renewals.toFixed(2),
    (heap / locks / 1000).toFixed(1),
    (resident / 1e6).toFixed(0),
    acquiredMs.toFixed(0),
    releasedMs.toFixed(0),
  ]);
  return [
    "Acquire and release, uncontended: pairs a second, and milliseconds of one pair. The floor: a node made and removed.",
    "",
    table(
      [
        "servers",
        "at once",
        "cabildo/s",
        "spread",
        "Curator/s",
        "spread",
        "ratio",
        "floor/s",
        "cabildo p50",
        "p99",
        "Curator p50",
        "p99",
      ],
      acquire,
    ),
    "",
    "Hand-over: milliseconds from a release to the next grant, all others waiting.",
    "",
    table(["servers", "library", "p50", "p99", "max", "wake-ups each"], handOver),
    "",
    "Election: milliseconds from the leader's SIGKILL to the next leader's first line.",
    "",
    table(["servers", "session timeout", "p50", "max", "kills"], failOver),
    "",
    "Locks held by one process.",
    "",
    table(
      ["servers", "locks", "renewals/s", "heap each, kB", "process, MB", "all acquired, ms", "all released, ms"],
      holding,
    ),
  ].join("\n");
}
