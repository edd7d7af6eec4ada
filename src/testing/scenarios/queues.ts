// Scenarios of queues.

import assert from "node:assert/strict";
import { CoordinationError } from "../../base/errors.ts";
import { type Engine, type HasQueues, type Job, LockLostError, ReleasedError } from "../../recipes/index.ts";
import { endOf, eventually, failsAs, stateOf, untilQueued, within } from "../checks.ts";
import type { Program, Scenario, Stage } from "../stage.ts";

type QueueingEngine = Engine & HasQueues;

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

async function programs(stage: Stage<QueueingEngine>, count: 2): Promise<[P, P]>;
async function programs(stage: Stage<QueueingEngine>, count: 3): Promise<[P, P, P]>;
async function programs(stage: Stage<QueueingEngine>, count: number): Promise<P[]>;
async function programs(stage: Stage<QueueingEngine>, count: number): Promise<P[]> {
  return Promise.all(Array.from({ length: count }, () => stage.program()));
}

type P = Program<QueueingEngine>;

function bound(program: P) {
  return { c: program.c, loseNextAnswer: () => program.loseNextAnswer() };
}

async function consume<T>(
  { c }: P,
  name: string,
  signal: AbortSignal | undefined,
  work: (job: Job<T>) => Promise<void>,
): Promise<void> {
  for await (const job of c.queue<T>(name).consume({ signal })) await work(job);
}

/** What comes out of it now, in its order. */
async function drain<T>(queue: { tryTake(): Promise<Job<T> | null> }): Promise<T[]> {
  const values: T[] = [];
  for (;;) {
    const job = await queue.tryTake();
    if (job === null) return values;
    values.push(job.value);
    await job.ack();
  }
}
