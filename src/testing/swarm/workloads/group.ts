// Groups and services: members join, update their data and leave, and observers watch them.

import "../../../base/disposal.ts";
import type { Session } from "../../../protocols/zookeeper/client/index.ts";
import type { Membership } from "../../../recipes/index.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

const NAME = "crew";

export class GroupWorkload implements Workload {
  readonly #context: WorkloadContext;
  /** Ids of those who have left, for good. */
  readonly #left = new Set<string>();
  #joins = 0;
  /** After the faults: what each says of itself. */
  readonly #said = new Map<string, string>();
  #waiting = 0;
  readonly emptyAfter: readonly string[];

  constructor(context: WorkloadContext) {
    this.#context = context;
    this.emptyAfter = [`${context.root}/groups/${NAME}`, `${context.root}/services/${NAME}`];
  }

  async underFaults(program: SimulatedProgram): Promise<void> {
    await Promise.all([this.#come(program), this.#come(program), this.#serve(program), this.#watch(program)]);
  }

  async #come(program: SimulatedProgram): Promise<void> {
    const { c, random, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 3));
      using wait = program.wait(this.#context.sessionTimeoutMs);
      const id = `member-${++this.#joins}`;
      const { session } = program.client;
      const membership = await this.#context.attempt(program, `joining as ${id}`, () => {
        return c.group(NAME).join({ ...wait.options, id, data: "new" });
      });
      if (membership === null) continue;
      for (let i = random.below(4); i > 0; i--) {
        await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 2));
        using scope = program.wait(this.#context.sessionTimeoutMs);
        await this.#context.attempt(program, `${id} says ${i}`, () => membership.update(String(i), scope.options));
      }
      await this.#leave(program, id, membership, session);
    }
  }

  async #leave(program: SimulatedProgram, id: string, membership: Membership, session: Session | null): Promise<void> {
    if (!(await this.#hasLeft(program, id, membership, session))) return;
    if (membership.state !== "left")
      this.#context.violate("members that left stay out", `${id} is ${membership.state}`);
  }

  async #serve(program: SimulatedProgram): Promise<void> {
    const { c, random, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 3));
      using wait = program.wait(this.#context.sessionTimeoutMs);
      const id = `instance-${++this.#joins}`;
      const { session } = program.client;
      const registered = await this.#context.attempt(program, `registering ${id}`, () => {
        return c.service(NAME).register({ ...wait.options, id, address: "here" });
      });
      if (registered === null) continue;
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs));
      if (random.chance(0.5)) {
        await this.#context.attempt(program, `${id} moves`, () =>
          registered.update({ address: "there" }, wait.options),
        );
      }
      await this.#hasLeft(program, id, registered, session);
    }
  }

  /** Others see it no more, unless the session in which it came was lost: then the servers may not know that yet. */
  async #hasLeft(
    program: SimulatedProgram,
    id: string,
    entry: { leave(): Promise<void> },
    session: Session | null,
  ): Promise<boolean> {
    const left = await this.#context.attempt(program, `${id} leaves`, () => entry.leave().then(() => true));
    if (left !== true) return false;
    if (session !== null && !session.signal.aborted) this.#left.add(id);
    return true;
  }

  async #watch(program: SimulatedProgram): Promise<void> {
    const { c, random, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs));
      using wait = program.wait(this.#context.sessionTimeoutMs * 3);
      const gone = new Set(this.#left);
      await this.#context.attempt(program, "watching", async () => {
        if (random.chance(0.5)) {
          const ids = random.chance(0.5)
            ? (await c.group(NAME).members(wait.options)).map(({ id }) => id)
            : (await c.service(NAME).instances(wait.options)).map(({ id }) => id);
          this.#checkLeft(program, ids, gone);
          return;
        }
        for await (const members of c.group(NAME).watch({ signal: wait.options.signal })) {
          this.#checkLeft(
            program,
            members.map(({ id }) => id),
            gone,
          );
        }
      });
    }
  }

  /** Whoever has left before it was asked is not seen any more. */
  #checkLeft(program: SimulatedProgram, ids: readonly string[], left: ReadonlySet<string>): void {
    const returned = ids.filter((id) => left.has(id));
    if (returned.length === 0) return;
    this.#context.violate("members that left stay out", `${program.name} sees ${returned.join(", ")}`);
  }

  /** All come and say something; then everybody sees what all say; then all go. */
  async afterRecovery(program: SimulatedProgram, programs: readonly SimulatedProgram[]): Promise<void> {
    const { c } = program;
    const member = await c.group(NAME).join({ id: program.name, data: "first" });
    const instance = await c.service(NAME).register({ id: program.name, address: "first" });
    const data = `last of ${program.name}`;
    this.#said.set(program.name, data);
    await member.update(data);
    await instance.update({ address: data });
    const wanted = () =>
      [...this.#said]
        .map(([id, said]) => `${id} ${said}`)
        .sort()
        .join();
    const isAll = (seen: string[]) => this.#said.size === programs.length && seen.sort().join() === wanted();
    for await (const members of c.group(NAME).watch()) {
      if (isAll(members.map(({ id, text }) => `${id} ${text}`))) break;
    }
    await this.#provided(program, isAll);
    this.#waiting += 1;
    while (this.#waiting < programs.length) await program.sleep(this.#context.sessionTimeoutMs / 20);
    await Promise.all([member.leave(), instance.leave()]);
  }

  async #provided(program: SimulatedProgram, isAll: (seen: string[]) => boolean): Promise<void> {
    await using provider = await program.c.service(NAME).provider();
    while (!isAll(provider.instances.map(({ id, address }) => `${id} ${address}`))) {
      await program.sleep(this.#context.sessionTimeoutMs / 20);
    }
  }

  check(): void {}
}
