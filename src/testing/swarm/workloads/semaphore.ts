// Permits of a semaphore, several at once.

import "../../../base/disposal.ts";
import { Claims } from "../claims.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { World } from "../world.ts";

const NAME = "permits";
const PERMITS = 3;
const HANDS = 2;

export class SemaphoreWorkload implements Workload {
  readonly #world: World;
  readonly #claims: Claims;
  readonly emptyAfter: readonly string[];

  constructor(world: World) {
    this.#world = world;
    const place = `${world.root}/semaphores/${NAME}`;
    this.#claims = new Claims(world, {
      what: "the semaphore",
      directory: `${place}/leases`,
      limit: PERMITS,
      isGranted: (names) => names.length <= PERMITS,
    });
    this.emptyAfter = [`${place}/leases`, `${place}/locks`];
  }

  async storm(program: SimulatedProgram): Promise<void> {
    await Promise.all(Array.from({ length: HANDS }, () => this.#hand(program)));
  }

  async #hand(program: SimulatedProgram): Promise<void> {
    const { over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#world.sessionTimeoutMs / 4));
      await this.#world.attempt(program, "the semaphore", () => this.#once(program));
    }
  }

  async #once(program: SimulatedProgram): Promise<void> {
    const { c, random } = program;
    const semaphore = c.semaphore(NAME, { permits: PERMITS });
    using wait = program.wait(this.#world.sessionTimeoutMs);
    const count = 1 + random.below(PERMITS);
    const options = { ...wait.options, count };
    const asking = this.#claims.ask(program);
    const held = random.chance(0.3) ? await semaphore.tryAcquire(options) : await semaphore.acquire(options);
    if (held === null) return;
    const claim = this.#claims.begin(asking, held, { isShared: true, count });
    await program.hold(held, program.some(this.#world.sessionTimeoutMs / 2));
    this.#claims.end(claim);
    await held.release();
  }

  async calm(program: SimulatedProgram): Promise<void> {
    const asking = this.#claims.ask(program);
    const held = await program.c.semaphore(NAME, { permits: PERMITS }).acquire({ count: PERMITS });
    const claim = this.#claims.begin(asking, held, { isShared: true, count: PERMITS });
    await program.sleep(1);
    this.#claims.end(claim);
    await held.release();
  }

  check(): void {}
}
