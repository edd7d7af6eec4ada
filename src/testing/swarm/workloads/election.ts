// Elections: campaigns, work under leadership, latches, hand-over, and observers.

import "../../../base/disposal.ts";
import type { CampaignOptions, ElectionView, Term } from "../../../recipes/index.ts";
import { type Asking, Claims, isFirst } from "../claims.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { World } from "../world.ts";

const NAME = "chair";

export class ElectionWorkload implements Workload {
  readonly #world: World;
  readonly #claims: Claims;
  readonly #directory: string;
  readonly emptyAfter: readonly string[];

  constructor(world: World) {
    this.#world = world;
    this.#directory = `${world.root}/elections/${NAME}`;
    this.#claims = new Claims(world, { what: "leadership", directory: this.#directory, isGranted: isFirst });
    this.emptyAfter = [this.#directory];
  }

  async storm(program: SimulatedProgram): Promise<void> {
    await Promise.all([this.#stand(program), this.#observe(program)]);
  }

  async #stand(program: SimulatedProgram): Promise<void> {
    const { over, random } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#world.sessionTimeoutMs / 4));
      using wait = program.wait(this.#world.sessionTimeoutMs * 3);
      const options = {
        signal: wait.options.signal,
        id: `candidate-${random.below(4)}`,
        value: program.name,
        priority: random.chance(0.3) ? random.below(3) : 0,
      };
      await this.#world.attempt(program, "the election", () => {
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
    let asking = this.#claims.ask(program);
    for await (const term of program.c.election(NAME).campaign(options)) {
      await this.#reign(program, asking, term);
      if (program.random.chance(0.3)) break;
      asking = this.#claims.ask(program);
    }
  }

  async #lead(program: SimulatedProgram, options: CampaignOptions): Promise<void> {
    const asking = this.#claims.ask(program);
    await program.c.election(NAME).lead((term) => this.#reign(program, asking, term), options);
  }

  async #reign(program: SimulatedProgram, asking: Asking, term: Term): Promise<void> {
    const { random } = program;
    const claim = this.#claims.begin(asking, term);
    await program.hold(term, program.some(this.#world.sessionTimeoutMs / 2));
    if (random.chance(0.3)) await this.#world.attempt(program, "publishing", () => term.publish("another"));
    if (random.chance(0.4)) {
      const heir = `candidate-${random.below(4)}`;
      // From when it has resigned it does not lead, whatever it hears of that.
      term.signal.addEventListener("abort", () => this.#claims.end(claim), { once: true });
      await this.#world.attempt(program, `handing over to ${heir}`, () => term.handOver(heir));
    }
    this.#claims.end(claim);
  }

  async #watchLatch(program: SimulatedProgram, options: CampaignOptions): Promise<void> {
    const latch = program.c.election(NAME).latch(options);
    const asking = this.#claims.ask(program);
    let end = () => {};
    latch.onChange((term) => {
      end();
      end = () => {};
      if (term === null) return;
      const claim = this.#claims.begin(asking, term);
      end = () => this.#claims.end(claim);
      term.signal.addEventListener("abort", () => this.#claims.end(claim), { once: true });
    });
    for (let i = program.random.below(6); i >= 0; i--) {
      await program.sleepUnless(options.signal!, program.some(this.#world.sessionTimeoutMs / 3));
      const { term } = latch;
      if (latch.isLeader === (term === null)) this.#world.violate("a latch tells the truth", "it leads without a term");
      const leaders = this.#claims.holders().filter((claim) => !this.#claims.wasTakenAway(claim));
      if (term !== null && leaders.length > 1) {
        this.#world.violate("a latch tells the truth", `that of ${program.name} says it leads beside another`);
      }
    }
    end();
    await latch.close();
    if (latch.isLeader)
      this.#world.violate("a latch tells the truth", `that of ${program.name} leads when it is closed`);
  }

  async #observe(program: SimulatedProgram): Promise<void> {
    const { over } = program;
    await this.#world.attempt(program, "observing", async () => {
      for await (const { leader, candidates } of program.c.election(NAME).observe({ signal: over.signal })) {
        if (leader !== (candidates[0] ?? null)) this.#world.violate("observers see who leads", "it is not the first");
        const unknown = candidates.find(({ token }) => this.#world.history.nodeOf(token, this.#directory) === null);
        if (unknown !== undefined) this.#world.violate("observers see who leads", `nobody has token ${unknown.token}`);
        if (over.signal.aborted) return;
      }
    });
  }

  /** Everyone leads once, and an observer comes to see it. */
  async calm(program: SimulatedProgram): Promise<void> {
    const asking = this.#claims.ask(program);
    for await (const term of program.c.election(NAME).campaign({ id: program.name })) {
      const claim = this.#claims.begin(asking, term);
      const stop = new AbortController();
      for await (const view of program.c.election(NAME).observe({ signal: stop.signal })) {
        if (leads(view, program.name)) break;
      }
      this.#claims.end(claim);
      break;
    }
  }

  check(): void {}
}

function leads({ leader }: ElectionView, id: string): boolean {
  return leader?.id === id;
}
