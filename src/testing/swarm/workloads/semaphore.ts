// Permits of a semaphore, several at once.

import "../../../base/disposal.ts";
import { holdAndRelease, holdOnce } from "../contention.ts";
import { ExclusionInvariants } from "../exclusion-invariants.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

const NAME = "permits";
const HANDS = 2;
const PERMITS = 3;

export class SemaphoreWorkload implements Workload {
  readonly #context: WorkloadContext;
  readonly #exclusion: ExclusionInvariants;
  readonly emptyAfter: readonly string[];

  constructor(context: WorkloadContext) {
    this.#context = context;
    const place = `${context.root}/semaphores/${NAME}`;
    this.#exclusion = new ExclusionInvariants(context, {
      what: "the semaphore",
      directory: `${place}/leases`,
      limit: PERMITS,
      isGranted: (names) => names.length <= PERMITS,
    });
    this.emptyAfter = [`${place}/leases`, `${place}/locks`];
  }

  underFaults(program: SimulatedProgram): Promise<void> {
    return this.#context.repeat(program, HANDS, "the semaphore", () => this.#once(program));
  }

  async #once(program: SimulatedProgram): Promise<void> {
    const { c, random } = program;
    const semaphore = c.semaphore(NAME, { permits: PERMITS });
    using wait = program.wait(this.#context.sessionTimeoutMs);
    const count = 1 + random.below(PERMITS);
    const options = { ...wait.options, count };
    const asking = this.#exclusion.ask(program);
    const held = random.chance(0.3) ? await semaphore.tryAcquire(options) : await semaphore.acquire(options);
    if (held === null) return;
    const claim = this.#exclusion.begin(asking, held, { isShared: true, count });
    await holdAndRelease(this.#exclusion, program, claim, held, this.#context.sessionTimeoutMs / 2);
  }

  async afterRecovery(program: SimulatedProgram): Promise<void> {
    const acquire = () => program.c.semaphore(NAME, { permits: PERMITS }).acquire({ count: PERMITS });
    await holdOnce(this.#exclusion, program, acquire, { isShared: true, count: PERMITS });
  }

  check(): void {}
}
