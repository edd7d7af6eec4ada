// Scenarios of counters and sequences.

import assert from "node:assert/strict";
import { CoordinationError } from "../../base/errors.ts";
import { Coordination, type Engine, type HasValues } from "../../recipes/index.ts";
import { assertPrompt, eventually, failsAs, within } from "../checks.ts";
import type { Program, Scenario } from "../stage.ts";

export type CountingEngine = Engine & HasValues;

export const counterScenarios: readonly Scenario<CountingEngine>[] = [
  {
    invariant: "what many add at once is all in it, and each is told its own sum",
    async play(stage) {
      const programs = [await stage.program(), await stage.program(), await stage.program()];
      const sums = await within(
        stage,
        60_000,
        "all have added",
        Promise.all(Array.from({ length: 45 }, (_, i) => programs[i % 3]!.c.counter("hits").add())),
      );
      const expected = Array.from({ length: 45 }, (_, i) => BigInt(i + 1));
      assert.deepEqual(
        sums.toSorted((a, b) => (a < b ? -1 : 1)),
        expected,
      );
      for (const { c } of programs) assert.equal(await c.counter("hits").get(), 45n);
      assert.equal(await programs[0]!.c.counter("hits").add(-50n), -5n);
      assert.equal(await programs[1]!.c.counter("hits").get(), -5n);
    },
  },
  {
    invariant: "a counter is read as the last change left it, by whoever asks, also when it was never set",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      assert.equal(await b.c.counter("fresh").get(), 0n);
      for (let i = 1n; i <= 20n; i++) {
        assert.equal(await a.c.counter("fresh").set(i), i - 1n, "the value before");
        assert.equal(await b.c.counter("fresh").get(), i);
        assert.equal(await b.c.counter("fresh").compareAndSet(i - 1n, 0n), false);
        assert.equal(await b.c.counter("fresh").compareAndSet(i, i), true, "it is what it is expected to be");
      }
      assert.equal(await a.c.counter("/an/exact/place").add(3n), 3n);
    },
  },
  {
    invariant: "plain numbers do as well as bigints; what is no whole number is refused",
    async play(stage) {
      const { c } = await stage.program();
      const counter = c.counter("plain");
      assert.equal(await counter.add(5), 5n);
      assert.equal(await counter.set(7), 5n);
      assert.equal(await counter.compareAndSet(7, 8n), true);
      assert.equal(await counter.add(-1), 7n);
      for (const amount of [1.5, Number.NaN, 2 ** 60]) await failsAs("rejected", counter.add(amount));
    },
  },
  {
    invariant: "of those who would change it from the same number one does",
    async play(stage) {
      const programs = [await stage.program(), await stage.program(), await stage.program()];
      for (let round = 0n; round < 5n; round++) {
        const won = await Promise.all(programs.map(({ c }) => c.counter("one").compareAndSet(round, round + 1n)));
        assert.equal(won.filter(Boolean).length, 1, won.join());
      }
    },
  },
  {
    invariant: "an addition whose answer is lost is told as unknown and is in it once; nobody adds it again",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      await a.c.counter("lost").set(5n);
      const error = await failsAs("connection-lost", losingAnswers(a).counter("lost").add(2n));
      assert.equal(error.outcome, "unknown");
      assert.match(error.message, /^counter "lost": whether 7 was written is unknown, read it to see/);
      assert.equal(await b.c.counter("lost").get(), 7n);
      assert.equal(await a.c.counter("lost").add(), 8n);
    },
  },
  {
    invariant: "however connections break, it holds what was added for certain, and nothing that was not asked for",
    async play(stage) {
      const programs = [await stage.program(), await stage.program(), await stage.program()];
      let certain = 0n;
      let unknown = 0n;
      const adding = programs.map(async ({ c }) => {
        for (let i = 0; i < 25; i++) {
          try {
            await c.counter("storm").add();
            certain++;
          } catch (error) {
            assert.ok(error instanceof CoordinationError && error.outcome === "unknown", String(error));
            unknown++;
          }
        }
      });
      let isOver = false;
      const done = Promise.all(adding).finally(() => {
        isOver = true;
      });
      for (let i = 0; !isOver && i < 200; i++) {
        await stage.sleep(7 + (i % 11));
        if (i % 2 === 0) programs[i % 3]!.cut();
        else programs[i % 3]!.loseNextAnswer();
      }
      await within(stage, 60_000, "all have added", done);
      const sum = await programs[0]!.c.counter("storm").get();
      assert.ok(sum >= certain && sum <= certain + unknown, `${sum}, of ${certain} certain and ${unknown} unknown`);
    },
  },
  {
    invariant: "a number of a sequence is given once, and larger than all that were given before it was asked for",
    async play(stage) {
      const programs = [await stage.program(), await stage.program(), await stage.program()];
      const given: bigint[] = [];
      const taking = programs.map(async ({ c }) => {
        for (let i = 0; i < 15; i++) {
          const highest = given.reduce((a, b) => (a > b ? a : b), 0n);
          const number = await c.sequence("orders").next();
          assert.ok(number > highest, `${number} after ${highest}`);
          given.push(number);
        }
      });
      await within(stage, 60_000, "all are given", Promise.all(taking));
      assert.equal(new Set(given).size, 45);
      assert.equal(await programs[0]!.c.sequence("orders").next(), 46n);
      assert.equal(await programs[0]!.c.counter("orders").get(), 0n, "a counter of its name is another");
    },
  },
  {
    invariant: "a sequence goes on through lost answers and lost sessions; it skips, and gives nothing twice",
    async play(stage) {
      const a = await stage.program();
      assert.equal(await a.c.sequence("skips").next(), 1n);
      assert.equal(await losingAnswers(a, 1).sequence("skips").next(), 3n, "2 was taken, and nobody has it");
      await a.killSession();
      assert.equal(await a.c.sequence("skips").next({ timeoutMs: 20_000 }), 4n);
    },
  },
  {
    invariant: "who observes a counter sees what it is, and at last what it has become",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const stop = new AbortController();
      const seen: bigint[] = [];
      const watching = (async () => {
        for await (const number of b.c.counter("seen").observe({ signal: stop.signal })) seen.push(number);
      })();
      await eventually(stage, "nothing is seen", () => seen.at(-1) === 0n);
      for (let i = 0; i < 10; i++) await a.c.counter("seen").add();
      await eventually(stage, "the last is seen", () => seen.at(-1) === 10n);
      await b.killSession();
      await a.c.counter("seen").add();
      await eventually(stage, "also in another session", () => seen.at(-1) === 11n);
      stop.abort();
      await within(stage, 2000, "it ends", watching);
    },
  },
  {
    invariant: "what is no number of 64 bits, and what would become none, is refused and changes nothing",
    async play(stage) {
      const { c } = await stage.program();
      const counter = c.counter("edge");
      const largest = 2n ** 63n - 1n;
      assert.equal(await counter.set(largest), 0n);
      const over = await failsAs("rejected", counter.add(1n));
      assert.equal(over.outcome, "not-applied");
      assert.match(over.message, /9223372036854775808 does not fit into 64 bits/);
      assert.equal(await counter.set(-largest - 1n), largest);
      await failsAs("rejected", counter.add(-1n));
      assert.equal(await counter.add(largest), -1n);
      for (const wrong of [largest + 1n, -largest - 2n, 1.5, "1", null]) {
        await failsAs("rejected", counter.add(wrong as bigint));
        await failsAs("rejected", counter.set(wrong as bigint));
        await failsAs("rejected", counter.compareAndSet(wrong as bigint, 0n));
        await failsAs("rejected", counter.compareAndSet(0n, wrong as bigint));
      }
      assert.equal(await counter.get(), -1n);
      await c.engine.value("counter", "foreign").create(new Uint8Array(3));
      assert.match((await failsAs("rejected", c.counter("foreign").get())).message, /holds 3 bytes/);
      await failsAs("rejected", c.counter("foreign").add());
      for (const name of ["", "a/b", "/", "\u0000"]) {
        assert.throws(() => c.counter(name), { code: "rejected" });
        assert.throws(() => c.sequence(name), { code: "rejected" });
      }
    },
  },
  {
    invariant:
      "a signal that has aborted, a deadline and a closed connection end every method of a counter, and change nothing",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const counter = a.c.counter("ends");
      await counter.set(1n);
      const signal = AbortSignal.abort(new Error("no"));
      const methods = (options: { signal?: AbortSignal; timeoutMs?: number }) => [
        counter.get(options),
        counter.add(1n, options),
        counter.set(2n, options),
        counter.compareAndSet(1n, 2n, options),
        a.c.sequence("ends").next(options),
      ];
      for (const each of methods({ signal })) assert.equal((await failsAs("aborted", each)).outcome, "not-applied");
      for (const each of methods({ timeoutMs: -1 })) await failsAs("rejected", each);
      for await (const _ of counter.observe({ signal })) assert.fail("it sees something");
      a.silence();
      const startedAt = stage.now();
      for (const each of methods({ timeoutMs: 500 })) {
        assert.equal((await failsAs("deadline", each)).outcome, "not-applied", "nothing but readings had left");
      }
      assertPrompt(stage, startedAt, 2000);
      await a.c.close();
      for (const each of methods({})) await failsAs("closed", each);
      await failsAs("closed", counter.observe().next());
      assert.equal(await b.c.counter("ends").get(), 1n);
    },
  },
];

/** The program's recipes, on an engine that loses the answers to its changes: all, or so many. */
function losingAnswers(
  program: Program<CountingEngine>,
  times = Number.POSITIVE_INFINITY,
): Coordination<CountingEngine> {
  const { engine } = program.c;
  let left = times;
  const value: CountingEngine["value"] = (recipe, name) => {
    const inner = engine.value(recipe, name);
    return {
      read: () => inner.read(),
      current: (isFresh) => inner.current(isFresh),
      create: (data, limits) => inner.create(data, limits),
      delete: (version, limits) => inner.delete(version, limits),
      replace: (version, data, limits) => {
        if (left-- > 0) program.loseNextAnswer();
        return inner.replace(version, data, limits);
      },
    };
  };
  return new Coordination({
    runtime: engine.runtime,
    logger: engine.logger,
    get status() {
      return engine.status;
    },
    onStatus: (listener) => engine.onStatus(listener),
    close: () => engine.close(),
    value,
  } satisfies CountingEngine);
}
