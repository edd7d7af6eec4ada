// The figures of many seeds, in a few lines.

import type { Report } from "./simulation.ts";

/** What of a seed of recipes is counted. */
export interface RecipeFigures {
  readonly violations: readonly unknown[];
  readonly simulatedMs: number;
  readonly events: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly outcomes: ReadonlyMap<string, number>;
}

export class Statistics {
  seeds = 0;
  violations = 0;
  /** What all of it took, of one core. */
  processorSeconds = 0;
  #simulatedMs = 0;
  #events = 0;
  #answered = 0;
  #unknown = 0;
  #notifications = 0;
  #sessions = 0;
  #locks = 0;
  #entries = 0;
  readonly #faults = new Map<string, number>();
  #recipeSeeds = 0;
  readonly #outcomes = new Map<string, number>();

  /** `differs`: a second run of the seed came to another trace. */
  add(report: Report, differs: boolean): void {
    this.seeds++;
    if (report.violations.length > 0 || differs) this.violations++;
    this.#simulatedMs += report.simulatedMs;
    this.#events += report.events;
    this.#answered += report.requestsAnswered;
    this.#unknown += report.requestsUnknown;
    this.#notifications += report.notifications;
    this.#sessions += report.sessions;
    this.#locks += report.locksGranted;
    this.#entries += report.entriesCommitted;
    for (const [fault, count] of report.faults) this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + count);
  }

  /** Of a seed in which programs played recipes. */
  addRecipes(report: RecipeFigures, differs: boolean): void {
    this.#recipeSeeds++;
    if (report.violations.length > 0 || differs) this.violations++;
    this.#simulatedMs += report.simulatedMs;
    this.#events += report.events;
    for (const [fault, count] of report.faults) this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + count);
    for (const [how, count] of report.outcomes) this.#outcomes.set(how, (this.#outcomes.get(how) ?? 0) + count);
  }

  summary(from: number): string {
    const seconds = this.processorSeconds;
    const hours = this.#simulatedMs / 3_600_000;
    const faults = [...this.#faults].sort((a, b) => b[1] - a[1]).map(([fault, count]) => `${fault} ${count}`);
    const outcomes = [...this.#outcomes].sort((a, b) => b[1] - a[1]).map(([how, count]) => `${how} ${count}`);
    const all = this.seeds + this.#recipeSeeds;
    return [
      `faults: ${faults.join(", ")}`,
      `clients: ${this.#answered} answers, ${this.#unknown} unknown, ${this.#notifications} events, ` +
        `${this.#sessions} sessions, ${this.#locks} locks granted; ${this.#entries} entries committed`,
      `recipes: ${this.#recipeSeeds} seeds; calls ended as ${outcomes.join(", ") || "nothing"}`,
      `sim: ${all} seeds from ${from}, ${hours.toFixed(1)} simulated hours, ${this.#events} events, ` +
        `${this.violations} violations; a core runs ${(all / seconds).toFixed(1)} seeds a second, ` +
        `${((hours * 60) / seconds).toFixed(0)} simulated hours a minute`,
    ].join("\n");
  }
}
