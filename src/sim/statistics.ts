// The figures of many seeds, in a few lines of text.

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
  #entries = 0;
  readonly #figures = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  #recipeSeeds = 0;
  readonly #outcomes = new Map<string, number>();

  /** `differs`: a second run of the seed came to another trace. */
  add(report: Report, differs: boolean): void {
    this.seeds++;
    if (report.violations.length > 0 || differs) this.violations++;
    this.#simulatedMs += report.simulatedMs;
    this.#events += report.events;
    this.#entries += report.entriesCommitted;
    addTo(this.#figures, report.figures);
    addTo(this.#faults, report.faults);
  }

  /** Of a seed in which programs played recipes. */
  addRecipes(report: RecipeFigures, differs: boolean): void {
    this.#recipeSeeds++;
    if (report.violations.length > 0 || differs) this.violations++;
    this.#simulatedMs += report.simulatedMs;
    this.#events += report.events;
    addTo(this.#faults, report.faults);
    addTo(this.#outcomes, report.outcomes);
  }

  summary(from: number): string {
    const seconds = this.processorSeconds;
    const hours = this.#simulatedMs / 3_600_000;
    const faults = listed(this.#faults);
    const figures = [...this.#figures].map(([name, count]) => `${count} ${name}`).join(", ");
    const outcomes = listed(this.#outcomes) || "nothing";
    const all = this.seeds + this.#recipeSeeds;
    return [
      `faults: ${faults}`,
      `clients: ${figures}; ${this.#entries} entries committed`,
      `recipes: ${this.#recipeSeeds} seeds; calls ended as ${outcomes}`,
      `sim: ${all} seeds from ${from}, ${hours.toFixed(1)} simulated hours, ${this.#events} events, ` +
        `${this.violations} violations; a core runs ${(all / seconds).toFixed(1)} seeds a second, ` +
        `${((hours * 60) / seconds).toFixed(0)} simulated hours a minute`,
    ].join("\n");
  }
}

function addTo(sums: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
}

/** The most frequent first. */
function listed(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return sorted.map(([name, count]) => `${name} ${count}`).join(", ");
}
