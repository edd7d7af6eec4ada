// Queues: all programs put items, with priorities and dates, and all take them.

import "../../../base/disposal.ts";
import type { CoordinationError } from "../../../base/errors.ts";
import type { Job } from "../../../recipes/index.ts";
import { type Asking, ExclusionInvariants } from "../exclusion-invariants.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

const NAME = "work";

interface Item {
  /** Whether it is in, as who put it knows. */
  put: "certain" | "unknown" | "not";
  /** Whether it is done, as who did it knows. */
  done: "not" | "unknown" | "certain";
}

export class QueueWorkload implements Workload {
  readonly #context: WorkloadContext;
  readonly #items = new Map<string, Item>();
  /** By item: it is one consumer's at a time. */
  readonly #exclusion = new Map<string, ExclusionInvariants>();
  #puts = 0;
  readonly emptyAfter: readonly string[];

  constructor(context: WorkloadContext) {
    this.#context = context;
    this.emptyAfter = ["locks", "consumers"].map((each) => `${context.root}/queues/${NAME}/${each}`);
  }

  async underFaults(program: SimulatedProgram): Promise<void> {
    await Promise.all([this.#produce(program), this.#consume(program), this.#take(program)]);
  }

  async #produce(program: SimulatedProgram): Promise<void> {
    const { over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 3));
      await this.#put(program);
    }
  }

  async #put(program: SimulatedProgram): Promise<void> {
    const { c, random } = program;
    using wait = program.wait(this.#context.sessionTimeoutMs);
    const value = `item ${++this.#puts} of ${program.name}`;
    const item: Item = { put: "unknown", done: "not" };
    this.#items.set(value, item);
    const priority = random.chance(0.3) ? random.below(3) - 1 : 0;
    const delayUntil = random.chance(0.2)
      ? c.engine.runtime.wall() + program.some(this.#context.sessionTimeoutMs)
      : undefined;
    try {
      await c.queue<string>(NAME).put(value, { ...wait.options, priority, delayUntil });
      item.put = "certain";
    } catch (error) {
      const outcome = this.#context.failed(program, "putting", error)?.outcome;
      if (outcome === "not-applied") item.put = "not";
    }
  }

  async #consume(program: SimulatedProgram): Promise<void> {
    const { over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 4));
      using wait = program.wait(this.#context.sessionTimeoutMs * 3);
      await this.#context.attempt(program, "consuming", async () => {
        const asking = this.#ask(program);
        for await (const job of program.c.queue<string>(NAME).consume({ signal: wait.options.signal })) {
          await this.#work(program, asking, job);
          if (program.random.chance(0.2)) break;
        }
      });
    }
  }

  async #take(program: SimulatedProgram): Promise<void> {
    const { random, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 3));
      using wait = program.wait(this.#context.sessionTimeoutMs);
      await this.#context.attempt(program, "taking", async () => {
        const queue = program.c.queue<string>(NAME);
        const asking = this.#ask(program);
        const job = random.chance(0.5) ? await queue.take(wait.options) : await queue.tryTake(wait.options);
        if (job === null) return;
        await this.#work(program, asking, job);
        await job[Symbol.asyncDispose]();
      });
    }
  }

  #ask(program: SimulatedProgram): Asking {
    return { program, listingsBefore: program.listings.count, tokenBefore: 0n };
  }

  async #work(program: SimulatedProgram, asking: Asking, job: Job<string>): Promise<void> {
    const { value } = job;
    const item = this.#items.get(value);
    if (item === undefined) return this.#context.violate("only items that were put come out", `nobody put ${value}`);
    if (item.put === "not") this.#context.violate("what was not applied is absent", `${value} comes out`);
    if (item.done === "certain" && !this.#wasLeasedBefore(job))
      this.#context.violate("finished items do not come again", `${value} comes out again`);
    const claims = this.#claimsOf(job.id);
    const { tokenBefore } = claims.ask(program);
    const claim = claims.begin({ ...asking, tokenBefore }, job);
    await program.hold(job, program.some(this.#context.sessionTimeoutMs / 4));
    claims.end(claim);
    if (program.random.chance(0.3)) return job.return();
    const before = item.done;
    item.done = "unknown"; // from here on
    try {
      await job.ack();
      item.done = "certain";
      this.#context.note(`${program.name} has done ${value}, token ${job.token}`);
    } catch (error) {
      const failure: CoordinationError | null = this.#context.failed(program, "completing", error);
      const isNot = failure !== null && (failure.outcome === "not-applied" || job.signal.reason === failure);
      if (isNot && item.done === "unknown") item.done = before;
    }
  }

  /**
   * Whether this lease was given before the item was done, and an operator had removed an earlier one: the earlier holder's
   * acknowledgement then removed the new lock, which has the same name. Layouts of Curator's cannot tell the two apart.
   */
  #wasLeasedBefore(job: Job<string>): boolean {
    const { history, root } = this.#context;
    const directory = `${root}/queues/${NAME}`;
    const wasThere = history.isThereAt(`${directory}/items/${job.id}`, Number(job.token));
    return wasThere && history.wasRemovedByOperator(`${directory}/locks/${job.id}`);
  }

  #claimsOf(id: string): ExclusionInvariants {
    let claims = this.#exclusion.get(id);
    if (claims === undefined) {
      claims = new ExclusionInvariants(this.#context, {
        what: `item ${id}`,
        directory: `${this.#context.root}/queues/${NAME}/locks`,
      });
      this.#exclusion.set(id, claims);
    }
    return claims;
  }

  /** All that is left is taken out, by everyone together. */
  async afterRecovery(program: SimulatedProgram): Promise<void> {
    const queue = program.c.queue<string>(NAME);
    while ((await queue.size()) > 0) {
      const asking = this.#ask(program);
      const job = await queue.tryTake();
      if (job === null) {
        await program.sleep(this.#context.sessionTimeoutMs / 20);
        continue;
      }
      const item = this.#items.get(job.value);
      const claims = this.#claimsOf(job.id);
      const claim = claims.begin(asking, job);
      await program.sleep(1);
      claims.end(claim);
      await job.ack();
      if (item?.done === "certain")
        this.#context.violate("finished items do not come again", `${job.value} comes out again`);
      if (item !== undefined) item.done = "certain";
    }
  }

  check(): void {
    for (const [value, { put, done }] of this.#items) {
      if (put === "certain" && done === "not") this.#context.violate("every item comes out", `${value} is lost`);
    }
  }
}
