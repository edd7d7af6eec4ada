// Locks, one at a time and several at once.

import "../../../base/disposal.ts";
import type { Handle, MultiLockHandle } from "../../../recipes/index.ts";
import { holdOnce } from "../contention.ts";
import { type Asking, ExclusionInvariants, isFirst } from "../exclusion-invariants.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

const NAMES = ["a", "b"] as const;
/** So many of one program want it at a time: they take turns in the process as well. */
const HANDS = 2;

export class LockWorkload implements Workload {
  readonly #context: WorkloadContext;
  readonly #exclusion: ReadonlyMap<string, ExclusionInvariants>;
  readonly emptyAfter: readonly string[];

  constructor(context: WorkloadContext) {
    this.#context = context;
    const directoryOf = (name: string) => `${context.root}/locks/${name}`;
    this.#exclusion = new Map(
      NAMES.map((name) => {
        const options = { what: `lock "${name}"`, directory: directoryOf(name), isGranted: isFirst };
        return [name, new ExclusionInvariants(context, options)];
      }),
    );
    this.emptyAfter = NAMES.map(directoryOf);
  }

  async underFaults(program: SimulatedProgram): Promise<void> {
    await this.#context.repeat(program, HANDS, "a lock", () =>
      this.#once(program, NAMES[program.random.below(NAMES.length)]!),
    );
  }

  async #once(program: SimulatedProgram, name: string): Promise<void> {
    const { c, random } = program;
    using wait = program.wait(this.#context.sessionTimeoutMs);
    const onUnsure = random.chance(0.2) ? "abort" : "until-deadline";
    const options = { ...wait.options, onUnsure } as const;
    switch (random.below(6)) {
      case 0:
        return this.#several(program, () => c.multiLock(NAMES).acquire(options));
      case 1:
        return this.#several(program, () => c.multiLock(NAMES).tryAcquire(options));
      case 2: {
        const asking = this.#exclusion.get(name)!.ask(program);
        const held = await c.lock(name).tryAcquire(options);
        return held === null ? undefined : this.#hold(program, name, asking, held);
      }
      case 3: {
        const asking = this.#exclusion.get(name)!.ask(program);
        return c.lock(name).run((held) => this.#work(program, name, asking, held), options);
      }
      default: {
        const asking = this.#exclusion.get(name)!.ask(program);
        return this.#hold(program, name, asking, await c.lock(name).acquire(options));
      }
    }
  }

  async #several(program: SimulatedProgram, acquire: () => Promise<MultiLockHandle | null>): Promise<void> {
    const asking = new Map([...this.#exclusion].map(([name, claims]) => [name, claims.ask(program)]));
    const held = await acquire();
    if (held === null) return;
    const all = [...held.all].map(([name, each]) => {
      const claims = this.#exclusion.get(name)!;
      return { claims, claim: claims.begin(asking.get(name)!, each) };
    });
    await program.hold(held, program.some(this.#context.sessionTimeoutMs / 2));
    for (const { claims, claim } of all) claims.end(claim);
    await held.release();
  }

  async #hold(program: SimulatedProgram, name: string, asking: Asking, held: Handle): Promise<void> {
    await this.#work(program, name, asking, held);
    if (program.random.chance(0.3)) await held[Symbol.asyncDispose]();
    else await held.release();
  }

  async #work(program: SimulatedProgram, name: string, asking: Asking, held: Handle): Promise<void> {
    const claims = this.#exclusion.get(name)!;
    const claim = claims.begin(asking, held);
    await program.hold(held, program.some(this.#context.sessionTimeoutMs / 2));
    claims.end(claim);
  }

  async afterRecovery(program: SimulatedProgram): Promise<void> {
    for (const [name, claims] of this.#exclusion) {
      await holdOnce(claims, program, () => program.c.lock(name).acquire());
    }
  }

  check(): void {}
}
