// Configuration: all programs write it, an operator spoils it, and open views read it.

import { CoordinationError } from "../../../base/errors.ts";
import { bytesOf } from "../../../recipes/bytes.ts";
import type { SchemaResult, StandardSchema } from "../../../recipes/index.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

interface Setting {
  readonly number: number;
  readonly by: string;
}

const NAME = "setting";
const TALLY = "statistics";

const schema: StandardSchema<Setting, Setting> = {
  "~standard": {
    version: 1,
    vendor: "cabildo",
    validate(value): SchemaResult<Setting> {
      const { number, by } = (value ?? {}) as Partial<Setting>;
      if (typeof number === "number" && number >= 0 && typeof by === "string") return { value: { number, by } };
      return { issues: [{ message: "a number from 0, and by whom" }] };
    },
  },
};

const FALLBACK: Setting = { number: 0, by: "nobody" };

export class ConfigurationWorkload implements Workload {
  readonly #context: WorkloadContext;
  readonly #path: string;
  /** What was ever written, as JSON, or may have been. */
  readonly #written = new Set([JSON.stringify(FALLBACK)]);
  #sets = 0;
  #counted = 0;
  readonly #maybeCounted = new Set<symbol>();
  #statistics: number | null = null;
  #last: Setting | null = null;
  readonly emptyAfter = [];

  constructor(context: WorkloadContext) {
    this.#context = context;
    this.#path = `${context.root}/configuration/${NAME}`;
  }

  async underFaults(program: SimulatedProgram): Promise<void> {
    await Promise.all([this.#write(program), this.#read(program)]);
  }

  async #write(program: SimulatedProgram): Promise<void> {
    const { c, random, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 4));
      using wait = program.wait(this.#context.sessionTimeoutMs);
      switch (random.below(5)) {
        case 0:
          await this.#context.attempt(program, "spoiling it", () => this.#spoil(program));
          break;
        case 1:
        case 2:
          await this.#count(program, wait.options);
          break;
        default: {
          const value = { number: ++this.#sets, by: program.name };
          this.#written.add(JSON.stringify(value));
          await this.#context.attempt(program, "setting", () => c.config(NAME, schema).set(value, wait.options));
        }
      }
    }
  }

  /** As any program may that knows nothing of the schema. */
  async #spoil(program: SimulatedProgram): Promise<void> {
    const value = program.c.engine.value("configuration", NAME);
    const found = await value.current(true);
    const bad = ['{"number":', '{"number":-1,"by":"x"}', "", "null"][program.random.below(4)]!;
    if (found === null) await value.create(bytesOf(bad));
    else if (program.random.chance(0.3)) await value.delete(found.version);
    else await value.replace(found.version, bytesOf(bad));
  }

  async #count(program: SimulatedProgram, options: object): Promise<void> {
    const update = Symbol("an update");
    this.#maybeCounted.add(update);
    try {
      const next = (old: Setting | null) => ({ number: (old?.number ?? 0) + 1, by: program.name });
      await program.c.config(TALLY, schema).update(next, options);
      this.#counted += 1;
      this.#maybeCounted.delete(update);
    } catch (error) {
      if (this.#context.failed(program, "updating", error)?.outcome === "not-applied")
        this.#maybeCounted.delete(update);
    }
  }

  /** The last good value is at hand, whatever is written; and it never goes back. */
  async #read(program: SimulatedProgram): Promise<void> {
    const { c, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 2));
      using wait = program.wait(this.#context.sessionTimeoutMs * 3);
      await this.#context.attempt(program, "reading", async () => {
        await using open = await c.config(NAME, schema).open({ ...wait.options, fallback: FALLBACK });
        let revision = 0n;
        for await (const value of open.values({ signal: wait.options.signal })) {
          if (!this.#written.has(JSON.stringify(value))) {
            this.#context.violate(
              "the last good value",
              `${program.name} reads ${JSON.stringify(value)}, written by nobody`,
            );
          }
          if (open.revision < revision) {
            this.#context.violate(
              "nothing goes back in time",
              `${program.name} reads ${open.revision} after ${revision}`,
            );
          }
          revision = open.revision;
        }
      });
    }
  }

  /** The first writes; all come to see it. */
  async afterRecovery(program: SimulatedProgram, programs: readonly SimulatedProgram[]): Promise<void> {
    await using open = await program.c.config(NAME, schema).open({ fallback: FALLBACK });
    if (program === programs[0]) {
      const last = { number: ++this.#sets, by: "the last" };
      this.#written.add(JSON.stringify(last));
      await program.c.config(NAME, schema).set(last);
      this.#last = last;
    }
    while (this.#last === null || open.value.number !== this.#last.number) {
      await program.sleep(this.#context.sessionTimeoutMs / 20);
    }
    if (open.invalid !== null) {
      throw new CoordinationError("damaged", "not-applied", `it is good, and called bad: ${open.invalid.message}`);
    }
    const reading = await program.c.config(TALLY, schema).read();
    this.#statistics = reading.kind === "good" ? reading.value.number : 0;
  }

  check(): void {
    if (this.#statistics === null) return;
    if (this.#statistics >= this.#counted && this.#statistics <= this.#counted + this.#maybeCounted.size) return;
    const shown = `${this.#statistics}, of ${this.#counted} updates and ${this.#maybeCounted.size} unknown`;
    this.#context.violate("each update is applied once", `${this.#path}: ${shown}`);
  }
}
