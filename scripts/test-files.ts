// Runs test files, each in a process of its own, so many at a time. A file that takes too long is ended, with all that it has started.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Result } from "./event-reporter.ts";
import { TREE } from "./lanes.ts";

const REPORTER = join(TREE, "scripts", "event-reporter.ts");
/** Of what a file prints, the end is kept. */
const OUTPUT_MAX = 1 << 20;
/** How long after a process's end its output may come. */
const OUTPUT_WAIT_MS = 3000;

export interface FileRun {
  readonly file: string;
  readonly results: readonly Result[];
  readonly output: string;
  readonly ms: number;
  /** Null when its process ended as it should. */
  readonly failure: string | null;
}

export interface RunOptions {
  readonly concurrency: number;
  readonly fileMinutes: number;
  /** Of the whole run. Files that have not begun by then have failed. */
  readonly minutes: number;
  readonly namePatterns: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Process groups of files that are running. They end with this process. */
const running = new Set<ChildProcess>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    for (const child of running) end(child);
    process.exit(1);
  });
}

/** Calls `onEnd` for each file when it has ended. */
export async function runTestFiles(
  files: readonly string[],
  options: RunOptions,
  onEnd: (run: FileRun) => void,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cabildo-test-"));
  const deadline = performance.now() + options.minutes * 60_000;
  let next = 0;
  const worker = async () => {
    while (next < files.length) {
      const results = join(folder, String(next));
      const file = files[next++]!;
      const msLeft = Math.min(options.fileMinutes * 60_000, deadline - performance.now());
      onEnd(await runFile(file, { ...options, results, msLeft }));
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, worker));
  rmSync(folder, { recursive: true });
}

async function runFile(
  file: string,
  { results, msLeft, namePatterns, environment }: RunOptions & { readonly results: string; readonly msLeft: number },
): Promise<FileRun> {
  const startedAt = performance.now();
  if (msLeft <= 0) return { file, results: [], output: "", ms: 0, failure: "its lane's time was over before it began" };
  const child = spawn(process.execPath, argumentsFor(file, results, namePatterns), {
    cwd: TREE,
    env: { ...environment, ...process.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // a process group that can be ended whole
  });
  running.add(child);
  let output = "";
  const keep = (text: string) => {
    output = (output + text).slice(-OUTPUT_MAX);
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    end(child);
  }, msLeft);
  const failure = await endOf(child);
  clearTimeout(timer);
  running.delete(child);
  const ms = performance.now() - startedAt;
  const lines = readLines(results);
  const isWhole = lines.at(-1)?.kind === "over";
  let why = failure;
  if (isOver) why = `it took more than ${(msLeft / 60_000).toFixed(1)} minutes`;
  else if (!isWhole && lines.length > 0) why ??= "its process ended before its tests did";
  return { file, results: lines.filter(({ kind }) => kind !== "over"), output, ms, failure: why };
}

/** Null, or how its process failed. What it has left running, and what that holds open, is waited for only so long. */
function endOf(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    const onEnd = (code: number | null, signal: string | null) =>
      resolve(code === 0 ? null : `it ended with ${signal ?? `status ${code}`}`);
    child.once("error", (error) => resolve(String(error)));
    child.once("close", onEnd);
    child.once("exit", (code, signal) => {
      end(child);
      setTimeout(onEnd, OUTPUT_WAIT_MS, code, signal).unref();
    });
  });
}

function argumentsFor(file: string, results: string, namePatterns: readonly string[]): readonly string[] {
  return [
    "--import",
    "tsx",
    `--test-reporter=${REPORTER}`,
    `--test-reporter-destination=${results}`,
    ...namePatterns.map((pattern) => `--test-name-pattern=${pattern}`),
    file,
  ];
}

/** The last line is cut off when the process was ended in the middle of it. */
function readLines(path: string): readonly Result[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Result);
}

function end(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, "SIGKILL");
  } catch {
    // it has ended by itself
  }
}
