// Runs the tests, lane by lane: `npm test` the quick lanes, `npm run test:all` all that CI runs, `npm test -- FILE` what is named.
// The last line counts what passed and what failed.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { parseArgs } from "node:util";
import { concurrencyOf, filesAt, LANES, type Lane, laneOf, TREE, testFiles } from "./lanes.ts";
import { seconds, type TestEvent, TestReport, type Totals } from "./test-report.ts";

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

/** Time for the processes of a lane to end after its time is over. */
const ENDING_MS = 15_000;

interface Selection {
  readonly lane: Lane;
  readonly files: readonly string[];
}

interface Outcome extends Totals {
  readonly name: string;
  readonly ms: number;
}

interface RunOptions {
  readonly patterns: readonly RegExp[];
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

async function runLane({ lane, files }: Selection, options: RunOptions): Promise<Outcome> {
  print(`\n=== ${lane.name}: ${lane.about}\n`);
  const startedAt = performance.now();
  for (const [name, value] of Object.entries(lane.environment ?? {})) process.env[name] ??= value;
  const totals = lane.script === undefined ? await runFiles(lane, files, options) : await runScript(lane, lane.script);
  const ms = performance.now() - startedAt;
  print(`=== ${lane.name}: ${countsOf(totals)}, ${seconds(ms)}\n`);
  return { name: lane.name, ms, ...totals };
}

async function runFiles(lane: Lane, files: readonly string[], { patterns, isVerbose }: RunOptions): Promise<Totals> {
  const report = new TestReport(print, { isVerbose, isFiltered: patterns.length > 0 });
  const overtime = new AbortController();
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    print(`✖ ${lane.name} took more than ${lane.minutes} minutes; still running: ${report.running.join(", ")}\n`);
    overtime.abort();
    setTimeout(() => process.exit(1), ENDING_MS).unref();
  }, lane.minutes * 60_000);
  const events = run({
    files: files.map((file) => join(TREE, file)),
    concurrency: concurrencyOf(lane),
    timeout: lane.fileMinutes * 60_000,
    signal: overtime.signal,
    testNamePatterns: [...patterns],
  });
  for await (const event of events) report.onEvent(event as TestEvent);
  clearTimeout(timer);
  endLeftProcesses();
  report.printRest();
  if (files.length > 1 && patterns.length === 0) print(`slowest:\n${report.slowestFiles.join("\n")}\n`);
  const { passed, failed, skipped } = report.totals;
  return { passed, failed: isOver && failed === 0 ? 1 : failed, skipped };
}

/** Ends the processes of test files that were asked to end and did not. */
function endLeftProcesses(): void {
  const children = `/proc/${process.pid}/task/${process.pid}/children`;
  if (!existsSync(children)) return; // not Linux
  for (const pid of readFileSync(children, "utf8").split(" ").filter(Boolean)) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(".test.ts")) process.kill(Number(pid), "SIGKILL");
    } catch {
      // it has ended in the meantime
    }
  }
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
  return { passed: hasPassed ? 1 : 0, failed: hasPassed ? 0 : 1, skipped: 0 };
}

/** Never ends by itself. */
async function watch(selections: readonly Selection[], { patterns, isVerbose }: RunOptions): Promise<void> {
  const report = new TestReport(print, { isVerbose, isFiltered: patterns.length > 0 });
  const files = selections.flatMap((selection) => selection.files.map((file) => join(TREE, file)));
  // When a file is renamed, as some editors do to save it, Node 20 looks for the test files in the process's arguments.
  process.argv.splice(1, process.argv.length, ...files);
  const events = run({
    files,
    concurrency: selections.every(({ lane }) => !lane.isAlone) ? concurrencyOf(selections[0]!.lane) : 1,
    testNamePatterns: [...patterns],
    watch: true,
  });
  for await (const event of events) {
    const { type } = event as TestEvent;
    if (type !== "test:watch:drained") {
      report.onEvent(event as TestEvent);
      continue;
    }
    report.printRest();
    print(`=== ${countsOf(report.totals)}; waiting for changes\n`);
  }
}

function countsOf({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
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
  const options = { patterns: values["test-name-pattern"].map(patternOf), isVerbose: values.verbose };
  const lanes =
    values.lane.length > 0
      ? values.lane.map(laneNamed)
      : LANES.filter(({ when }) => when === "quick" || (values.all && when === "all"));
  const isWhole = options.patterns.length === 0 && !values.watch;
  const selections = (positionals.length > 0 ? filesGiven(positionals) : lanes.map((lane) => filesOf(lane))).filter(
    ({ lane }) => lane.script === undefined || isWhole,
  );
  if (values.watch) await watch(selections, options);

  const outcomes: Outcome[] = [];
  for (const selection of selections) outcomes.push(await runLane(selection, options));
  return summarize(outcomes, options);
}

/** `words`, or `/words/flags` as for node:test itself. */
function patternOf(text: string): RegExp {
  const [, source = text, flags = ""] = /^\/(.*)\/([a-z]*)$/.exec(text) ?? [];
  try {
    return new RegExp(source, flags);
  } catch (error) {
    return complain(`--test-name-pattern: ${(error as Error).message}`);
  }
}

function summarize(outcomes: readonly Outcome[], { patterns }: RunOptions): number {
  print("\n");
  for (const outcome of outcomes) {
    print(`${outcome.name.padEnd(14)}${seconds(outcome.ms).padStart(9)}  ${countsOf(outcome)}\n`);
  }
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
  if (passed + failed === 0) {
    const hint = patterns.length === 0 ? "" : ": no name matches in these lanes; --all looks in every lane";
    print(`no test ran${hint}\n`);
  }
  print(`${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

process.exit(await main());
