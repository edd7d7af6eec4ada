// Barriers that any program sets, waits for and removes.

import "../../../base/disposal.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

const NAME = "gate";

export class BarrierWorkload implements Workload {
  readonly #context: WorkloadContext;
  readonly #path: string;
  readonly emptyAfter = [];

  constructor(context: WorkloadContext) {
    this.#context = context;
    this.#path = `${context.root}/barriers/${NAME}`;
  }

  async underFaults(program: SimulatedProgram): Promise<void> {
    const { c, random, over } = program;
    const barrier = c.barrier(NAME);
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 4));
      using wait = program.wait(this.#context.sessionTimeoutMs);
      await this.#context.attempt(program, "the barrier", async () => {
        switch (random.below(6)) {
          case 0:
            return void (await barrier.set(wait.options));
          case 1:
            return void (await barrier.remove(wait.options));
          case 2:
            return this.#ask(program, wait.options);
          default:
            return this.#pass(program, wait.options);
        }
      });
    }
  }

  /** Nobody passes a barrier that was set all the while. */
  async #pass(program: SimulatedProgram, options: object): Promise<void> {
    const { history } = this.#context;
    const from = history.zxid;
    await program.c.barrier(NAME).wait(options);
    if (history.wasMissingSince(this.#path, from)) return;
    this.#context.violate("a set barrier blocks", `${program.name} passes one that was there since ${from}`);
  }

  async #ask(program: SimulatedProgram, options: object): Promise<void> {
    const { history } = this.#context;
    const from = history.zxid;
    const wasThere = history.isThereAt(this.#path, from);
    const isSet = await program.c.barrier(NAME).isSet(options);
    const isSame = history.changedAt(this.#path, from) === history.changedAt(this.#path, history.zxid);
    if (isSame && isSet !== wasThere) {
      this.#context.violate("reads are fresh", `${program.name} reads that the barrier is ${isSet ? "" : "not "}set`);
    }
  }

  /** Whoever waits passes, as soon as somebody removes it. */
  async afterRecovery(program: SimulatedProgram, programs: readonly SimulatedProgram[]): Promise<void> {
    const barrier = program.c.barrier(NAME);
    if (program !== programs[0]) return barrier.wait();
    await barrier.set();
    await program.sleep(this.#context.sessionTimeoutMs / 4);
    await barrier.remove();
  }

  check(): void {}
}
