// Partitions: the items of a set, spread over the members, each with one owner.

import "../../../base/disposal.ts";
import type { PartitionMembership, Share } from "../../../recipes/index.ts";
import { ExclusionInvariants, isFirst } from "../exclusion-invariants.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

const NAME = "shards";
const ITEMS = ["i", "j", "k", "l"];

export class PartitionWorkload implements Workload {
  readonly #context: WorkloadContext;
  readonly #exclusion: ReadonlyMap<string, ExclusionInvariants>;
  readonly emptyAfter: readonly string[];
  /** After the faults: how many each holds. */
  readonly #shares = new Map<SimulatedProgram, PartitionMembership>();
  #done = 0;

  constructor(context: WorkloadContext) {
    this.#context = context;
    const directoryOf = (item: string) => `${context.root}/partitions/${NAME}/locks/${item}`;
    this.#exclusion = new Map(
      ITEMS.map((item) => {
        const options = { what: `item "${item}"`, directory: directoryOf(item), isGranted: isFirst };
        return [item, new ExclusionInvariants(context, options)];
      }),
    );
    this.emptyAfter = [`${context.root}/partitions/${NAME}/party`, ...ITEMS.map(directoryOf)];
  }

  async underFaults(program: SimulatedProgram): Promise<void> {
    const { c, random, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 2));
      using wait = program.wait(this.#context.sessionTimeoutMs * 6);
      const options = {
        signal: wait.options.signal,
        settleMs: program.some(this.#context.sessionTimeoutMs / 4),
        yieldWithinMs: random.chance(0.5) ? program.some(this.#context.sessionTimeoutMs) : undefined,
      };
      await this.#context.attempt(program, "the partition", () => {
        return c.partition(NAME, { items: ITEMS }).run((share) => this.#work(program, share), options);
      });
    }
  }

  /** It works until it is asked to stop, and a while longer; and stops at once when it is lost. */
  async #work(program: SimulatedProgram, share: Share): Promise<void> {
    const claims = this.#exclusion.get(share.item)!;
    const claim = claims.begin({ ...claims.ask(program), listingsBefore: 0 }, share);
    share.signal.addEventListener("abort", () => claims.end(claim), { once: true });
    const untilAsked = program.sleepUnless(share.yielding, program.some(this.#context.sessionTimeoutMs * 3));
    await Promise.race([untilAsked, program.sleepUnless(share.signal, this.#context.sessionTimeoutMs * 3)]);
    await program.sleepUnless(share.signal, program.some(this.#context.sessionTimeoutMs / 4));
    claims.end(claim);
  }

  /** All are there: every item is held, and nobody has two more than another. */
  async afterRecovery(program: SimulatedProgram, programs: readonly SimulatedProgram[]): Promise<void> {
    const membership = await program.c.partition(NAME, { items: ITEMS }).join({ id: program.name });
    this.#shares.set(program, membership);
    const isSpread = () => {
      const counts = [...this.#shares.values()].map(({ shares }) => shares.size);
      const all = counts.reduce((sum, count) => sum + count, 0);
      return counts.length === programs.length && all === ITEMS.length && Math.max(...counts) - Math.min(...counts) < 2;
    };
    const releasing = this.#releaseAsked(membership);
    while (this.#done === 0 && !isSpread()) await program.sleep(this.#context.sessionTimeoutMs / 20);
    this.#done += 1;
    while (this.#done < programs.length) await program.sleep(this.#context.sessionTimeoutMs / 20);
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
