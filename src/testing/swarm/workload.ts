// What programs do with one recipe: at random as long as the storm lasts, then once more each in the calm, when everyone gets what it
// wants; and what has to be so at the end.

import type { SimulatedProgram } from "./program.ts";

export interface Workload {
  /** Until `program.over`. What it holds by then is given back; nothing of it waits any longer. */
  storm(program: SimulatedProgram): Promise<void>;
  /** All is well, and all programs ask at once: each gets it. `programs` are all that are left. */
  calm(program: SimulatedProgram, programs: readonly SimulatedProgram[]): Promise<void>;
  /** After the storm, and again after the calm: directories in which nothing may be left. */
  readonly emptyAfter: readonly string[];
  /** When all is over. */
  check(): void;
}
