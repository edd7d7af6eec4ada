// The workload of one recipe: random use during the fault phase, one more use by each program without faults, and what must
// hold at the end.

import type { SimulatedProgram } from "./program.ts";

export interface Workload {
  /** Until `program.over`. What it holds by then is given back; nothing of it waits any longer. */
  underFaults(program: SimulatedProgram): Promise<void>;
  /** All is well, and all programs ask at once: each gets it. `programs` are all that are left. */
  afterRecovery(program: SimulatedProgram, programs: readonly SimulatedProgram[]): Promise<void>;
  /** After the fault phase, and again at the end: directories in which nothing may be left. */
  readonly emptyAfter: readonly string[];
  /** When all is over. */
  check(): void;
}
