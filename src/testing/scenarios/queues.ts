// Scenarios of queues.

import assert from "node:assert/strict";
import { type Job, ReleasedError } from "../../recipes/index.ts";
import { eventually, failsAs, stateOf, untilQueued, within } from "../checks.ts";
import type { Scenario } from "../stage.ts";
import { queueConsumerScenarios } from "./queue-consumers.ts";
import { consume, drain, programs, type QueueingEngine } from "./queue-programs.ts";

export const queueScenarios: readonly Scenario<QueueingEngine>[] = [
  {
    invariant:
      "what does not pass the schema is not put in; what another program put in comes out, and its value throws",
    async play(stage) {
      const { c } = await stage.program();
      const numbers = c.queue("typed", {
        schema: (value) => {
          if (typeof value === "number") return value;
          throw new Error(`a number is needed, not ${JSON.stringify(value)}`);
        },
      });
      await numbers.put(1);
      const refused = await failsAs("rejected", numbers.put("two" as never));
      assert.equal(refused.name, "InvalidValueError");
      assert.match(refused.message, /^queue "typed": a number is needed, not "two"$/);
      await c.queue("typed").put("three");
      assert.equal(await numbers.size(), 2);
      const first = await numbers.take();
      assert.equal(first.value, 1);
      await first.ack();
      const second = await numbers.take();
      assert.throws(() => second.value, /item .* of queue "typed" cannot be read: .*a number is needed, not "three"/);
      await second.ack();
    },
  },
  {
    invariant:
      "items come out in the order in which they were put, each with a larger token, and are gone when they are done",
    async play(stage) {
      const [a, b] = await programs(stage, 2);
      const put = Array.from({ length: 12 }, (_, i) => ({ to: `user-${i}`, n: i }));
      for (const value of put) await a.c.queue("mail").put(value);
      assert.equal(await b.c.queue("mail").size(), 12);
      const came: Job<unknown>[] = [];
      for await (const job of b.c.queue("mail").consume()) {
        job.assertHeld();
        came.push(job);
        await job.ack();
        assert.ok(job.signal.reason instanceof ReleasedError);
        if (came.length === 12) break;
      }
      assert.deepEqual(
        came.map(({ value }) => value),
        put,
      );
      assert.ok(came.every(({ token }, i) => i === 0 || token > came[i - 1]!.token));
      assert.equal(await a.c.queue("mail").size(), 0);
      assert.equal(await a.c.queue("mail").tryTake(), null);
      assert.equal(await a.c.queue("mail").peek(), null);
    },
  },
  {
    invariant: "of what many put and many take, each item is had by one, and none is left",
    async play(stage) {
      const all = await programs(stage, 3);
      const stop = new AbortController();
      const had: number[] = [];
      const consuming = [...all, ...all].map((program) =>
        consume<number>(program, "many", stop.signal, async (job) => {
          had.push(job.value);
          await job.ack();
        }),
      );
      const putting = Array.from({ length: 45 }, (_, i) => all[i % 3]!.c.queue("many").put(i));
      await within(stage, 30_000, "all are put", Promise.all(putting));
      await eventually(stage, "all are had", () => had.length >= 45, 60_000);
      stop.abort();
      await within(stage, 5000, "all consumers end", Promise.all(consuming));
      assert.deepEqual(
        had.toSorted((x, y) => x - y),
        Array.from({ length: 45 }, (_, i) => i),
      );
      assert.equal(await all[0]!.c.queue("many").size(), 0);
    },
  },
  {
    invariant:
      "those who wait for an item get the next ones in the order in which they came, and a new item wakes one of them",
    async play(stage) {
      const all = await programs(stage, 4);
      const taking = [];
      for (const [i, { c }] of all.slice(1).entries()) {
        taking.push(stateOf(c.queue<number>("turns").take()));
        await untilQueued(stage, "queue", "turns", 1 + i);
      }
      for (const [i, fate] of taking.entries()) {
        const [, overtaking] = await Promise.all([all[0]!.c.queue("turns").put(i), all[0]!.c.queue("turns").tryTake()]);
        assert.equal(overtaking, null, "who comes later overtakes nobody");
        const job = await within(stage, 5000, "the first of them has it", fate.promise);
        assert.equal(job.value, i);
        await stage.sleep(300);
        assert.deepEqual(
          taking.map(({ isOpen }) => isOpen),
          taking.map((_, at) => at > i),
        );
        await job.ack();
      }
    },
  },
  {
    invariant: "the highest priority comes out first, and equal ones as they were put",
    async play(stage) {
      const { c } = await stage.program();
      const priorities = [0, 5, -3, 2 ** 31 - 1, 5, 0, -(2 ** 31 - 1), 7];
      for (const [i, priority] of priorities.entries()) await c.queue("prio").put(`${priority}#${i}`, { priority });
      assert.equal((await c.queue("prio").peek())?.value, "2147483647#3");
      const came = await drain<string>(c.queue("prio"));
      assert.deepEqual(came, ["2147483647#3", "7#7", "5#1", "5#4", "0#0", "0#5", "-3#2", "-2147483647#6"]);
    },
  },
  {
    invariant: "an item with a date is not had before it, stands in nobody's way, and wakes who waits for it",
    async play(stage) {
      const [a, b] = await programs(stage, 2);
      const wall = () => a.c.engine.runtime.wall();
      const laterMs = 1500 * stage.slowdown;
      const dueAt = wall() + laterMs;
      await a.c.queue("late").put("later", { delayUntil: dueAt, priority: 9 });
      await a.c.queue("late").put("much later", { delayUntil: new Date(dueAt + 3_600_000) });
      await a.c.queue("late").put("now");
      assert.equal((await b.c.queue("late").peek())?.value, "now");
      const now = await b.c.queue("late").take({ timeoutMs: 5000 });
      assert.equal(now.value, "now");
      assert.equal(now.delayUntil, null);
      await now.ack();
      assert.equal(await b.c.queue("late").tryTake(), null);
      const later = await within(stage, 10_000, "it comes", b.c.queue("late").take());
      assert.equal(later.value, "later");
      assert.ok(wall() >= dueAt && wall() < dueAt + laterMs, `${wall() - dueAt} ms after its date`);
      assert.deepEqual([later.priority, later.delayUntil], [9, Math.ceil(dueAt)]);
      await later.ack();
      assert.equal(await b.c.queue("late").size(), 1);
      const error = await failsAs("deadline", b.c.queue("late").take({ timeoutMs: 300 * stage.slowdown }));
      assert.match(
        error.message,
        /^an item of queue "late" was not taken: within \d+ ms, waiting for an item that is due/,
      );
    },
  },
  {
    invariant:
      "what is returned is had by the next at its old place: by hand, by the next round, by leaving the loop, by an error",
    async play(stage) {
      const [a, b] = await programs(stage, 2);
      for (const value of ["one", "two"]) await a.c.queue("back").put(value);
      const first = await a.c.queue<string>("back").take();
      await first.return();
      assert.ok(first.signal.reason instanceof ReleasedError);
      await assert.rejects(first.ack(), ReleasedError);
      let rounds = 0;
      for await (const job of a.c.queue<string>("back").consume()) {
        assert.equal(job.value, "one");
        if (++rounds === 2) break;
      }
      const trouble = new Error("the work's own");
      const failing = consume<string>(a, "back", undefined, () => Promise.reject(trouble));
      await assert.rejects(failing, trouble);
      {
        await using job = await a.c.queue<string>("back").take();
        assert.equal(job.value, "one");
        const other = await b.c.queue<string>("back").take();
        assert.equal(other.value, "two");
        await other.ack();
      }
      assert.deepEqual(await drain(b.c.queue("back")), ["one"]);
    },
  },
  ...queueConsumerScenarios,
];
