// Transactions: money is moved in one step, and values are written under the guard of a lock.

import "../../../base/disposal.ts";
import type { CoordinationError } from "../../../base/errors.ts";
import { textOf } from "../../../recipes/bytes.ts";
import type { Versioned } from "../../../recipes/index.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

const ACCOUNTS = ["/bank/ana", "/bank/ben"] as const;
const GUARDED = "/bank/guarded";
const LOCK = "guard";
const MONEY = 1000;

export class TransactionWorkload implements Workload {
  readonly #context: WorkloadContext;
  readonly emptyAfter: readonly string[];
  /** By what each wrote: what became of it, as its writer knows. */
  readonly #writes = new Map<string, "applied" | "not-applied" | "unknown">();
  #count = 0;

  constructor(context: WorkloadContext) {
    this.#context = context;
    this.emptyAfter = [`${context.root}/locks/${LOCK}`];
  }

  async underFaults(program: SimulatedProgram): Promise<void> {
    await Promise.all([this.#move(program), this.#guard(program)]);
  }

  async #move(program: SimulatedProgram): Promise<void> {
    const { c, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 4));
      using wait = program.wait(this.#context.sessionTimeoutMs);
      const read = (place: string) => c.engine.value("value", place).current(true);
      const found = await this.#context.attempt(program, "reading accounts", () => Promise.all(ACCOUNTS.map(read)));
      if (found === null) continue;
      const [ana, ben] = found as [Versioned | null, Versioned | null];
      const number = `${++this.#count} of ${program.name}`;
      const transaction = c.transaction();
      if (ana === null || ben === null) {
        transaction.create(ACCOUNTS[0], `${MONEY} ${number}`).create(ACCOUNTS[1], `0 ${number}`);
      } else {
        const amount = 1 + program.random.below(5);
        transaction.set(ACCOUNTS[0], `${amountIn(ana) - amount} ${number}`, ana.version);
        transaction.set(ACCOUNTS[1], `${amountIn(ben) + amount} ${number}`, ben.version);
      }
      await this.#commit(program, number, () => transaction.commit(wait.options));
    }
  }

  async #guard(program: SimulatedProgram): Promise<void> {
    const { c, random, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 3));
      using wait = program.wait(this.#context.sessionTimeoutMs);
      const held = await this.#context.attempt(program, "the guard", () => c.lock(LOCK).acquire(wait.options));
      if (held === null) continue;
      for (let i = random.below(4); i >= 0; i--) {
        await program.hold(held, program.some(this.#context.sessionTimeoutMs / 2));
        const number = `${++this.#count} of ${program.name}`;
        await this.#commit(program, number, async () => {
          const place = c.engine.value("value", GUARDED);
          const isThere = (await place.current(true)) !== null;
          const transaction = c.transaction().guard(held);
          const data = `${held.token} ${number}`;
          await (isThere ? transaction.set(GUARDED, data) : transaction.create(GUARDED, data)).commit(wait.options);
        });
      }
      await this.#context.attempt(program, "the guard", () => held.release());
    }
  }

  async #commit(program: SimulatedProgram, number: string, commit: () => Promise<unknown>): Promise<void> {
    this.#writes.set(number, "unknown");
    try {
      await commit();
      this.#writes.set(number, "applied");
    } catch (error) {
      const failure: CoordinationError | null = this.#context.failed(program, "a transaction", error);
      // Of a lock that is lost it says so, and not what became of the write, which was never sent.
      if (failure !== null && failure.name !== "LockLostError") this.#writes.set(number, failure.outcome);
    }
  }

  async afterRecovery(program: SimulatedProgram): Promise<void> {
    const held = await program.c.lock(LOCK).acquire();
    await program.c.transaction().guard(held).create(`/bank/end-${program.id}`).commit();
    await held.release();
  }

  check(): void {
    this.#checkMoney();
    this.#checkGuarded();
    this.#checkOutcomes();
  }

  /** At every zxid there is as much as ever, and both accounts were written by the same. */
  #checkMoney(): void {
    const { history, root } = this.#context;
    for (const { zxid, data } of history.changesOf(root + ACCOUNTS[0])) {
      const other = history.dataAt(root + ACCOUNTS[1], zxid);
      const sum = Number.parseInt(data ?? "", 10) + Number.parseInt(other ?? "", 10);
      const isOne = data?.split(" ").slice(1).join() === other?.split(" ").slice(1).join();
      if (sum === MONEY && isOne) continue;
      this.#context.violate("all steps or none", `at ${zxid} there are ${data} and ${other}`);
    }
  }

  /** What is written under a guard is written while the lock is held, and so never by an earlier holder after a later. */
  #checkGuarded(): void {
    const { history, root } = this.#context;
    let last = 0n;
    for (const { zxid, data } of history.changesOf(root + GUARDED)) {
      if (data === null) continue;
      const token = BigInt(data.split(" ")[0]!);
      if (token < last)
        this.#context.violate("guarded writes need the lock", `token ${token} writes after ${last} did`);
      last = token;
      const node = history.nodeOf(token, `${root}/locks/${LOCK}`);
      const gone = node === null ? null : history.goneAt(node);
      if (node !== null && (gone === null || gone.zxid > zxid)) continue;
      this.#context.violate(
        "guarded writes need the lock",
        `token ${token} writes at ${zxid}, and its lock went at ${gone?.zxid}`,
      );
    }
  }

  #checkOutcomes(): void {
    const { history, root } = this.#context;
    const written = new Set<string>();
    for (const place of [ACCOUNTS[0], GUARDED]) {
      for (const { data } of history.changesOf(root + place)) written.add(data?.split(" ").slice(1).join(" ") ?? "");
    }
    for (const [number, outcome] of this.#writes) {
      if (outcome === "unknown" || (outcome === "applied") === written.has(number)) continue;
      const shown = written.has(number) ? "was" : "was not";
      this.#context.violate("errors say what was done", `${number} is called ${outcome}, and ${shown} applied`);
    }
  }
}

function amountIn({ data }: Versioned): number {
  return Number.parseInt(textOf(data), 10);
}
