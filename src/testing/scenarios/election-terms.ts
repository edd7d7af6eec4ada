// Scenarios of work under leadership, which ends with its term, and of latches.

import assert from "node:assert/strict";
import type { Term } from "../../recipes/index.ts";
import { ended } from "../candidates.ts";
import { eventually, failsAs, stateOf, untilQueued, within } from "../checks.ts";
import type { ExclusiveEngine, Scenario, Stage } from "../stage.ts";

export const electionTermScenarios: readonly Scenario<ExclusiveEngine>[] = [
  {
    invariant: "work under leadership ends with it and is done again by the next leader; its own error ends it",
    async play(stage) {
      const { c, killSession } = await bound(stage);
      const tokens: bigint[] = [];
      const stop = new AbortController();
      let goOn = () => {};
      const deaf = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const leads = c.election("work").lead(
        async (term) => {
          tokens.push(term.token);
          await deaf;
        },
        { signal: stop.signal },
      );
      await eventually(stage, "it leads", () => tokens.length === 1);
      await killSession();
      await eventually(stage, "it leads again", () => tokens.length === 2);
      assert.ok(tokens[1]! > tokens[0]!);
      const trouble = new Error("the work's own");
      const failing = c.election("other work").lead(() => {
        throw trouble;
      });
      await assert.rejects(failing, trouble);
      stop.abort();
      goOn(); // who resigns is waited for
      await within(stage, 10_000, "it ends", leads);
    },
  },
  {
    invariant: "work that is called off ends before the leadership does, and so before the next leader begins",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      for (const form of ["lead", "campaign"] as const) {
        const stop = new AbortController();
        let isWorking = false;
        const work = async (term: Term) => {
          isWorking = true;
          if (!term.signal.aborted) await ended(term);
          assert.equal(term.state, "releasing", "it is told, and nobody else leads yet");
          await stage.sleep(700); // what it had begun has to come to its end
          isWorking = false;
        };
        const election = a.c.election(`called off ${form}`);
        const leads =
          form === "lead"
            ? election.lead(work, { signal: stop.signal })
            : (async () => {
                for await (const term of election.campaign({ signal: stop.signal })) await work(term);
              })();
        await eventually(stage, "it leads", () => isWorking);
        const next = b.c.election(`called off ${form}`).campaign({});
        const following = next.next().then(() => assert.equal(isWorking, false, "two work at a time"));
        await untilQueued(stage, "election", `called off ${form}`, 2);
        stop.abort();
        await within(stage, 10_000, "the next leads", following);
        await within(stage, 10_000, "it ends", leads);
        await next.return();
      }
    },
  },
  {
    invariant: "work that goes on after it was called off does not keep the leadership for longer than it may",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const stop = new AbortController();
      let goOn = () => {};
      const deaf = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const yieldWithinMs = 800 * stage.slowdown;
      const options = { signal: stop.signal, yieldWithinMs };
      let leads = false;
      const lead = a.c.election("deaf").lead(async () => {
        leads = true;
        await deaf;
      }, options);
      await eventually(stage, "it leads", () => leads);
      const next = b.c.election("deaf").campaign();
      const following = stateOf(next.next());
      await untilQueued(stage, "election", "deaf", 2);
      stop.abort();
      await stage.sleep(yieldWithinMs / 2);
      assert.ok(following.isOpen, "its work may end yet");
      await within(stage, 5000, "the next leads", following.promise);
      goOn();
      await within(stage, 5000, "it ends", lead);
      await next.return();
    },
  },
  {
    invariant: "a latch says whether it leads; every term is told once, and its end once, whatever ends it",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      await using first = a.c.election("latch").latch({ id: "a" });
      const told: (bigint | null)[] = [];
      const stop = first.onChange((term) => told.push(term?.token ?? null));
      const term = await first.wait({ timeoutMs: 10_000 });
      assert.ok(first.isLeader && first.term === term);
      await using second = b.c.election("latch").latch({ id: "b" });
      const late = await failsAs("deadline", second.wait({ timeoutMs: 500 }));
      assert.match(late.message, /^election "latch" was not won: within 500 ms, waiting for its turn/);
      await failsAs("aborted", second.wait({ signal: AbortSignal.abort() }));
      assert.equal(second.isLeader, false);
      a.silence();
      await second.wait({ timeoutMs: stage.sessionTimeoutMs * 6 });
      assert.equal(first.isLeader, false, "it knew before another led");
      a.heal();
      await second.close();
      const again = await first.wait({ timeoutMs: stage.sessionTimeoutMs * 6 });
      await a.killSession();
      await eventually(stage, "it leads anew", () => first.isLeader && first.term !== again, 30_000);
      await first.term!.release();
      const fourth = await first.wait({ timeoutMs: 10_000 });
      await first.close();
      assert.equal(first.isLeader, false);
      stop();
      assert.equal(told.length, 8, told.join());
      assert.ok(
        told.every((token, i) => (token === null) === (i % 2 === 1)),
        told.join(),
      );
      assert.deepEqual([told[0], told[2], told[6]], [term.token, again.token, fourth.token]);
      await failsAs("closed", first.wait());
      await failsAs("closed", second.wait());
      assert.deepEqual(await b.c.election("latch").candidates(), []);
    },
  },
  {
    invariant: "a latch ends with its signal, and with its connection; a listener that throws ends nothing",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const controller = new AbortController();
      const latch = a.c.election("ends").latch({ signal: controller.signal });
      latch.onChange(() => {
        throw new Error("the listener's own");
      });
      const term = await latch.wait({ timeoutMs: 10_000 });
      const waiting = b.c.election("ends").latch();
      const fate = failsAs("closed", waiting.wait());
      await untilQueued(stage, "election", "ends", 2);
      assert.equal(term.state, "held");
      await b.c.close();
      await within(stage, 5000, "who waits is told", fate);
      controller.abort();
      await eventually(stage, "it resigns", () => !latch.isLeader);
      await failsAs("closed", latch.wait());
      await failsAs("closed", a.c.election("ends").latch({ signal: controller.signal }).wait());
      assert.throws(() => a.c.election("ends").latch({ priority: Number.NaN }), { code: "rejected" });
      await waiting.close();
      await latch.close();
    },
  },
];

async function bound(stage: Stage<ExclusiveEngine>) {
  const program = await stage.program();
  return { c: program.c, killSession: () => program.killSession() };
}
