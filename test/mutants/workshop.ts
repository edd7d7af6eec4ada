// A copy of the tree in which a bug is planted, hunted, and taken out again. The tree that people work in is never touched.

import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Mutant, planted } from "./mutant.ts";
import type { Finding, Suite } from "./suites.ts";

const COPIED = ["src", "test", "scripts", "docs", "package.json", "tsconfig.json", "tsconfig.build.json"];
const LOAD_DEADLINE_MS = 30_000;
/** Of what a suite says, so much is kept: the failure stands in it. */
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const EXCERPT_LINES = 25;

export type Trial =
  | { readonly kind: "passed"; readonly seconds: number }
  | { readonly kind: "failed"; readonly seconds: number; readonly finding: Finding; readonly excerpt: string };

export class Workshop {
  readonly #tree: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "cabildo-mutants-"));

  constructor(tree: string) {
    this.#tree = tree;
    for (const name of COPIED) {
      if (existsSync(join(tree, name))) cpSync(join(tree, name), join(this.#folder, name), { recursive: true });
    }
    symlinkSync(join(tree, "node_modules"), join(this.#folder, "node_modules"));
  }

  plant(mutant: Mutant): void {
    writeFileSync(join(this.#folder, mutant.file), planted(mutant, this.#original(mutant)));
  }

  /** Puts the rule back. */
  mend(mutant: Mutant): void {
    writeFileSync(join(this.#folder, mutant.file), this.#original(mutant));
  }

  /** Null if the patched file can be loaded, else why not: a bug that is none would be caught by anything. */
  async loadFailure(mutant: Mutant): Promise<string | null> {
    const url = pathToFileURL(join(this.#folder, mutant.file)).href;
    const command = ["--import", "tsx", "--input-type=module", "--eval", `await import(${JSON.stringify(url)})`];
    const { passed, output } = await this.#run(command, LOAD_DEADLINE_MS);
    return passed ? null : output;
  }

  async try(suite: Suite): Promise<Trial> {
    const began = performance.now();
    const { passed, isLate, output } = await this.#run(suite.command, suite.deadlineMs);
    const seconds = (performance.now() - began) / 1000;
    if (passed) return { kind: "passed", seconds };
    const late = { by: suite.findLate(output), seeds: null };
    return { kind: "failed", seconds, finding: isLate ? late : suite.find(output), excerpt: excerptOf(output) };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #original(mutant: Mutant): string {
    return readFileSync(join(this.#tree, mutant.file), "utf8");
  }

  #run(
    command: readonly string[],
    deadlineMs: number,
  ): Promise<{ readonly passed: boolean; readonly isLate: boolean; readonly output: string }> {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    return new Promise((resolve, reject) => {
      // A group of its own: what the suite started ends with it.
      const child = spawn(process.execPath, command, { cwd: this.#folder, env, detached: true });
      let output = "";
      let isLate = false;
      const take = (chunk: Buffer): void => {
        if (output.length < OUTPUT_BYTES_MAX) output += chunk.toString();
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      const deadline = setTimeout(() => {
        isLate = true;
        process.kill(-child.pid!, "SIGKILL");
      }, deadlineMs);
      child.on("error", reject);
      child.on("close", (code) => {
        clearTimeout(deadline);
        resolve({ passed: code === 0 && !isLate, isLate, output });
      });
    });
  }
}

/** What surrounds the first failure; else how it ended. */
function excerptOf(output: string): string {
  const lines = output.split("\n");
  const at = lines.findIndex((line) => /^\s*not ok |^violation: /.test(line));
  return (at === -1 ? lines.slice(-EXCERPT_LINES) : lines.slice(at, at + EXCERPT_LINES)).join("\n");
}
