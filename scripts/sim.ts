// Runs the simulator: `npm run sim -- --minutes 10`. One seed after another until the time or the seeds are used up: whole ensembles
// with clients of the protocol, and at every fourth seed programs that play the recipes on one. A seed that breaks an invariant is told
// again from its end, and can be told whole: `npm run sim -- --seed N`.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Report, simulate } from "../src/sim/simulation.ts";
import { Statistics } from "../src/sim/statistics.ts";
import { RECIPE_NAMES, type RecipeName } from "../src/testing/swarm/recipes.ts";
import { type RecipeReport, simulateRecipes } from "../src/testing/swarm/simulation.ts";

const USAGE = `npm run sim -- [--minutes N] [--seeds N] [--from SEED] [--jobs N] [--stop] [--twice] [--recipes [NAMES]] | --seed SEED [--recipes NAMES]

  --minutes N   as many seeds as there is time for
  --seeds N     so many seeds; 1000 where no time is given
  --from SEED   the first one; drawn from the clock unless given
  --jobs N      so many processes, 1 unless given
  --stop        ends at the first violation
  --twice       every seed is run twice, and must come to the same trace
  --recipes X   programs that play recipes, and no other clients: these ("lock,queue"), or "all", as the seed draws them
  --seed SEED   one seed, told whole`;

/** Between two seeds of which programs play recipes as well. */
const RECIPES_EVERY = 4;

/** How much of a story's end is printed with a violation. */
const STORY_LINES = 30;

interface Share {
  readonly from: number;
  readonly step: number;
  readonly seeds: number;
  readonly minutes: number;
  readonly stop: boolean;
  readonly twice: boolean;
  readonly recipes: Recipes;
}

/** None but at every so many seeds; as the seed draws them; or these. */
type Recipes = null | "all" | readonly RecipeName[];

/** What a job tells: a seed's report, and whether another run of it came to something else. */
interface Finding {
  readonly kind: "servers" | "recipes";
  readonly report: Report | RecipeReport;
  readonly differs: boolean;
}

type Kind = Finding["kind"];

/** Ctrl-C ends the run after the seed under way, with its figures. */
let isInterrupted = false;
process.once("SIGINT", () => {
  isInterrupted = true;
});

async function runShare(share: Share, found: (finding: Finding) => boolean): Promise<void> {
  const until = performance.now() + share.minutes * 60_000;
  for (let i = 0; i < share.seeds && performance.now() < until && !isInterrupted; i++) {
    const seed = share.from + i * share.step;
    const kinds: Kind[] =
      share.recipes !== null ? ["recipes"] : seed % RECIPES_EVERY === 0 ? ["servers", "recipes"] : ["servers"];
    for (const kind of kinds) {
      const report = await play(kind, seed, share.recipes);
      const differs = share.twice && (await play(kind, seed, share.recipes)).traceHash !== report.traceHash;
      if (!found({ kind, report, differs })) return;
    }
    await new Promise((resolve) => setImmediate(resolve)); // a simulation leaves the event loop, and signals, no turn
  }
}

function play(
  kind: Kind,
  seed: number,
  recipes: Recipes,
  tell?: (line: string) => void,
): Promise<Report | RecipeReport> {
  if (kind === "servers") return simulate(seed, { tell });
  return simulateRecipes(seed, { tell, recipes: recipes === "all" || recipes === null ? undefined : recipes });
}

async function tellStory(seed: number, recipes: Recipes): Promise<Report | RecipeReport> {
  const report = await play(recipes === null ? "servers" : "recipes", seed, recipes, (line) => console.log(line));
  console.log(`trace ${report.traceHash}`);
  return report;
}

async function printEnd({ kind, report, differs }: Finding, recipes: Recipes): Promise<void> {
  const { seed } = report;
  for (const { invariant, what } of report.violations.slice(0, 1)) {
    console.log(`violation: ${invariant}: ${what}`);
    const lines: string[] = [];
    await play(kind, seed, recipes, (line) => lines.push(line));
    for (const line of lines.slice(-STORY_LINES)) console.log(`  ${line}`);
  }
  if (differs) console.log("violation: one seed, one story: a second run came to another trace");
  const options = kind === "servers" ? "" : ` --recipes ${Array.isArray(recipes) ? recipes.join() : "all"}`;
  console.log(`seed ${seed} (npm run sim -- --seed ${seed}${options} tells the whole story)`);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        seed: { type: "string" },
        seeds: { type: "string" },
        from: { type: "string" },
        minutes: { type: "string" },
        jobs: { type: "string" },
        stop: { type: "boolean", default: false },
        twice: { type: "boolean", default: false },
        recipes: { type: "string" },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    return complain((error as Error).message);
  }
}

function complain(problem: string): never {
  console.error(`${problem}\n\n${USAGE}`);
  process.exit(2);
}

function numberIn(text: string | undefined, name: string): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) complain(`--${name} takes a number, not "${text}"`);
  return value;
}

function recipesIn(text: string | undefined): Recipes {
  if (text === undefined) return null;
  if (text === "all") return "all";
  const names = text.split(",");
  const unknown = names.find((name) => !RECIPE_NAMES.some((known) => known === name));
  if (unknown !== undefined)
    complain(`no recipe is called "${unknown}": there are ${RECIPE_NAMES.join(", ")}, and "all"`);
  return names as RecipeName[];
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const only = numberIn(options.seed, "seed");
  const recipes = recipesIn(options.recipes);
  if (only !== null) return (await tellStory(only, recipes)).violations.length === 0 ? 0 : 1;

  const minutes = numberIn(options.minutes, "minutes");
  const seeds = numberIn(options.seeds, "seeds") ?? (minutes === null ? 1000 : Number.POSITIVE_INFINITY);
  const from = numberIn(options.from, "from") ?? Date.now();
  const jobs = Math.max(1, Math.floor(numberIn(options.jobs, "jobs") ?? 1));
  const { stop, twice } = options;
  const shareOf = (job: number): Share => ({
    from: from + job,
    step: jobs,
    seeds: Math.ceil((seeds - job) / jobs),
    minutes: minutes ?? Number.POSITIVE_INFINITY,
    stop,
    twice,
    recipes,
  });

  const statistics = new Statistics();
  let printing = Promise.resolve();
  const onFinding = (finding: Finding): boolean => {
    const { report, differs } = finding;
    if ("entriesCommitted" in report) statistics.add(report, differs);
    else statistics.addRecipes(report, differs);
    if (report.violations.length === 0 && !differs) return true;
    printing = printing.then(() => printEnd(finding, recipes));
    return !stop;
  };
  if (jobs === 1) {
    const began = process.cpuUsage();
    await runShare(shareOf(0), onFinding);
    const { user, system } = process.cpuUsage(began);
    statistics.processorSeconds = (user + system) / 1e6;
  } else {
    await runJobs(
      Array.from({ length: jobs }, (_, job) => shareOf(job)),
      onFinding,
      statistics,
    );
  }
  await printing;
  console.log(statistics.summary(from));
  return statistics.violations === 0 ? 0 : 1;
}

/** Each share in a process of its own; where one is to stop, all do. */
async function runJobs(
  shares: readonly Share[],
  onFinding: (finding: Finding) => boolean,
  statistics: Statistics,
): Promise<void> {
  const children = shares.map((share) => {
    const child = fork(fileURLToPath(import.meta.url), [], {
      env: { ...process.env, CABILDO_SIM_SHARE: JSON.stringify(share) },
      serialization: "advanced",
    });
    child.on("message", (message: Finding | { readonly processorSeconds: number }) => {
      if ("processorSeconds" in message) statistics.processorSeconds += message.processorSeconds;
      else if (!onFinding(message)) for (const other of children) other.kill();
    });
    return child;
  });
  await Promise.all(children.map((child) => new Promise((resolve) => child.once("exit", resolve))));
}

async function runAsJob(share: Share): Promise<void> {
  await runShare(share, (finding) => {
    process.send!(finding);
    return !share.stop || (finding.report.violations.length === 0 && !finding.differs);
  });
  const { user, system } = process.cpuUsage();
  process.send!({ processorSeconds: (user + system) / 1e6 });
  process.disconnect();
}

const job = process.env["CABILDO_SIM_SHARE"];
if (job !== undefined) {
  // What JSON cannot say is "for ever".
  const share = JSON.parse(job) as { [K in keyof Share]: Share[K] | null };
  const endless = Number.POSITIVE_INFINITY;
  await runAsJob({ ...(share as Share), seeds: share.seeds ?? endless, minutes: share.minutes ?? endless });
} else {
  process.exitCode = await main();
}
