// Hunts the planted bugs, a few at a time: each with its suites until one notices it, then with the simulator where that is
// to notice it too.

import type { Mutant } from "./mutant.ts";
import { type Finding, type Suite, type SuiteName, suite } from "./suites.ts";
import { type Trial, Workshop } from "./workshop.ts";

export interface Verdict {
  readonly mutant: Mutant;
  /** Of the suites, which noticed it and how; null if none did. */
  readonly caught: ({ readonly suite: SuiteName; readonly seconds: number } & Finding) | null;
  /** Null if it was not asked, or noticed nothing. */
  readonly simulated: ({ readonly seconds: number } & Finding) | null;
  /** The patched file cannot be loaded: the bug is none. */
  readonly loadFailure: string | null;
}

export interface HuntOptions {
  readonly tree: string;
  readonly jobs: number;
  /** False: the simulator alone hunts. */
  readonly isTested: boolean;
  /** Null: the simulator is left out. */
  readonly simulator: Suite | null;
  readonly onVerdict: (verdict: Verdict) => void;
}

/** What fails although nothing is planted: it would catch everything, and prove nothing. */
export async function failingAnyway(
  mutants: readonly Mutant[],
  { tree, jobs, isTested, simulator }: HuntOptions,
): Promise<readonly { readonly name: string; readonly trial: Trial & { kind: "failed" } }[]> {
  const suites = new Map<string, Suite>();
  const names = isTested ? mutants.flatMap(({ caughtBy }) => caughtBy) : [];
  for (const name of new Set(names)) suites.set(name, suite(name));
  if (simulator !== null) suites.set("simulator", simulator);
  const failing: { name: string; trial: Trial & { kind: "failed" } }[] = [];
  await inWorkshops(tree, jobs, [...suites], async (workshop, [name, tried]) => {
    const trial = await workshop.try(tried);
    if (trial.kind === "failed") failing.push({ name, trial });
  });
  return failing;
}

export async function hunt(mutants: readonly Mutant[], options: HuntOptions): Promise<readonly Verdict[]> {
  const verdicts = new Map<Mutant, Verdict>();
  await inWorkshops(options.tree, options.jobs, mutants, async (workshop, mutant) => {
    const verdict = await judge(workshop, mutant, options);
    verdicts.set(mutant, verdict);
    options.onVerdict(verdict);
  });
  return mutants.map((mutant) => verdicts.get(mutant)!);
}

async function judge(workshop: Workshop, mutant: Mutant, { isTested, simulator }: HuntOptions): Promise<Verdict> {
  workshop.plant(mutant);
  try {
    const loadFailure = await workshop.loadFailure(mutant);
    if (loadFailure !== null) return { mutant, caught: null, simulated: null, loadFailure };
    const caught = isTested ? await firstToNotice(workshop, mutant.caughtBy) : null;
    const trial = mutant.simulator === true && simulator !== null ? await workshop.try(simulator) : null;
    const simulated = trial?.kind === "failed" ? { ...trial.finding, seconds: trial.seconds } : null;
    return { mutant, caught, simulated, loadFailure };
  } finally {
    workshop.mend(mutant);
  }
}

async function firstToNotice(workshop: Workshop, names: readonly SuiteName[]): Promise<Verdict["caught"]> {
  for (const name of names) {
    const trial = await workshop.try(suite(name));
    if (trial.kind === "failed") return { suite: name, ...trial.finding, seconds: trial.seconds };
  }
  return null;
}

/** Each piece of work in one of so many workshops, in order. */
async function inWorkshops<Work>(
  tree: string,
  jobs: number,
  work: readonly Work[],
  doIt: (workshop: Workshop, piece: Work) => Promise<void>,
): Promise<void> {
  const rest = [...work];
  const serve = async (): Promise<void> => {
    const workshop = new Workshop(tree);
    try {
      for (let piece = rest.shift(); piece !== undefined; piece = rest.shift()) await doIt(workshop, piece);
    } finally {
      workshop.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, work.length) }, serve));
}
