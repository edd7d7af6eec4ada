// Scenarios of configuration.

import assert from "node:assert/strict";
import { bytesOf, textOf } from "../../recipes/bytes.ts";
import {
  type InvalidConfiguration,
  InvalidValueError,
  type OpenConfiguration,
  type StandardSchema,
} from "../../recipes/index.ts";
import { eventually, failsAs, stateOf, within } from "../checks.ts";
import type { Program, Scenario, Stage, ValueEngine } from "../stage.ts";

/** As written: `{ "rate": 10 }`, or `"10"` as older programs wrote it; as read, always the first. */
interface Flags {
  readonly rate: number;
  readonly names?: readonly string[];
}

/** By hand, so that the kit needs no validator; it takes a moment, as validators may. */
const schema: StandardSchema<Flags | string, Flags> = {
  "~standard": {
    version: 1,
    vendor: "cabildo",
    async validate(value) {
      await Promise.resolve();
      if (typeof value === "string" && /^\d+$/.test(value)) return { value: { rate: Number(value) } };
      if (value === "throw") throw new Error("out of order");
      if (typeof value !== "object" || value === null || !("rate" in value))
        return { issues: [{ message: "no flags" }] };
      const { rate } = value;
      if (typeof rate === "number" && rate >= 0) return { value: { ...value, rate } };
      return { issues: [{ message: "a number from 0", path: ["rate"] }] };
    },
  },
};

const fallback: Flags = { rate: 1 };

export const configurationScenarios: readonly Scenario<ValueEngine>[] = [
  {
    invariant: "what one sets all see, those who opened it before and those who open it later",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      await using early = await b.c.config("flags", schema).open({ fallback });
      assert.deepEqual(early.value, fallback);
      assert.equal(early.revision, 0n);
      assert.equal(early.invalid?.reason, "absent");
      using seen = reading(early);
      await a.c.config("flags", schema).set({ rate: 10, names: ["ñ", "☃"] });
      await seen.saw(stage, { rate: 10, names: ["ñ", "☃"] });
      assert.equal(early.invalid, null);
      await using late = await a.c.config("flags", schema).open();
      assert.deepEqual(late.value, { rate: 10, names: ["ñ", "☃"] });
      await late.set({ rate: 20 });
      assert.deepEqual(late.value, { rate: 20 }, "who writes sees what it wrote at once");
      await seen.saw(stage, { rate: 20 });
      assert.ok(early.revision > 0n && early.revision === late.revision);
      await a.c.config("flags", schema).set("30");
      await seen.saw(stage, { rate: 30 });
      assert.ok(early.isCurrent);
    },
  },
  {
    invariant: "the last good value stays when what is there is bad, or gone, and that is told, once",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const told: InvalidConfiguration[] = [];
      await a.c.config("good", schema).set({ rate: 10 });
      await using cfg = await b.c.config("good", schema).open({ onInvalid: (invalid) => told.push(invalid) });
      using seen = reading(cfg);
      for (const [bad, reason, message] of [
        ['{"rate":', "syntax", /^it is no JSON: /],
        ['{"rate":-1}', "schema", /^rate: a number from 0$/],
        ['"throw"', "schema", /^the schema failed: out of order$/],
      ] as const) {
        await raw(a, "good", bad);
        await eventually(
          stage,
          `${bad} is told`,
          () => cfg.invalid?.reason === reason && message.test(cfg.invalid.message),
        );
        assert.deepEqual(cfg.value, { rate: 10 });
        assert.ok(cfg.invalid!.revision! > cfg.revision);
      }
      assert.deepEqual(cfg.invalid?.issues, []);
      await b.killSession();
      await eventually(stage, "it is reached again", () => cfg.isCurrent);
      await stage.sleep(300);
      assert.equal(told.length, 3, "what was told is not told again");
      await failsAs("rejected", b.c.config("good", schema).open());
      await using other = await b.c.config("good", schema).open({ fallback });
      assert.deepEqual(other.value, fallback);
      await a.c.config("good", schema).set({ rate: 20 });
      await seen.saw(stage, { rate: 20 });
      assert.equal(cfg.invalid, null);
      await raw(a, "good", null);
      await eventually(stage, "that it is gone is told", () => told.at(-1)?.reason === "absent");
      assert.deepEqual(cfg.value, { rate: 20 });
      await failsAs("rejected", b.c.config("good", schema).open());
      await a.c.config("good", schema).set({ rate: 30 });
      await seen.saw(stage, { rate: 30 });
      assert.deepEqual(seen.all, [{ rate: 10 }, { rate: 20 }, { rate: 30 }], "nobody was given what is bad");
      assert.equal(told.length, 4);
    },
  },
  {
    invariant: "what does not pass the schema is not written",
    async play(stage) {
      const { c } = await stage.program();
      const config = c.config("strict", schema);
      await using cfg = await config.open({ fallback });
      const error = await failsAs("rejected", config.set({ rate: -1 }));
      assert.ok(error instanceof InvalidValueError);
      assert.deepEqual(error.issues, [{ message: "a number from 0", path: ["rate"] }]);
      assert.match(error.message, /configuration "strict": rate: a number from 0/);
      await failsAs("rejected", cfg.set({ rate: Number.NaN }));
      await failsAs("rejected", config.set(undefined as unknown as Flags));
      await failsAs("rejected", config.set({ rate: 1n } as unknown as Flags));
      await failsAs(
        "rejected",
        cfg.update(({ rate }) => ({ rate: -rate })),
      );
      await assert.rejects(
        config.update(() => {
          throw new TypeError("of the program's own");
        }),
        TypeError,
      );
      assert.deepEqual((await config.read()).kind, "bad");
      assert.equal(cfg.revision, 0n);
    },
  },
  {
    invariant: "of updates that meet none is lost",
    async play(stage) {
      const programs = [await stage.program(), await stage.program(), await stage.program()];
      const more = (value: Flags | null): Flags => ({ rate: (value?.rate ?? 0) + 1 });
      const updates = programs.flatMap(({ c }) =>
        Array.from({ length: 5 }, () => c.config("sum", schema).update(more)),
      );
      const results = await within(stage, 60_000, "all are done", Promise.all(updates));
      assert.deepEqual(
        results.map(({ rate }) => rate).toSorted((x, y) => x - y),
        Array.from({ length: 15 }, (_, i) => i + 1),
      );
      await using cfg = await programs[0]!.c.config("sum", schema).open();
      assert.deepEqual(await cfg.update(async (value) => more(value)), { rate: 16 });
      assert.deepEqual(cfg.value, { rate: 16 });
      await raw(programs[1]!, "sum", "{}");
      await failsAs("rejected", cfg.update(more));
      await cfg.set({ rate: 0 });
      assert.deepEqual(cfg.value, { rate: 0 });
    },
  },
  {
    invariant: "a write whose answer is lost is told to be unknown, and is not done twice",
    async play(stage) {
      const a = await stage.program();
      const config = a.c.config("unknown", schema);
      await config.set({ rate: 1 });
      let asked = 0;
      const updating = config.update((value) => {
        asked += 1;
        a.loseNextAnswer();
        return { rate: value!.rate + 1 };
      });
      const error = await failsAs("connection-lost", updating);
      assert.equal(error.outcome, "unknown");
      assert.equal(asked, 1);
      await using cfg = await config.open();
      assert.deepEqual(cfg.value, { rate: 2 });
    },
  },
  {
    invariant: "a reader goes on over lost sessions, and gets what changed meanwhile",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      await a.c.config("over", schema).set({ rate: 1 });
      await using cfg = await b.c.config("over", schema).open();
      using seen = reading(cfg);
      b.silence();
      await a.c.config("over", schema).set({ rate: 2 });
      await raw(a, "over", null);
      await a.c.config("over", schema).set({ rate: 3 });
      await stage.sleep(stage.sessionTimeoutMs * 2);
      assert.deepEqual(cfg.value, { rate: 1 });
      assert.equal(cfg.isCurrent, false);
      b.heal();
      await seen.saw(stage, { rate: 3 });
      await b.killSession();
      await a.c.config("over", schema).set({ rate: 4 });
      await seen.saw(stage, { rate: 4 });
      assert.deepEqual(seen.all, [{ rate: 1 }, { rate: 3 }, { rate: 4 }]);
    },
  },
  {
    invariant: "a validator that takes its time brings no older value back",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      let open = () => {};
      const gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      let isAsked = false;
      const { "~standard": standard } = schema;
      const slow: typeof schema = {
        "~standard": {
          ...standard,
          async validate(value) {
            const result = await standard.validate(value);
            const isSlow = result.issues === undefined && result.value.rate === 2;
            isAsked ||= isSlow;
            if (isSlow) await gate;
            return result;
          },
        },
      };
      await a.c.config("slow", schema).set({ rate: 1 });
      await using cfg = await b.c.config("slow", slow).open();
      using seen = reading(cfg);
      await a.c.config("slow", schema).set({ rate: 2 });
      await eventually(stage, "the second is looked at", () => isAsked);
      await cfg.set({ rate: 3 });
      assert.deepEqual(cfg.value, { rate: 3 });
      open();
      await stage.sleep(100);
      await a.c.config("slow", schema).set({ rate: 4 });
      await seen.saw(stage, { rate: 4 });
      assert.deepEqual(seen.all, [{ rate: 1 }, { rate: 3 }, { rate: 4 }]);
    },
  },
  {
    invariant:
      "a signal that aborts, a value that was closed, and a closed connection end what they should, and write nothing",
    async play(stage) {
      const { c, ...a } = await stage.program().then((program) => ({ c: program.c, silence: () => program.silence() }));
      for (const name of ["", "a/b"]) assert.throws(() => c.config(name, schema), { code: "rejected" });
      const signal = AbortSignal.abort();
      const config = c.config("end", schema);
      await failsAs("aborted", config.open({ fallback, signal }));
      await failsAs("aborted", config.read({ signal }));
      const early = await failsAs("aborted", config.set({ rate: 1 }, { signal }));
      assert.equal(early.outcome, "not-applied");
      assert.equal((await config.read()).kind, "bad", "nothing was written");
      await failsAs("rejected", config.set({ rate: 1 }, { timeoutMs: -1 }));
      const giveUp = new AbortController();
      let rounds = 0;
      const met = config.update(
        async () => {
          await config.set({ rate: 7 });
          if (++rounds === 2) giveUp.abort();
          return { rate: 8 };
        },
        { signal: giveUp.signal },
      );
      assert.equal((await failsAs("aborted", met)).outcome, "not-applied", "another was first");
      await config.set({ rate: 1 });
      const cfg = await config.open();
      for await (const _ of cfg.values({ signal })) assert.fail("it ends at once");
      const stop = new AbortController();
      const values = cfg.values({ signal: stop.signal });
      assert.deepEqual(await values.next(), { done: false, value: { rate: 1 } });
      const next = stateOf(values.next());
      await stage.sleep(50);
      assert.ok(next.isOpen);
      stop.abort();
      assert.deepEqual(await next.promise, { done: true, value: undefined });
      const ending = reading(cfg);
      await stage.sleep(50);
      cfg.close();
      await within(stage, 1000, "the loop ends", ending.over);
      await failsAs("closed", cfg.set({ rate: 2 }));
      assert.deepEqual(cfg.value, { rate: 1 });
      const failing = reading(await config.open());
      await stage.sleep(50);
      a.silence();
      const late = await failsAs("deadline", config.set({ rate: 3 }, { timeoutMs: 100 }));
      assert.equal(late.outcome, "not-applied", "it was still being read");
      await c.close();
      await failsAs("closed", failing.over);
      await failsAs("closed", config.open({ fallback }));
      await failsAs("closed", config.set({ rate: 2 }));
    },
  },
];

/** Reads its values, and remembers them. */
function reading(cfg: OpenConfiguration<Flags | string, Flags>) {
  const stop = new AbortController();
  const all: Flags[] = [];
  const over = (async () => {
    for await (const value of cfg.values({ signal: stop.signal })) all.push(value);
  })();
  over.catch(() => {});
  return {
    all,
    over,
    saw: (stage: Stage<ValueEngine>, what: Flags) =>
      eventually(stage, `${JSON.stringify(what)} is seen`, () => JSON.stringify(all.at(-1)) === JSON.stringify(what)),
    [Symbol.dispose]: () => stop.abort(),
  };
}

/** Writes past the schema, as any program may; null deletes it. */
async function raw({ c }: Program<ValueEngine>, name: string, text: string | null): Promise<void> {
  const value = c.engine.value("configuration", name);
  const watched = await value.read();
  watched.unwatch();
  assert.ok(watched.value !== null && textOf(watched.value.data) !== text);
  const { version } = watched.value;
  assert.ok(text === null ? await value.delete(version) : await value.replace(version, bytesOf(text)));
}
