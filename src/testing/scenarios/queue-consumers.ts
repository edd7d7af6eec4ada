// Scenarios of consumers that die, are cut off, lose answers or give up.

import assert from "node:assert/strict";
import { CoordinationError } from "../../base/errors.ts";
import { type Job, LockLostError } from "../../recipes/index.ts";
import { endOf, eventually, failsAs, stateOf, within } from "../checks.ts";
import type { Scenario } from "../stage.ts";
import { bound, consume, drain, programs, type QueueingEngine } from "./queue-programs.ts";

export const queueConsumerScenarios: readonly Scenario<QueueingEngine>[] = [
  {
    invariant: "the item of a consumer that dies goes to another, and what the dead one still says touches nothing",
    async play(stage) {
      const [a, b, c] = await programs(stage, 3);
      await c.c.queue("dead").put("work");
      const lost = await a.c.queue("dead").take();
      const end = endOf(stage, lost);
      const waiting = stateOf(b.c.queue("dead").take());
      await stage.sleep(300);
      assert.equal(await c.c.queue("dead").tryTake(), null, "it is leased");
      await a.killSession();
      const job = await within(stage, 10_000, "another has it", waiting.promise);
      assert.equal(job.value, "work");
      assert.ok(job.token > lost.token);
      await eventually(stage, "the first is told", () => end.times > 0);
      assert.ok(lost.signal.reason instanceof LockLostError);
      await assert.rejects(lost.ack(), LockLostError);
      await lost.return();
      await stage.sleep(300);
      assert.equal(end.times, 1);
      assert.equal(job.state, "held");
      assert.equal(await a.c.queue("dead").tryTake({ timeoutMs: 20_000 }), null);
      await job.ack();
      assert.equal(await c.c.queue("dead").size(), 0);
    },
  },
  {
    invariant: "when the network falls silent the consumer is told by its own deadline, before another has the item",
    async play(stage) {
      const [a, b] = await programs(stage, 2);
      await b.c.queue("silent").put("work");
      const lost = await a.c.queue("silent").take();
      const end = endOf(stage, lost);
      const waiting = b.c.queue("silent").take();
      await stage.sleep(200);
      a.silence();
      const job = await within(stage, stage.sessionTimeoutMs * 6, "another has it", waiting);
      assert.ok(end.at !== null && end.at <= stage.now(), "the signal came first");
      await job.ack();
    },
  },
  {
    invariant: "an ack whose answer is lost is one, a put is told as unknown and is in once, a take has one item",
    async play(stage) {
      const [a, b] = await programs(stage, 2);
      await a.c.queue("answers").put(1);
      a.loseNextAnswer();
      const error = await failsAs("connection-lost", a.c.queue("answers").put(2));
      assert.equal(error.outcome, "unknown");
      assert.equal(await b.c.queue("answers").size(), 2);
      a.loseNextAnswer();
      const job = await a.c.queue<number>("answers").take({ timeoutMs: 20_000 });
      assert.equal(job.value, 1);
      a.loseNextAnswer();
      await job.ack();
      await job.ack();
      assert.deepEqual(await drain(b.c.queue("answers")), [2]);
      assert.equal(await b.c.queue("answers").size(), 0);
    },
  },
  {
    invariant: "whichever answer is lost while an item is taken, that item is had, and not the one behind it",
    async play(stage) {
      const { c, loseNextAnswer } = bound(await stage.program());
      await c.queue("whichever").put("first");
      await c.queue("whichever").put("second");
      for (let afterMs = 0; afterMs < 15; afterMs++) {
        const taking = c.queue("whichever").take({ timeoutMs: 20_000 });
        await stage.sleep(afterMs);
        loseNextAnswer();
        const job = await taking;
        assert.equal(job.value, "first", `an answer lost after ${afterMs} ms`);
        await job.return();
      }
    },
  },
  {
    invariant: "a take that is given up, at whatever instant and with whatever connection, holds back no item",
    async play(stage) {
      const [a, b] = await programs(stage, 2);
      for (const value of [1, 2, 3]) await a.c.queue("given up").put(value);
      for (let afterMs = 0; afterMs < 25; afterMs++) {
        for (const fault of afterMs % 5 === 0 ? ["", "cut", "lose the answer"] : [""]) {
          const giveUp = new AbortController();
          if (fault === "lose the answer") a.loseNextAnswer();
          const done = a.c
            .queue("given up")
            .take({ signal: giveUp.signal })
            .then(
              (job) => job.return(),
              () => {},
            );
          await stage.sleep(afterMs);
          giveUp.abort();
          if (fault === "cut") a.cut();
          await done;
        }
      }
      const came: number[] = [];
      for (let i = 0; i < 3; i++) {
        const job = await b.c.queue<number>("given up").take({ timeoutMs: 15_000 });
        came.push(job.value);
        await job.ack();
      }
      assert.deepEqual(came.toSorted(), [1, 2, 3]);
      assert.equal(a.c.status.kind, "ready");
    },
  },
  {
    invariant:
      "through cut connections, lost answers and silence every item is done, and none is two consumers' at a time",
    async play(stage) {
      const all = await programs(stage, 3);
      const count = 40;
      const done = new Set<number>();
      const atWork = new Map<number, Job<number>>();
      const stop = new AbortController();
      const work = async (job: Job<number>) => {
        const { value } = job;
        const before = atWork.get(value);
        assert.ok(before === undefined || before.expiresIn() === 0, `${value} is two consumers'`);
        atWork.set(value, job);
        await stage.sleep(15);
        try {
          await job.ack();
          done.add(value);
        } catch (error) {
          assert.ok(error instanceof CoordinationError, String(error));
          // Unknown: it may have been done. Then it does not come again.
          if (error.outcome === "unknown") done.add(value);
        }
      };
      for (let i = 0; i < count; i++) await all[0]!.c.queue("storm").put(i);
      const consuming = all.map((program) => consume<number>(program, "storm", stop.signal, work));
      for (let i = 0; done.size < count && i < 400; i++) {
        await stage.sleep(40 + (i % 7) * 9);
        const program = all[i % 3]!;
        if (i % 9 === 4) {
          program.silence();
          await stage.sleep(stage.sessionTimeoutMs * 1.3);
          program.heal();
        } else if (i % 2 === 0) program.cut();
        else program.loseNextAnswer();
      }
      await eventually(stage, "all are done", () => done.size === count, 60_000);
      stop.abort();
      await within(stage, 20_000, "all consumers end", Promise.all(consuming));
      await stage.sleep(stage.sessionTimeoutMs * 2);
      const left = await drain<number>(all[0]!.c.queue("storm"));
      assert.equal(await all[0]!.c.queue("storm").size(), 0);
      assert.ok(left.length <= 3, `${left.length} came again, whose acks were unknown`);
    },
  },
  {
    invariant: "an item that cannot be read is its consumer's to deal with, and others pass it",
    async play(stage) {
      const [a, b] = await programs(stage, 2);
      const bytes = { encode: (value: Uint8Array) => value, decode: (value: Uint8Array) => value };
      await a.c.queue("odd", { codec: bytes }).put(new Uint8Array([0x7b]));
      await a.c.queue("odd").put({ fine: true });
      const odd = await b.c.queue("odd").take();
      assert.throws(() => odd.value, { code: "damaged", message: /^item queue-\S+ of queue "odd" cannot be read/ });
      const fine = await a.c.queue("odd").take();
      assert.deepEqual(fine.value, { fine: true });
      await Promise.all([odd.ack(), fine.ack()]);
      await a.c.queue("odd", { codec: bytes }).put(new Uint8Array([1, 2, 3]));
      assert.deepEqual([...(await b.c.queue("odd", { codec: bytes }).take()).value], [1, 2, 3]);
    },
  },
  {
    invariant: "of a queue, what cannot be is refused; a signal, a deadline and a closed connection end every method",
    async play(stage) {
      const [a, b] = await programs(stage, 2);
      const queue = a.c.queue<unknown>("ends");
      for (const priority of [1.5, Number.NaN, 2 ** 31, -(2 ** 31), "1" as unknown as number]) {
        await failsAs("rejected", queue.put(1, { priority }));
      }
      for (const delayUntil of [Number.NaN, -1, new Date("never"), 1e17]) {
        await failsAs("rejected", queue.put(1, { delayUntil }));
      }
      for (const value of [undefined, 1n, () => {}]) await failsAs("rejected", queue.put(value));
      for (const name of ["", "a/b", "/"]) assert.throws(() => a.c.queue(name), { code: "rejected" });
      const methods = (options: { signal?: AbortSignal; timeoutMs?: number }) => [
        () => queue.put(1, options),
        () => queue.take(options),
        () => queue.tryTake(options),
        () => queue.size(options),
        () => queue.peek(options),
      ];
      for (const each of methods({ signal: AbortSignal.abort() })) {
        assert.equal((await failsAs("aborted", each())).outcome, "not-applied");
      }
      for (const each of methods({ timeoutMs: -1 })) await failsAs("rejected", each());
      for await (const _ of queue.consume({ signal: AbortSignal.abort() })) assert.fail("there is no item");
      const taking = stateOf(queue.take());
      const next = stateOf(queue.consume().next());
      await stage.sleep(300);
      await a.c.close();
      await failsAs("closed", taking.promise);
      await failsAs("closed", next.promise);
      for (const each of methods({})) await failsAs("closed", each());
      assert.equal(await b.c.queue("ends").size(), 0, "nothing was put");
    },
  },
];
