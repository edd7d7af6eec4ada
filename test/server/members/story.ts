// The verbs that the stories of whole members share.
import { setTimeout as sleep } from "node:timers/promises";
import { type Ensemble, type EnsembleOptions, type Member, startEnsemble } from "../../support/ensemble.ts";
import { type ZooKeeperClient, ZooKeeperError } from "../../support/zookeeper-client.ts";

/** Looks until it holds; what throws does not hold yet. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, withinMs = 15_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  let trouble: unknown = null;
  for (;;) {
    try {
      if (await holds()) return;
    } catch (error) {
      trouble = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: trouble });
    await sleep(30);
  }
}

export function untilTold(member: Member, line: RegExp): Promise<void> {
  return until(`member ${member.id} says ${line}`, () => line.test(member.log()));
}

/** An ensemble of ours for one story; what its members said last stands in the error if the story fails. */
export async function withEnsemble(
  options: Omit<EnsembleOptions, "flavour">,
  story: (ensemble: Ensemble) => Promise<void>,
): Promise<void> {
  const ensemble = await startEnsemble({ flavour: "cabildo", ...options });
  try {
    await story(ensemble);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${ensemble.lastWords()}`, { cause: error });
  } finally {
    await ensemble.stop();
  }
}

/** The code of the error that it ends in; 0: none. */
export async function codeOf(work: Promise<unknown>): Promise<number> {
  try {
    await work;
    return 0;
  } catch (error) {
    if (error instanceof ZooKeeperError) return error.code;
    throw error;
  }
}

/** Fails with what is lost, if anything is. */
export async function assertHoldsAll(client: ZooKeeperClient, path: string, names: readonly string[]): Promise<void> {
  const held = new Set(await client.getChildren(path));
  const lost = names.filter((name) => !held.has(name));
  if (lost.length > 0) throw new Error(`${lost.length} of ${names.length} acknowledged are lost, as ${lost[0]}`);
}
