// Scenarios of the semaphore.

import assert from "node:assert/strict";
import { eventually, failsAs, stateOf, untilQueued, within } from "../checks.ts";
import type { ExclusiveEngine, Program, Scenario } from "../stage.ts";

const permits = 3;

export const semaphoreScenarios: readonly Scenario<ExclusiveEngine>[] = [
  {
    invariant: "no more permits are out than there are, and those that come back go to who waited longest",
    async play(stage) {
      const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
      const two = await a.c.semaphore("s", { permits }).acquire({ count: 2 });
      const one = await b.c.semaphore("s", { permits }).acquire();
      await untilQueued(stage, "semaphore", "s", 0);
      const many = stateOf(c.c.semaphore("s", { permits }).acquire({ count: 2 }));
      await untilQueued(stage, "semaphore", "s", 1);
      const few = stateOf(b.c.semaphore("s", { permits }).acquire());
      await untilQueued(stage, "semaphore", "s", 2);
      await one.release();
      await stage.sleep(500);
      assert.ok(many.isOpen && few.isOpen, "one is free, and who waits for two is first");
      await two.release();
      const got = await within(stage, 5000, "two are had", many.promise);
      const last = await within(stage, 5000, "one is had", few.promise);
      assert.ok(got.token > two.token && last.token > got.token);
      assert.equal(await a.c.semaphore("s", { permits }).tryAcquire(), null);
      await Promise.all([got.release(), last.release()]);
      await freeAgain(a, "s");
    },
  },
  {
    invariant: "never more inside than permits, whoever comes and goes",
    async play(stage) {
      const programs = [await stage.program(), await stage.program(), await stage.program()];
      let inside = 0;
      let most = 0;
      const work = async () => {
        most = Math.max(most, ++inside);
        assert.ok(inside <= permits, `${inside} are inside`);
        if (most < 2) await eventually(stage, "another is inside as well", () => most > 1);
        await stage.sleep(30);
        inside--;
      };
      const runs = Array.from({ length: 18 }, (_, i) => programs[i % 3]!.c.semaphore("busy", { permits }).run(work));
      await within(stage, 60_000, "all have been inside", Promise.all(runs));
      await freeAgain(programs[0]!, "busy");
    },
  },
  {
    invariant: "whatever goes wrong while permits are taken, none of them leaks",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const semaphore = a.c.semaphore("leak", { permits });
      await (await semaphore.acquire()).release();
      for (const afterMs of [0, 1, 2, 4, 8, 16, 60]) {
        for (const fault of ["abort", "abort and cut", "abort and lose the answer"]) {
          const giveUp = new AbortController();
          if (fault.endsWith("answer")) a.loseNextAnswer();
          const acquiring = semaphore.acquire({ count: 2, signal: giveUp.signal });
          const done = acquiring.then(
            (held) => held.release(),
            () => {},
          );
          await stage.sleep(afterMs);
          giveUp.abort();
          if (fault.endsWith("cut")) a.cut();
          await done;
        }
      }
      await freeAgain(b, "leak");
      assert.equal(a.c.status.kind, "ready");
    },
  },
  {
    invariant: "the permits of a program that dies come back, and a waiter that dies lets nobody past",
    async play(stage) {
      const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
      const held = await a.c.semaphore("dead", { permits }).acquire({ count: 3 });
      await untilQueued(stage, "semaphore", "dead", 0);
      const second = stateOf(b.c.semaphore("dead", { permits }).acquire());
      await untilQueued(stage, "semaphore", "dead", 1);
      const third = stateOf(c.c.semaphore("dead", { permits }).acquire());
      await untilQueued(stage, "semaphore", "dead", 2);
      await b.killSession();
      await failsAs("session-expired", second.promise);
      await stage.sleep(500);
      assert.ok(third.isOpen, "all are still out");
      await a.killSession();
      await eventually(stage, "the holder is told", () => held.signal.aborted);
      await (await within(stage, 10_000, "they are back", third.promise)).release();
      await freeAgain(c, "dead");
    },
  },
  {
    invariant: "a count that cannot be is refused",
    async play(stage) {
      const { c } = await stage.program();
      for (const count of [0, -1, 1.5, Number.NaN, 4]) {
        await failsAs("rejected", c.semaphore("odd", { permits }).acquire({ count }));
      }
      for (const wrong of [0, -1, 1.5, Number.NaN]) {
        assert.throws(() => c.semaphore("odd", { permits: wrong }), { code: "rejected" });
      }
    },
  },
];

async function freeAgain({ c }: Program<ExclusiveEngine>, name: string): Promise<void> {
  const all = await c.semaphore(name, { permits }).acquire({ count: permits, timeoutMs: 15_000 });
  await all.release();
}
