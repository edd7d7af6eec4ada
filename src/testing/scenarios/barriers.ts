// Scenarios of the barrier.

import assert from "node:assert/strict";
import { failsAs, stateOf, within } from "../checks.ts";
import type { Scenario, Stage, ValueEngine } from "../stage.ts";

export const barrierScenarios: readonly Scenario<ValueEngine>[] = [
  {
    invariant: "nobody passes a barrier while it is set, everybody does when it is removed, and who comes later too",
    async play(stage) {
      const [a, b, c] = await three(stage);
      await b.c.barrier("deploy").wait();
      assert.equal(await a.c.barrier("deploy").set(), true);
      assert.equal(await a.c.barrier("deploy").set(), false);
      assert.equal(await c.c.barrier("deploy").isSet(), true);
      const waits = [b, c, c].map(({ c }) => stateOf(c.barrier("deploy").wait()));
      await stage.sleep(500);
      assert.ok(waits.every(({ isOpen }) => isOpen));
      assert.equal(await a.c.barrier("deploy").remove(), true);
      await within(stage, 5000, "all pass", Promise.all(waits.map(({ promise }) => promise)));
      assert.equal(await b.c.barrier("deploy").remove(), false);
      assert.equal(await b.c.barrier("deploy").isSet(), false);
      await c.c.barrier("deploy").wait({ timeoutMs: 1000 });
    },
  },
  {
    invariant: "a removal is noticed by all who wait, also when the barrier is set again at once",
    async play(stage) {
      const [a, b, c] = await three(stage);
      await a.c.barrier("again").set();
      const waits = [b, c].map(({ c }) => stateOf(c.barrier("again").wait()));
      // The servers answer each program in order: those who wait have looked by the second answer.
      for (const each of [b, c, b, c]) assert.equal(await each.c.barrier("again").isSet(), true);
      await Promise.all([a.c.barrier("again").remove(), a.c.barrier("again").set()]);
      await within(stage, 5000, "both pass", Promise.all(waits.map(({ promise }) => promise)));
      await failsAs("deadline", b.c.barrier("again").wait({ timeoutMs: 300 }));
    },
  },
  {
    invariant: "a barrier outlives who set it, and who waits goes on waiting through lost connections and sessions",
    async play(stage) {
      const [a, b, c] = await three(stage);
      await a.c.barrier("orphan").set();
      await a.c.close();
      const waiting = stateOf(b.c.barrier("orphan").wait());
      await stage.sleep(300);
      b.cut();
      await stage.sleep(300);
      await b.killSession();
      await stage.sleep(stage.sessionTimeoutMs);
      assert.ok(waiting.isOpen);
      await c.c.barrier("orphan").remove();
      await within(stage, 10_000, "it passes", waiting.promise);
    },
  },
  {
    invariant: "the answer to the setting of a barrier is lost: that is said, and whether it was done can be asked",
    async play(stage) {
      const [a, b] = await three(stage);
      await a.c.barrier("answer").set();
      await a.c.barrier("answer").remove();
      a.loseNextAnswer();
      assert.equal((await failsAs("connection-lost", a.c.barrier("answer").set())).outcome, "unknown");
      assert.equal(await a.c.barrier("answer").isSet(), true);
      a.loseNextAnswer();
      assert.equal((await failsAs("connection-lost", a.c.barrier("answer").remove())).outcome, "unknown");
      assert.equal(await b.c.barrier("answer").isSet(), false);
    },
  },
  {
    invariant: "a signal, a deadline and a closed connection end every method of a barrier",
    async play(stage) {
      const [a, b] = await three(stage);
      const barrier = a.c.barrier("ends");
      await barrier.set();
      const methods = (options: { signal?: AbortSignal; timeoutMs?: number }) => [
        barrier.wait(options),
        barrier.isSet(options),
        barrier.set(options),
        barrier.remove(options),
      ];
      for (const each of methods({ signal: AbortSignal.abort() })) {
        assert.equal((await failsAs("aborted", each)).outcome, "not-applied");
      }
      for (const each of methods({ timeoutMs: Number.NaN })) await failsAs("rejected", each);
      const late = await failsAs("deadline", barrier.wait({ timeoutMs: 300 * stage.slowdown }));
      assert.match(late.message, /^barrier "ends" was not passed: within \d+ ms, waiting for its removal/);
      const giveUp = new AbortController();
      const waiting = stateOf(barrier.wait({ signal: giveUp.signal }));
      await stage.sleep(300);
      giveUp.abort();
      await failsAs("aborted", waiting.promise);
      const closed = stateOf(barrier.wait());
      await stage.sleep(300);
      await a.c.close();
      await failsAs("closed", closed.promise);
      for (const each of methods({})) await failsAs("closed", each);
      assert.equal(await b.c.barrier("ends").isSet(), true, "nobody removed it");
      for (const name of ["", "a/b", "/"]) assert.throws(() => b.c.barrier(name), { code: "rejected" });
    },
  },
];

async function three(stage: Stage<ValueEngine>) {
  return [await stage.program(), await stage.program(), await stage.program()] as const;
}
