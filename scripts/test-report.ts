// What is printed of a run of test files: a line for each file when it ends, its failures in full, and the slowest files.

import type { FileRun } from "./test-files.ts";

const SLOWEST_MAX = 10;

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface ReportOptions {
  /** Each test is named, and not only each file. */
  readonly isVerbose: boolean;
  /** Only some tests were asked for, so a file may have none. */
  readonly isFiltered: boolean;
}

export class TestReport {
  readonly #print: (text: string) => void;
  readonly #options: ReportOptions;
  readonly #times: { readonly file: string; readonly ms: number }[] = [];
  #totals: Totals = { passed: 0, failed: 0, skipped: 0 };

  constructor(print: (text: string) => void, options: ReportOptions) {
    this.#print = print;
    this.#options = options;
  }

  onFile(run: FileRun): void {
    this.#times.push(run);
    const { passed, failed, skipped } = countsIn(run);
    const failure = failed > 0 ? null : this.#failureOf(run, passed + skipped);
    const counted = { passed, failed: failure === null ? failed : 1, skipped };
    this.#totals = sumOf([this.#totals, counted]);
    if (passed + counted.failed + skipped === 0) return; // no test was asked for
    this.#print(`${counted.failed === 0 ? "✔" : "✖"} ${run.file}: ${countsText(counted)}, ${seconds(run.ms)}\n`);
    const text = [run.output.trimEnd(), ...this.#linesOf(run), ...(failure === null ? [] : [`✖ ${failure}`])];
    for (const each of text) if (each !== "") this.#print(`${indented(each)}\n`);
  }

  get totals(): Totals {
    return this.#totals;
  }

  get slowestFiles(): readonly string[] {
    return [...this.#times]
      .sort((a, b) => b.ms - a.ms)
      .slice(0, SLOWEST_MAX)
      .map(({ file, ms }) => `${seconds(ms).padStart(9)}  ${file}`);
  }

  /** Why a file without a failed test has failed all the same. */
  #failureOf({ failure }: FileRun, tests: number): string | null {
    if (failure !== null) return failure;
    return tests === 0 && !this.#options.isFiltered ? "no test has ended in it" : null;
  }

  #linesOf({ results }: FileRun): readonly string[] {
    return results.flatMap(({ kind, text, nesting, ms, detail }) => {
      const title = `${"  ".repeat(nesting)}${text}`;
      if (kind === "failed") return [`✖ ${title}\n${indented(detail)}`];
      if (kind === "skipped") return [`- ${title}${detail === "" ? "" : `: ${detail}`}`];
      if (kind === "said") return [`ℹ ${title}`];
      return this.#options.isVerbose ? [`✔ ${title} (${seconds(ms)})`] : [];
    });
  }
}

function countsIn({ results }: FileRun): Totals {
  const count = (kind: string) => results.filter((result) => result.kind === kind).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
}

export function sumOf(all: readonly Totals[]): Totals {
  return {
    passed: all.reduce((sum, { passed }) => sum + passed, 0),
    failed: all.reduce((sum, { failed }) => sum + failed, 0),
    skipped: all.reduce((sum, { skipped }) => sum + skipped, 0),
  };
}

export function countsText({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "    ");
}
