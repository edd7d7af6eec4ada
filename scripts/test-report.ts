// What is printed of a run of test files: a line for each file when it ends, its failures in full, and the slowest files.
// It reads the events of `run` of node:test.

import { resolve } from "node:path";
import { inspect } from "node:util";
import { fromTree } from "./lanes.ts";

const SLOWEST_MAX = 10;
/** What node:test gives as the reason of a test that a name pattern leaves out. */
const LEFT_OUT = /does not match pattern/;
/** A line of the summary that node:test adds by itself. */
const COUNT = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The part of an event of node:test that is read here. Its own types differ between releases of Node. */
export interface TestEvent {
  readonly type: string;
  readonly data: EventData;
}

interface EventData {
  readonly name?: string;
  readonly file?: string;
  readonly nesting?: number;
  readonly message?: string;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details?: { readonly type?: string; readonly duration_ms?: number; readonly error?: unknown };
}

interface FileRun {
  readonly file: string;
  readonly startedAt: number;
  ms: number;
  passed: number;
  failed: number;
  skipped: number;
  hasEnded: boolean;
  isPrinted: boolean;
  /** What it printed, and the names of its tests where they are wanted. */
  readonly output: string[];
  readonly failures: string[];
}

export class TestReport {
  readonly #print: (text: string) => void;
  readonly #isVerbose: boolean;
  readonly #isFiltered: boolean;
  readonly #files = new Map<string, FileRun>();
  /** Results come one file after another, also when files run in parallel: this is the file of the last result. */
  #current: FileRun | null = null;

  /** `isVerbose`: each test is named. `isFiltered`: files may have no test that was asked for. */
  constructor(print: (text: string) => void, { isVerbose, isFiltered }: { isVerbose: boolean; isFiltered: boolean }) {
    this.#print = print;
    this.#isVerbose = isVerbose;
    this.#isFiltered = isFiltered;
  }

  onEvent({ type, data }: TestEvent): void {
    if (type === "test:diagnostic") {
      this.#onDiagnostic(data);
      return;
    }
    const path = resolve(data.file ?? data.name ?? "");
    const isFile = data.nesting === 0 && data.name !== undefined && resolve(data.name) === path;
    if (isFile && type === "test:dequeue") this.#files.set(path, fileRun(path));
    const run = this.#files.get(path);
    if (run === undefined) return;
    if (this.#current !== run) this.#printCurrent();
    if (type === "test:stdout" || type === "test:stderr") run.output.push(data.message ?? "");
    if (isFile && type === "test:complete") {
      run.ms = performance.now() - run.startedAt;
      run.hasEnded = true;
    }
    if (type === "test:pass" || type === "test:fail") {
      this.#current = run;
      this.#onResult(run, type === "test:pass", isFile, data);
    }
  }

  /** Prints the files that have ended and were not printed yet. */
  printRest(): void {
    for (const run of this.#files.values()) if (run.hasEnded) this.#printFile(run);
  }

  /** Files that have begun and have not ended. */
  get running(): readonly string[] {
    return [...this.#files.values()].filter(({ hasEnded }) => !hasEnded).map(({ file }) => file);
  }

  get totals(): Totals {
    const totals = { passed: 0, failed: 0, skipped: 0 };
    for (const { passed, failed, skipped } of this.#files.values()) {
      totals.passed += passed;
      totals.failed += failed;
      totals.skipped += skipped;
    }
    return totals;
  }

  get slowestFiles(): readonly string[] {
    return [...this.#files.values()]
      .sort((a, b) => b.ms - a.ms)
      .slice(0, SLOWEST_MAX)
      .map(({ file, ms }) => `${seconds(ms).padStart(9)}  ${file}`);
  }

  #onDiagnostic({ file, message = "" }: EventData): void {
    const run = file === undefined ? undefined : this.#files.get(resolve(file));
    if (run !== undefined) run.output.push(`ℹ ${message}\n`);
    else if (!COUNT.test(message)) this.#print(`ℹ ${message}\n`);
  }

  #onResult(
    run: FileRun,
    hasPassed: boolean,
    isFile: boolean,
    { name, nesting, skip, todo, details }: EventData,
  ): void {
    if (details?.type === "suite" || (isFile && hasPassed)) return;
    if (isFile && run.failed > 0) return; // the file has failed because its tests have
    const title = isFile ? "the file as a whole" : `${"  ".repeat(nesting ?? 0)}${name}`;
    const reason = typeof skip === "string" ? skip : "";
    if (LEFT_OUT.test(reason)) return;
    if (skip !== undefined && skip !== false) {
      run.skipped++;
      run.output.push(`- ${title}${reason === "" ? "" : `: ${reason}`}\n`);
    } else if (hasPassed) {
      run.passed++;
      if (this.#isVerbose) run.output.push(`✔ ${title} (${seconds(details?.duration_ms ?? 0)})\n`);
    } else if (todo === undefined || todo === false) {
      onFailure(run, title, textOf(details?.error));
    }
  }

  #printCurrent(): void {
    if (this.#current?.hasEnded) this.#printFile(this.#current);
  }

  #printFile(run: FileRun): void {
    if (run.isPrinted) return;
    run.isPrinted = true;
    const isEmpty = run.passed + run.failed + run.skipped === 0;
    if (isEmpty && this.#isFiltered) return;
    if (isEmpty) onFailure(run, "it has no tests", "");
    const skipped = run.skipped === 0 ? "" : `, ${run.skipped} skipped`;
    const outcome = run.failed === 0 ? `${run.passed} passed` : `${run.passed} passed, ${run.failed} FAILED`;
    this.#print(`${run.failed === 0 ? "✔" : "✖"} ${run.file}: ${outcome}${skipped}, ${seconds(run.ms)}\n`);
    const text = [...run.output, ...run.failures].join("");
    if (text !== "") this.#print(`${indented(text.trimEnd())}\n`);
  }
}

function onFailure(run: FileRun, title: string, text: string): void {
  run.failed++;
  run.failures.push(`✖ ${title}\n${indented(text)}\n`);
}

function fileRun(path: string): FileRun {
  return {
    file: fromTree(path),
    startedAt: performance.now(),
    ms: 0,
    passed: 0,
    failed: 0,
    skipped: 0,
    hasEnded: false,
    isPrinted: false,
    output: [],
    failures: [],
  };
}

/** The cause, without the frame that node:test puts around it. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error);
  const { cause, exitCode, signal } = error as Error & { exitCode?: number; signal?: string };
  const how = exitCode == null && signal == null ? "" : ` (exit code ${exitCode}, signal ${signal})`;
  return `${typeof cause === "string" ? cause : inspect(cause ?? error, { depth: 4 })}${how}`;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "    ");
}
