// Locks, one at a time and several at once.

import "../../../base/disposal.ts";
import type { Held, MultiHeld } from "../../../recipes/index.ts";
import { type Asking, Claims, isFirst } from "../claims.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { World } from "../world.ts";

const NAMES = ["a", "b"] as const;
/** So many of one program want it at a time: they take turns in the process as well. */
const HANDS = 2;

export class LockWorkload implements Workload {
  readonly #world: World;
  readonly #claims: ReadonlyMap<string, Claims>;
  readonly emptyAfter: readonly string[];

  constructor(world: World) {
    this.#world = world;
    const directoryOf = (name: string) => `${world.root}/locks/${name}`;
    this.#claims = new Map(
      NAMES.map((name) => {
        const options = { what: `lock "${name}"`, directory: directoryOf(name), isGranted: isFirst };
        return [name, new Claims(world, options)];
      }),
    );
    this.emptyAfter = NAMES.map(directoryOf);
  }

  async storm(program: SimulatedProgram): Promise<void> {
    await Promise.all(Array.from({ length: HANDS }, () => this.#hand(program)));
  }

  async #hand(program: SimulatedProgram): Promise<void> {
    const { random, over } = program;
    const { sessionTimeoutMs } = this.#world;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(sessionTimeoutMs / 4));
      const name = NAMES[random.below(NAMES.length)]!;
      await this.#world.attempt(program, `lock "${name}"`, () => this.#once(program, name));
    }
  }

  async #once(program: SimulatedProgram, name: string): Promise<void> {
    const { c, random } = program;
    using wait = program.wait(this.#world.sessionTimeoutMs);
    const onUnsure = random.chance(0.2) ? "abort" : "until-deadline";
    const options = { ...wait.options, onUnsure } as const;
    switch (random.below(6)) {
      case 0:
        return this.#several(program, () => c.multiLock(NAMES).acquire(options));
      case 1:
        return this.#several(program, () => c.multiLock(NAMES).tryAcquire(options));
      case 2: {
        const asking = this.#claims.get(name)!.ask(program);
        const held = await c.lock(name).tryAcquire(options);
        return held === null ? undefined : this.#hold(program, name, asking, held);
      }
      case 3: {
        const asking = this.#claims.get(name)!.ask(program);
        return c.lock(name).run((held) => this.#work(program, name, asking, held), options);
      }
      default: {
        const asking = this.#claims.get(name)!.ask(program);
        return this.#hold(program, name, asking, await c.lock(name).acquire(options));
      }
    }
  }

  async #several(program: SimulatedProgram, acquire: () => Promise<MultiHeld | null>): Promise<void> {
    const asking = new Map([...this.#claims].map(([name, claims]) => [name, claims.ask(program)]));
    const held = await acquire();
    if (held === null) return;
    const all = [...held.all].map(([name, each]) => {
      const claims = this.#claims.get(name)!;
      return { claims, claim: claims.begin(asking.get(name)!, each) };
    });
    await program.hold(held, program.some(this.#world.sessionTimeoutMs / 2));
    for (const { claims, claim } of all) claims.end(claim);
    await held.release();
  }

  async #hold(program: SimulatedProgram, name: string, asking: Asking, held: Held): Promise<void> {
    await this.#work(program, name, asking, held);
    if (program.random.chance(0.3)) await held[Symbol.asyncDispose]();
    else await held.release();
  }

  async #work(program: SimulatedProgram, name: string, asking: Asking, held: Held): Promise<void> {
    const claims = this.#claims.get(name)!;
    const claim = claims.begin(asking, held);
    await program.hold(held, program.some(this.#world.sessionTimeoutMs / 2));
    claims.end(claim);
  }

  async calm(program: SimulatedProgram): Promise<void> {
    for (const [name, claims] of this.#claims) {
      const asking = claims.ask(program);
      const held = await program.c.lock(name).acquire();
      const claim = claims.begin(asking, held);
      await program.sleep(1);
      claims.end(claim);
      await held.release();
    }
  }

  check(): void {}
}
