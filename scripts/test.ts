// Runs the tests, lane by lane: `npm test` the quick lanes, `npm run test:all` all that CI runs, `npm test -- FILE` what is named.
// The last line counts what passed and what failed.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { concurrencyOf, filesAt, inOrder, LANES, type Lane, laneOf, TREE, testFiles } from "./lanes.ts";
import { runTestFiles } from "./test-files.ts";
import { countsText, seconds, sumOf, TestReport, type Totals } from "./test-report.ts";

const USAGE = `npm test -- [options] [FILE or FOLDER …]

Without a file, a folder or a lane it runs the quick lanes.

  --all                    every lane that CI runs, as npm run test:all does
  --lane NAME              this lane; may be given several times
  --lanes                  lists the lanes
  --test-name-pattern X    only tests whose names match this regular expression; may be given several times
  --watch                  after a change, runs again the files that it concerns, until Ctrl-C
  --update                 rewrites expected outputs (golden files, test/api) by what the tests find; review the difference
  --verbose                a line for each test, not only for each file
  --help                   this text`;

interface Selection {
  readonly lane: Lane;
  readonly files: readonly string[];
}

interface Outcome extends Totals {
  readonly name: string;
  readonly ms: number;
}

interface Asked {
  readonly namePatterns: readonly string[];
  readonly isVerbose: boolean;
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        all: { type: "boolean", default: false },
        lane: { type: "string", multiple: true, default: [] },
        lanes: { type: "boolean", default: false },
        "test-name-pattern": { type: "string", multiple: true, default: [] },
        watch: { type: "boolean", default: false },
        update: { type: "boolean", default: false },
        verbose: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    return complain((error as Error).message);
  }
}

function complain(problem: string): never {
  console.error(`${problem}\n\n${USAGE}`);
  process.exit(2);
}

function print(text: string): void {
  process.stdout.write(text);
}

function filesOf(lane: Lane, files: readonly string[] = testFiles()): Selection {
  return { lane, files: files.filter((file) => laneOf(file) === lane) };
}

function laneNamed(name: string): Lane {
  const lane = LANES.find((each) => each.name === name);
  return lane ?? complain(`no lane is called "${name}": there are ${LANES.map((each) => each.name).join(", ")}`);
}

/** The files at these paths, each in its lane. */
function filesGiven(paths: readonly string[]): readonly Selection[] {
  const files = paths.flatMap((path) => {
    if (!existsSync(path)) complain(`there is no file or folder "${path}"`);
    const found = filesAt(path);
    const [stray] = found.filter((file) => laneOf(file) === null);
    if (stray !== undefined) complain(`"${stray}" is in no lane of scripts/lanes.ts, or is no test file`);
    if (found.length === 0) complain(`there are no test files in "${path}"`);
    return found;
  });
  return LANES.map((lane) => filesOf(lane, [...new Set(files)])).filter((selection) => selection.files.length > 0);
}

async function runLane({ lane, files }: Selection, asked: Asked): Promise<Outcome> {
  print(`\n=== ${lane.name}: ${lane.about}\n`);
  const startedAt = performance.now();
  const totals = lane.script === undefined ? await runFiles(lane, files, asked) : await runScript(lane, lane.script);
  const ms = performance.now() - startedAt;
  print(`=== ${lane.name}: ${countsText(totals)}, ${seconds(ms)}\n`);
  return { name: lane.name, ms, ...totals };
}

async function runFiles(lane: Lane, files: readonly string[], { namePatterns, isVerbose }: Asked): Promise<Totals> {
  const isFiltered = namePatterns.length > 0;
  const report = new TestReport(print, { isVerbose, isFiltered });
  const { fileMinutes, minutes, environment = {} } = lane;
  const options = { concurrency: concurrencyOf(lane), fileMinutes, minutes, namePatterns, environment };
  await runTestFiles(inOrder(lane, files), options, (run) => report.onFile(run));
  if (files.length > 1 && !isFiltered) print(`slowest:\n${report.slowestFiles.join("\n")}\n`);
  return report.totals;
}

/** A lane that is one program: it passes or fails as a whole. */
async function runScript(lane: Lane, script: readonly string[]): Promise<Totals> {
  const child = spawn(process.execPath, ["--import", "tsx", ...script], {
    cwd: TREE,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: lane.minutes * 60_000,
    killSignal: "SIGKILL",
  });
  const hasPassed = await new Promise<boolean>((resolve) => {
    child.once("error", () => resolve(false));
    child.once("exit", (status) => resolve(status === 0));
  });
  if (!hasPassed && lane.drawsInputs === true && process.env["FRESH_SEEDS"] === "report") {
    print("reported, and not counted: what fresh seeds find may be older than the change\n");
    return { passed: 0, failed: 0, skipped: 1 };
  }
  return { passed: hasPassed ? 1 : 0, failed: hasPassed ? 0 : 1, skipped: 0 };
}

/** node:test itself knows which files import what has changed. Ends with Ctrl-C. */
async function watch(selections: readonly Selection[], { namePatterns }: Asked): Promise<number> {
  const concurrency = Math.min(...selections.map(({ lane }) => concurrencyOf(lane)));
  const child = spawn(
    process.execPath,
    [
      "--import",
      "tsx",
      "--test",
      "--watch",
      "--test-reporter=spec",
      `--test-concurrency=${concurrency}`,
      ...namePatterns.map((pattern) => `--test-name-pattern=${pattern}`),
      ...selections.flatMap(({ files }) => files),
    ],
    { cwd: TREE, stdio: "inherit" },
  );
  return new Promise((resolve) => child.once("exit", (status) => resolve(status ?? 1)));
}

function listLanes(): void {
  for (const lane of LANES) {
    const { files } = filesOf(lane);
    const when = { quick: "npm test", all: "npm run test:all", asked: `npm test -- --lane ${lane.name}` }[lane.when];
    print(`${lane.name.padEnd(14)}${String(files.length).padStart(4)} files  ${when.padEnd(28)}  ${lane.about}\n`);
  }
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  if (values.help) {
    print(`${USAGE}\n`);
    return 0;
  }
  if (values.lanes) {
    listLanes();
    return 0;
  }
  if (values.update) process.env["UPDATE"] = "1";
  const asked = { namePatterns: values["test-name-pattern"], isVerbose: values.verbose };
  const lanes =
    values.lane.length > 0
      ? values.lane.map(laneNamed)
      : LANES.filter(({ when }) => when === "quick" || (values.all && when === "all"));
  const isWhole = asked.namePatterns.length === 0 && !values.watch;
  const selections = (positionals.length > 0 ? filesGiven(positionals) : lanes.map((lane) => filesOf(lane))).filter(
    ({ lane }) => lane.script === undefined || isWhole,
  );
  if (values.watch) return watch(selections, asked);

  const outcomes: Outcome[] = [];
  for (const selection of selections) outcomes.push(await runLane(selection, asked));
  return summarize(outcomes, asked);
}

function summarize(outcomes: readonly Outcome[], { namePatterns }: Asked): number {
  print("\n");
  for (const outcome of outcomes) {
    print(`${outcome.name.padEnd(14)}${seconds(outcome.ms).padStart(9)}  ${countsText(outcome)}\n`);
  }
  const { passed, failed } = sumOf(outcomes);
  if (passed + failed === 0) {
    const hint = namePatterns.length === 0 ? "" : ": no name matches in these lanes; --all looks in every lane";
    print(`no test ran${hint}\n`);
  }
  print(`${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

process.exit(await main());
