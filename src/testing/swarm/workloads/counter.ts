// Counters that are added to, changed by comparison, and observed; and sequences.

import "../../../base/disposal.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

export class CounterWorkload implements Workload {
  readonly #context: WorkloadContext;
  /** Sums that were told, with the moment; in the order in which they were. */
  readonly #sums: { readonly sum: bigint; readonly at: number }[] = [];
  #added = 0n;
  /** Nobody knows whether these were: their answers were lost, or their programs died. */
  readonly #maybeAdded = new Map<symbol, bigint>();
  #begun = 0n;
  readonly #given: { readonly number: bigint; readonly at: number }[] = [];
  #won = 0n;
  readonly #maybeWon = new Set<symbol>();
  #finalSum: bigint | null = null;
  #finalCell: bigint | null = null;
  readonly emptyAfter = [];

  constructor(context: WorkloadContext) {
    this.#context = context;
  }

  async underFaults(program: SimulatedProgram): Promise<void> {
    await Promise.all([this.#change(program), this.#observe(program)]);
  }

  async #change(program: SimulatedProgram): Promise<void> {
    const { random, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 6));
      using wait = program.wait(this.#context.sessionTimeoutMs);
      switch (random.below(6)) {
        case 0:
          await this.#read(program, wait.options);
          break;
        case 1:
          await this.#swap(program, wait.options);
          break;
        case 2:
        case 3:
          await this.#next(program, wait.options);
          break;
        default:
          await this.#add(program, BigInt(1 + random.below(5)), wait.options);
      }
    }
  }

  async #add(program: SimulatedProgram, amount: bigint, options: object): Promise<void> {
    const before = this.#highest(this.#sums.map(({ sum }) => sum));
    this.#begun += amount;
    const addition = Symbol("an addition");
    this.#maybeAdded.set(addition, amount);
    try {
      const sum = await program.c.counter("sum").add(amount, options);
      this.#added += amount;
      this.#maybeAdded.delete(addition);
      if (sum < before + amount)
        this.#context.violate("additions add up", `${sum} comes after ${before} plus ${amount}`);
      if (this.#sums.some((other) => other.sum === sum))
        this.#context.violate("additions add up", `${sum} is told twice`);
      this.#sums.push({ sum, at: this.#context.now });
    } catch (error) {
      const failure = this.#context.failed(program, "adding", error);
      if (failure?.outcome === "not-applied") this.#maybeAdded.delete(addition);
    }
  }

  async #read(program: SimulatedProgram, options: object): Promise<void> {
    const before = this.#highest(this.#sums.map(({ sum }) => sum));
    await this.#context.attempt(program, "reading the counter", async () => {
      const sum = await program.c.counter("sum").get(options);
      if (sum < before) this.#context.violate("reads are fresh", `${sum} is read after ${before} was told`);
      if (sum > this.#begun) this.#context.violate("additions add up", `${sum} is read, and ${this.#begun} was begun`);
    });
  }

  /** Of those who make one out of another, each number is made by one. */
  async #swap(program: SimulatedProgram, options: object): Promise<void> {
    const cell = program.c.counter("cell");
    const change = Symbol("a change");
    try {
      const found = await cell.get(options);
      this.#maybeWon.add(change);
      if (await cell.compareAndSet(found, found + 1n, options)) this.#won += 1n;
      this.#maybeWon.delete(change);
    } catch (error) {
      const failure = this.#context.failed(program, "comparing", error);
      if (failure?.outcome === "not-applied") this.#maybeWon.delete(change);
    }
  }

  async #next(program: SimulatedProgram, options: object): Promise<void> {
    const before = this.#highest(this.#given.map(({ number }) => number));
    await this.#context.attempt(program, "the sequence", async () => {
      const number = await program.c.sequence("numbers").next(options);
      if (number <= before) this.#context.violate("sequence numbers rise", `${number} is given after ${before}`);
      if (this.#given.some((other) => other.number === number)) {
        this.#context.violate("sequence numbers are unique", `${number} is given twice`);
      }
      this.#given.push({ number, at: this.#context.now });
    });
  }

  async #observe(program: SimulatedProgram): Promise<void> {
    const { over } = program;
    await this.#context.attempt(program, "observing the counter", async () => {
      let last = 0n;
      for await (const sum of program.c.counter("sum").observe({ signal: over.signal })) {
        if (sum < last) this.#context.violate("nothing goes back in time", `${program.name} sees ${sum} after ${last}`);
        last = sum;
      }
    });
  }

  #highest(numbers: readonly bigint[]): bigint {
    return numbers.reduce((a, b) => (a > b ? a : b), 0n);
  }

  async afterRecovery(program: SimulatedProgram): Promise<void> {
    await program.c.sequence("numbers").next();
    const before = this.#highest(this.#sums.map(({ sum }) => sum));
    const sum = await program.c.counter("sum").get();
    if (sum < before) this.#context.violate("reads are fresh", `${sum} is read after ${before} was told`);
    this.#finalSum = sum;
    this.#finalCell = await program.c.counter("cell").get();
  }

  check(): void {
    if (this.#finalSum === null || this.#finalCell === null) return;
    let possible = new Set([this.#added]);
    for (const amount of this.#maybeAdded.values())
      possible = new Set([...possible].flatMap((sum) => [sum, sum + amount]));
    if (!possible.has(this.#finalSum)) {
      const unknown = `${this.#maybeAdded.size} unknown`;
      this.#context.violate("additions add up", `${this.#finalSum}, of ${this.#added} added and ${unknown}`);
    }
    if (this.#finalCell < this.#won || this.#finalCell > this.#won + BigInt(this.#maybeWon.size)) {
      const shown = `${this.#finalCell}, of ${this.#won} won and ${this.#maybeWon.size} unknown`;
      this.#context.violate("one compare-and-set wins", shown);
    }
  }
}
