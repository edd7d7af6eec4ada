// Partitions: the items of a set, spread over those who are there, each worked on by one.

import "../../../base/disposal.ts";
import type { PartitionMembership, Share } from "../../../recipes/index.ts";
import { Claims, isFirst } from "../claims.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { World } from "../world.ts";

const NAME = "shards";
const ITEMS = ["i", "j", "k", "l"];

export class PartitionWorkload implements Workload {
  readonly #world: World;
  readonly #claims: ReadonlyMap<string, Claims>;
  readonly emptyAfter: readonly string[];
  /** In the calm: how many each holds. */
  readonly #shares = new Map<SimulatedProgram, PartitionMembership>();
  #done = 0;

  constructor(world: World) {
    this.#world = world;
    const directoryOf = (item: string) => `${world.root}/partitions/${NAME}/locks/${item}`;
    this.#claims = new Map(
      ITEMS.map((item) => {
        const options = { what: `item "${item}"`, directory: directoryOf(item), isGranted: isFirst };
        return [item, new Claims(world, options)];
      }),
    );
    this.emptyAfter = [`${world.root}/partitions/${NAME}/party`, ...ITEMS.map(directoryOf)];
  }

  async storm(program: SimulatedProgram): Promise<void> {
    const { c, random, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#world.sessionTimeoutMs / 2));
      using wait = program.wait(this.#world.sessionTimeoutMs * 6);
      const options = {
        signal: wait.options.signal,
        settleMs: program.some(this.#world.sessionTimeoutMs / 4),
        yieldWithinMs: random.chance(0.5) ? program.some(this.#world.sessionTimeoutMs) : undefined,
      };
      await this.#world.attempt(program, "the partition", () => {
        return c.partition(NAME, { items: ITEMS }).run((share) => this.#work(program, share), options);
      });
    }
  }

  /** It works until it is asked to stop, and a while longer; and stops at once when it is lost. */
  async #work(program: SimulatedProgram, share: Share): Promise<void> {
    const claims = this.#claims.get(share.item)!;
    const claim = claims.begin({ ...claims.ask(program), listingsBefore: 0 }, share);
    share.signal.addEventListener("abort", () => claims.end(claim), { once: true });
    const untilAsked = program.sleepUnless(share.yielding, program.some(this.#world.sessionTimeoutMs * 3));
    await Promise.race([untilAsked, program.sleepUnless(share.signal, this.#world.sessionTimeoutMs * 3)]);
    await program.sleepUnless(share.signal, program.some(this.#world.sessionTimeoutMs / 4));
    claims.end(claim);
  }

  /** All are there: every item is held, and nobody has two more than another. */
  async calm(program: SimulatedProgram, programs: readonly SimulatedProgram[]): Promise<void> {
    const membership = await program.c.partition(NAME, { items: ITEMS }).join({ id: program.name });
    this.#shares.set(program, membership);
    const isSpread = () => {
      const counts = [...this.#shares.values()].map(({ shares }) => shares.size);
      const all = counts.reduce((sum, count) => sum + count, 0);
      return counts.length === programs.length && all === ITEMS.length && Math.max(...counts) - Math.min(...counts) < 2;
    };
    const releasing = this.#releaseAsked(membership);
    while (this.#done === 0 && !isSpread()) await program.sleep(this.#world.sessionTimeoutMs / 20);
    this.#done += 1;
    while (this.#done < programs.length) await program.sleep(this.#world.sessionTimeoutMs / 20);
    await membership.leave();
    await releasing;
  }

  async #releaseAsked(membership: PartitionMembership): Promise<void> {
    for await (const share of membership) {
      const release = () => void share[Symbol.asyncDispose]();
      if (share.yielding.aborted) release();
      else share.yielding.addEventListener("abort", release, { once: true });
    }
  }

  check(): void {}
}
