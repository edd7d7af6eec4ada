// What the workloads of locks, read-write locks and semaphores share: they hold what was granted for a while, and release it.

import type { Handle } from "../../recipes/index.ts";
import type { Claim, ClaimOptions, ExclusionInvariants } from "./exclusion-invariants.ts";
import type { SimulatedProgram } from "./program.ts";

/** Holds what was granted for a time, and gives it back. */
export async function holdAndRelease(
  exclusion: ExclusionInvariants,
  program: SimulatedProgram,
  claim: Claim,
  held: Handle,
  milliseconds: number,
): Promise<void> {
  await program.hold(held, program.some(milliseconds));
  exclusion.end(claim);
  await held.release();
}

/** Without faults it is granted; held for a moment, and given back. */
export async function holdOnce(
  exclusion: ExclusionInvariants,
  program: SimulatedProgram,
  acquire: () => Promise<Handle>,
  options?: ClaimOptions,
): Promise<void> {
  const asking = exclusion.ask(program);
  const held = await acquire();
  const claim = exclusion.begin(asking, held, options);
  await program.sleep(1);
  exclusion.end(claim);
  await held.release();
}
