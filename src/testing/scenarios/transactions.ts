// Scenarios of transactions.

import assert from "node:assert/strict";
import {
  type Coordination,
  type Engine,
  type Handle,
  type HasElections,
  type HasMutexes,
  type HasSemaphores,
  type HasTransactions,
  type HasValues,
  type StepFailure,
  type Transaction,
  TransactionError,
} from "../../recipes/index.ts";
import { eventually, failsAs } from "../checks.ts";
import type { Scenario } from "../stage.ts";

type TransactingEngine = Engine & HasValues & HasTransactions & HasMutexes & HasSemaphores & HasElections;

export const transactionScenarios: readonly Scenario<TransactingEngine>[] = [
  {
    invariant: "what a step takes away a later step may stand below: its directory is made again, as one with the rest",
    async play(stage) {
      const { c } = await stage.program();
      await c.transaction().create("/swap").commit({ timeoutMs: 5000 });
      await c.transaction().delete("/swap").create("/swap/deep/down", "x").commit({ timeoutMs: 5000 });
      const at = (place: string) => c.engine.value("value", place).current(true);
      assert.deepEqual((await at("/swap/deep/down"))?.data, new TextEncoder().encode("x"));
      assert.ok((await at("/swap")) !== null);
      const failing = c.transaction().create("/never/there").check("/missing").commit({ timeoutMs: 5000 });
      await assert.rejects(failing, { step: 1, failure: "missing" });
      assert.equal(await at("/never"), null, "nothing is left of what was to stand above it");
    },
  },
  {
    invariant: "all steps of a transaction are done, or none, and each says what it came to",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const results = await a.c.transaction().create("/app/x", "1").create("/app/y", "2").create("/app/z").commit();
      assert.equal(new Set(results.map((each) => each?.version)).size, 1);
      const x = await read(b.c, "/app/x");
      assert.deepEqual([x?.text, x?.version, x?.revision], ["1", results[0]?.version, results[0]?.revision]);
      const [checked, set, gone] = await b.c
        .transaction()
        .check("/app/x", x!.version)
        .set("/app/y", new Uint8Array([0x33]), results[1]!.version)
        .delete("/app/z")
        .commit();
      assert.deepEqual([checked, gone], [null, null]);
      assert.ok(set!.revision > x!.revision);
      const y = await read(a.c, "/app/y");
      assert.deepEqual([y?.text, y?.version], ["3", set!.version]);
      assert.equal(await read(a.c, "/app/z"), null);
    },
  },
  {
    invariant: "a step that cannot be done is named, with the reason, and nothing of the others is done",
    async play(stage) {
      const { c } = await stage.program();
      const [x] = await c.transaction().create("/app/x", "1").create("/app/below/x").commit();
      await c.transaction().set("/app/x", "2").commit();
      const begun = () => c.transaction().set("/app/x", "never").create("/app/never");
      await failsAt(2, "exists", begun().create("/app/x"));
      await failsAt(2, "missing", begun().set("/app/no", "1"));
      await failsAt(2, "missing", begun().check("/app/no"));
      await failsAt(2, "missing", begun().delete("/app/no"));
      await failsAt(2, "changed", begun().check("/app/x", "17"));
      await failsAt(0, "changed", c.transaction().set("/app/x", "3", x!.version).create("/app/never"));
      await failsAt(2, "changed", begun().delete("/app/x", x!.version));
      await failsAt(2, "not-empty", begun().delete("/app/below"));
      const error = await failsAt(2, "changed", begun().check("/app/x", "17").check("/app/no"));
      assert.equal(error.message, "transaction: nothing was applied: step 2, check: /app/x is in another version");
      assert.equal((await read(c, "/app/x"))?.text, "2");
      assert.equal(await read(c, "/app/never"), null);
    },
  },
  {
    invariant: "of those who change two places from the same versions one does",
    async play(stage) {
      const programs = await Promise.all(Array.from({ length: 3 }, () => stage.program()));
      await programs[0]!.c.transaction().create("/bank/ana", "100").create("/bank/ben", "0").commit();
      let given = 0;
      const giving = programs.map(async ({ c }) => {
        for (let done = 0; done < 5; ) {
          const [ana, ben] = [(await read(c, "/bank/ana"))!, (await read(c, "/bank/ben"))!];
          const [less, more] = [Number(ana.text) - 1, Number(ben.text) + 1];
          const transfer = c.transaction().set("/bank/ana", String(less), ana.version);
          try {
            await transfer.set("/bank/ben", String(more), ben.version).commit();
            done++;
            given++;
          } catch (error) {
            assert.ok(error instanceof TransactionError && error.failure === "changed", String(error));
          }
        }
      });
      await Promise.all(giving);
      const { c } = programs[1]!;
      assert.deepEqual(
        [(await read(c, "/bank/ana"))?.text, (await read(c, "/bank/ben"))?.text, given],
        ["85", "15", 15],
      );
    },
  },
  {
    invariant: "a transaction whose answer is lost says that it may have been done, and is not done again",
    async play(stage) {
      const a = await stage.program();
      await a.c.transaction().create("/app/x", "1").commit();
      a.loseNextAnswer();
      const error = await failsAs("connection-lost", a.c.transaction().set("/app/x", "2").commit());
      assert.equal(error.outcome, "unknown");
      const x = (await read(a.c, "/app/x"))!;
      assert.deepEqual([x.text, x.version], ["2", "1"]);
    },
  },
  {
    invariant:
      "what is written under the guard of a lock, of permits or of leadership is written only while it is held",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      await a.c.transaction().create("/app/x", "").commit();
      const held: Handle[] = [
        await a.c.lock("guard").acquire(),
        await a.c.semaphore("guard", { permits: 3 }).acquire({ count: 2 }),
        await a.c.multiLock(["one", "two"]).acquire(),
      ];
      for (const each of held) await a.c.transaction().guard(each).set("/app/x", each.name).commit();
      await failsAt(1, "missing", a.c.transaction().guard(held[1]!).set("/app/no", "1"));
      for await (const term of a.c.election("guard").campaign()) {
        await a.c.transaction().guard(term).set("/app/x", "led").commit();
        break;
      }
      const late = held.map((each) => ({
        held: each,
        transaction: a.c.transaction().guard(each).set("/app/x", "late"),
      }));
      for (const { held, transaction } of late) {
        await held.release();
        await assert.rejects(transaction.commit(), { name: "ReleasedError" });
        assert.throws(() => a.c.transaction().guard(held), { name: "ReleasedError" });
      }
      assert.equal((await read(b.c, "/app/x"))?.text, "led");
    },
  },
  {
    invariant: "a holder that does not know yet that it lost the lock writes nothing under its guard",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      await a.c.transaction().create("/app/x", "before").commit();
      const lost = await a.c.lock("late").acquire();
      a.silence();
      await a.killSession();
      // The other program's connection stands for one of the holder's that still gets through.
      const guarded = async () => b.c.transaction().guard(lost).set("/app/x", "late").commit();
      const isUnaware = lost.expiresIn() > 0;
      const error = await failsAs(isUnaware ? "rejected" : "session-expired", guarded());
      if (isUnaware) assert.ok(error instanceof TransactionError && error.failure === "lost", error.message);
      assert.equal((await read(b.c, "/app/x"))?.text, "before");
      await eventually(stage, "it is told", () => lost.signal.aborted);
    },
  },
  {
    invariant:
      "a transaction is committed once; what cannot be is refused, and a signal and a closed connection end it",
    async play(stage) {
      const { c } = await stage.program();
      await failsAs("rejected", c.transaction().commit());
      const once = c.transaction().create("/app/once");
      await once.commit();
      await failsAs("rejected", once.commit());
      assert.throws(() => once.create("/app/more"), { code: "rejected" });
      for (const place of ["", "/", "app", "a/b", "/app/", "/zookeeper/x", "/app/../x"]) {
        assert.throws(() => c.transaction().create(place), { code: "rejected" }, place);
        assert.throws(() => c.transaction().check(place), { code: "rejected" }, place);
      }
      assert.throws(() => c.transaction().set("/app/x", null as unknown as string), { code: "rejected" });
      assert.throws(() => c.transaction().check("/app/x", 1 as unknown as string), { code: "rejected" });
      for (const version of ["", " ", "0x0", "-1", "x", "1.5", "-1 77"]) {
        await failsAs("rejected", c.transaction().check("/app/once", version).commit());
      }
      const aborted = c.transaction().create("/app/never").commit({ signal: AbortSignal.abort() });
      assert.equal((await failsAs("aborted", aborted)).outcome, "not-applied");
      await failsAs("rejected", c.transaction().create("/app/never").commit({ timeoutMs: -1 }));
      assert.equal(await read(c, "/app/never"), null);
      await c.close();
      await failsAs("closed", c.transaction().create("/app/never").commit());
    },
  },
];

async function read(c: Coordination<TransactingEngine>, place: string) {
  const found = await c.engine.value("value", place).current(true);
  return found === null ? null : { ...found, text: new TextDecoder().decode(found.data) };
}

async function failsAt(step: number, failure: StepFailure, transaction: Transaction): Promise<TransactionError> {
  const error = await failsAs("rejected", transaction.commit());
  assert.ok(error instanceof TransactionError, String(error));
  assert.deepEqual([error.step, error.failure, error.outcome], [step, failure, "not-applied"], error.message);
  return error;
}
