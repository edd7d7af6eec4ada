// What came of the hunt: a line for each bug, and one line of figures.

import type { Verdict } from "./hunt.ts";

export function lineOf(verdict: Verdict): string {
  const { mutant, caught, simulated, loadFailure } = verdict;
  if (loadFailure !== null) return `cannot be loaded  ${mutant.name}\n${loadFailure}`;
  const status = isCaught(verdict) ? "caught  " : "SURVIVED";
  const by = caught === null ? "by no test" : `by "${caught.by}" (${caught.suite}${spent(caught)})`;
  if (simulated !== null)
    return `${status}  ${mutant.name}: ${by}; by the simulator's "${simulated.by}"${spent(simulated)}`;
  return `${status}  ${mutant.name}: ${by}`;
}

export function isCaught({ caught, simulated }: Verdict): boolean {
  return caught !== null || simulated !== null;
}

function spent({ seeds, seconds }: { readonly seeds: number | null; readonly seconds: number }): string {
  const inSeeds = seeds === null ? "" : `, ${seeds} ${seeds === 1 ? "seed" : "seeds"}`;
  return `${inSeeds}, ${seconds.toFixed(1)} s`;
}

export function figuresOf(verdicts: readonly Verdict[], isSimulated: boolean, seconds: number): string {
  const caught = verdicts.filter(isCaught).length;
  const broken = verdicts.filter(({ loadFailure }) => loadFailure !== null).length;
  const parts = [`${caught} caught`, `${verdicts.length - caught - broken} survived`];
  if (broken > 0) parts.push(`${broken} cannot be loaded`);
  if (isSimulated) {
    const within = verdicts.filter(({ mutant }) => mutant.simulator === true);
    const noticed = within.filter(({ simulated }) => simulated !== null).length;
    parts.push(`${noticed} of the ${within.length} within the simulator's reach noticed by it`);
  }
  return `mutants: ${parts.join(", ")}; ${Math.round(seconds)} s`;
}
