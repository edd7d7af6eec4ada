// The environment of all workloads of one seed: the ensemble, the programs, the history of the state, and the report of
// violations.

import { CoordinationError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import type { Violation } from "../../sim/kernel/member-invariants.ts";
import type { SimulatedProgram } from "./program.ts";
import type { StateHistory } from "./state-history.ts";

export interface WorkloadContextOptions {
  readonly random: Random;
  readonly history: StateHistory;
  readonly sessionTimeoutMs: number;
  readonly root: string;
  readonly now: () => number;
  readonly onNote: (what: string) => void;
}

export class WorkloadContext {
  readonly random: Random;
  readonly history: StateHistory;
  /** As programs ask for it. What they do is in proportion to it. */
  readonly sessionTimeoutMs: number;
  /** Below which all recipes stand. */
  readonly root: string;
  readonly violations: Violation[] = [];
  /** What happens to programs from here on concerns nobody. */
  isOver = false;
  /** Asked now and then, and at the end. */
  readonly periodicChecks: (() => void)[] = [];
  /** Has an operator remove a node, on days on which one does such things. */
  remove: (path: string) => void = () => {};
  /** How what was tried ended, for the figures. */
  readonly outcomes = new Map<string, number>();
  readonly #now: () => number;
  readonly #onNote: (what: string) => void;

  constructor({ random, history, sessionTimeoutMs, root, now, onNote }: WorkloadContextOptions) {
    this.random = random;
    this.history = history;
    this.sessionTimeoutMs = sessionTimeoutMs;
    this.root = root;
    this.#now = now;
    this.#onNote = onNote;
  }

  /** True time. */
  get now(): number {
    return this.#now();
  }

  note(what: string): void {
    this.#onNote(what);
  }

  violate(invariant: string, what: string): void {
    if (this.isOver) return;
    this.violations.push({ invariant, what });
    this.note(`VIOLATION ${invariant}: ${what}`);
  }

  /**
   * What it comes to; null where it fails, as anything may under faults. It fails with a CoordinationError alone: every other is
   * a fault of the recipes.
   */
  async attempt<T>(program: SimulatedProgram, what: string, work: () => Promise<T>): Promise<T | null> {
    try {
      const result = await work();
      this.#count("done");
      return result;
    } catch (error) {
      this.failed(program, what, error);
      return null;
    }
  }

  /** So many loops of one program at a time: a pause, then an attempt, until the faults are over. */
  async repeat(program: SimulatedProgram, loops: number, what: string, work: () => Promise<unknown>): Promise<void> {
    const { over } = program;
    const loop = async () => {
      while (!over.signal.aborted) {
        await program.sleepUnless(over.signal, program.some(this.sessionTimeoutMs / 4));
        await this.attempt(program, what, work);
      }
    };
    await Promise.all(Array.from({ length: loops }, loop));
  }

  /** Something failed: it may, but not anyhow. */
  failed(program: SimulatedProgram, what: string, error: unknown): CoordinationError | null {
    if (!(error instanceof CoordinationError)) {
      const shown = error instanceof Error ? error.stack : String(error);
      this.violate("errors are of one kind", `${program.name}, ${what}: ${shown}`);
      return null;
    }
    this.#count(error.code);
    this.note(`${program.name}, ${what}: ${error.code}, ${error.outcome}: ${error.message}`);
    return error;
  }

  #count(how: string): void {
    this.outcomes.set(how, (this.outcomes.get(how) ?? 0) + 1);
  }
}
