// Elections: campaigns, work under leadership, latches, hand-over, and observers.

import "../../../base/disposal.ts";
import type { CampaignOptions, ElectionView, Term } from "../../../recipes/index.ts";
import { type Asking, ExclusionInvariants, isFirst } from "../exclusion-invariants.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

const NAME = "chair";

export class ElectionWorkload implements Workload {
  readonly #context: WorkloadContext;
  readonly #exclusion: ExclusionInvariants;
  readonly #directory: string;
  readonly emptyAfter: readonly string[];

  constructor(context: WorkloadContext) {
    this.#context = context;
    this.#directory = `${context.root}/elections/${NAME}`;
    this.#exclusion = new ExclusionInvariants(context, {
      what: "leadership",
      directory: this.#directory,
      isGranted: isFirst,
    });
    this.emptyAfter = [this.#directory];
  }

  async underFaults(program: SimulatedProgram): Promise<void> {
    await Promise.all([this.#stand(program), this.#observe(program)]);
  }

  async #stand(program: SimulatedProgram): Promise<void> {
    const { over, random } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 4));
      using wait = program.wait(this.#context.sessionTimeoutMs * 3);
      const options = {
        signal: wait.options.signal,
        id: `candidate-${random.below(4)}`,
        value: program.name,
        priority: random.chance(0.3) ? random.below(3) : 0,
      };
      await this.#context.attempt(program, "the election", () => {
        switch (random.below(3)) {
          case 0:
            return this.#lead(program, options);
          case 1:
            return this.#watchLatch(program, options);
          default:
            return this.#campaign(program, options);
        }
      });
    }
  }

  async #campaign(program: SimulatedProgram, options: CampaignOptions): Promise<void> {
    let asking = this.#exclusion.ask(program);
    for await (const term of program.c.election(NAME).campaign(options)) {
      await this.#reign(program, asking, term);
      if (program.random.chance(0.3)) break;
      asking = this.#exclusion.ask(program);
    }
  }

  async #lead(program: SimulatedProgram, options: CampaignOptions): Promise<void> {
    const asking = this.#exclusion.ask(program);
    await program.c.election(NAME).lead((term) => this.#reign(program, asking, term), options);
  }

  async #reign(program: SimulatedProgram, asking: Asking, term: Term): Promise<void> {
    const { random } = program;
    const claim = this.#exclusion.begin(asking, term);
    await program.hold(term, program.some(this.#context.sessionTimeoutMs / 2));
    if (random.chance(0.3)) await this.#context.attempt(program, "publishing", () => term.publish("another"));
    if (random.chance(0.4)) {
      const heir = `candidate-${random.below(4)}`;
      // From when it has resigned it does not lead, whatever it hears of that.
      term.signal.addEventListener("abort", () => this.#exclusion.end(claim), { once: true });
      await this.#context.attempt(program, `handing over to ${heir}`, () => term.handOver(heir));
    }
    this.#exclusion.end(claim);
  }

  async #watchLatch(program: SimulatedProgram, options: CampaignOptions): Promise<void> {
    const latch = program.c.election(NAME).latch(options);
    const asking = this.#exclusion.ask(program);
    let end = () => {};
    latch.onChange((term) => {
      end();
      end = () => {};
      if (term === null) return;
      const claim = this.#exclusion.begin(asking, term);
      end = () => this.#exclusion.end(claim);
      term.signal.addEventListener("abort", () => this.#exclusion.end(claim), { once: true });
    });
    for (let i = program.random.below(6); i >= 0; i--) {
      await program.sleepUnless(options.signal!, program.some(this.#context.sessionTimeoutMs / 3));
      const { term } = latch;
      if (latch.isLeader === (term === null))
        this.#context.violate("a latch knows whether it leads", "it leads without a term");
      const leaders = this.#exclusion.holders().filter((claim) => !this.#exclusion.wasTakenAway(claim));
      if (term !== null && leaders.length > 1) {
        this.#context.violate("a latch knows whether it leads", `that of ${program.name} says it leads beside another`);
      }
    }
    end();
    await latch.close();
    if (latch.isLeader)
      this.#context.violate("a latch knows whether it leads", `that of ${program.name} leads when it is closed`);
  }

  async #observe(program: SimulatedProgram): Promise<void> {
    const { over } = program;
    await this.#context.attempt(program, "observing", async () => {
      for await (const { leader, candidates } of program.c.election(NAME).observe({ signal: over.signal })) {
        if (leader !== (candidates[0] ?? null)) this.#context.violate("observers see who leads", "it is not the first");
        const unknown = candidates.find(({ token }) => this.#context.history.nodeOf(token, this.#directory) === null);
        if (unknown !== undefined)
          this.#context.violate("observers see who leads", `nobody has token ${unknown.token}`);
        if (over.signal.aborted) return;
      }
    });
  }

  /** Everyone leads once, and an observer comes to see it. */
  async afterRecovery(program: SimulatedProgram): Promise<void> {
    const asking = this.#exclusion.ask(program);
    for await (const term of program.c.election(NAME).campaign({ id: program.name })) {
      const claim = this.#exclusion.begin(asking, term);
      const stop = new AbortController();
      for await (const view of program.c.election(NAME).observe({ signal: stop.signal })) {
        if (leads(view, program.name)) break;
      }
      this.#exclusion.end(claim);
      break;
    }
  }

  check(): void {}
}

function leads({ leader }: ElectionView, id: string): boolean {
  return leader?.id === id;
}
