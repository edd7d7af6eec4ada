// Validators as people have them: Valibot as it is, schemas that are functions as well, functions that answer later.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import type { Coordination, ZooKeeperEngine } from "../../src/index.ts";
import { ScenarioCluster } from "../../src/testing/index.ts";

const schema = v.object({
  rate: v.pipe(v.number(), v.minValue(0)),
  until: v.optional(
    v.pipe(
      v.string(),
      v.isoDate(),
      v.transform((text) => text.slice(0, 4)),
    ),
  ),
  level: v.optional(v.picklist(["info", "warn"]), "info"),
});

test("Valibot says what a configuration is: its types, its defaults, its issues", async () => {
  const cluster = await ScenarioCluster.start();
  await cluster.play(async () => {
    await using stage = cluster.stage();
    const { c } = await stage.program();
    const config = c.config("flags", schema);
    await config.set({ rate: 10, until: "2031-01-01" });
    await using cfg = await config.open();
    const { rate, until, level } = cfg.value;
    const typed: [number, string | undefined, "info" | "warn"] = [rate, until, level];
    assert.deepEqual(typed, [10, "2031", "info"]);
    await assert.rejects(config.set({ rate: -1, level: "warn" }), {
      name: "InvalidValueError",
      message: /^configuration "flags": rate: Invalid value: Expected >=0 but received -1$/,
    });
    // @ts-expect-error: it is no number
    await assert.rejects(config.set({ rate: "10" }), { code: "rejected" });
    // What is written is what a writer says, not what a reader gets of it: so it passes the schema again.
    await cfg.update(({ rate, level }) => ({ rate: rate + 1, level }));
    assert.equal(cfg.value.rate, 11);
  });
});

/** As ArkType's types: a schema that is a function as well, which returns the value or what is wrong with it; its issues have no path. */
interface CallableSchema<T> {
  (value: unknown): T | Problems;
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => { readonly value: T } | { readonly issues: readonly Issue[] };
    readonly types?: { readonly input: T; readonly output: T } | undefined;
  };
}

interface Issue {
  readonly message: string;
}

class Problems extends Array<string> {}

interface Rate {
  readonly port: number;
}

const callable: CallableSchema<Rate> = Object.assign((value: unknown) => (isRate(value) ? value : new Problems()), {
  "~standard": {
    version: 1 as const,
    vendor: "test",
    validate: (value: unknown) => (isRate(value) ? { value } : { issues: [{ message: "a port is needed" }] }),
  },
});

function isRate(value: unknown): value is Rate {
  return typeof value === "object" && value !== null && "port" in value && typeof value.port === "number";
}

test("a schema that is a function as well is a schema, in its types, too: configurations, queues, services", async () => {
  await played(async ({ c }) => {
    const config = c.config("callable", callable);
    await config.set({ port: 1 });
    const read = await config.read();
    assert.ok(read.kind === "good");
    const ofConfig: number = read.value.port;
    const queue = c.queue("callable", { schema: callable });
    await queue.put({ port: 2 });
    const job = await queue.take();
    const ofQueue: number = job.value.port;
    await job.ack();
    const service = c.service("callable", { schema: withMeta });
    await using _ = await service.register({ address: "here", meta: { port: 3 } });
    const [instance] = await service.instances();
    const ofService: number = instance!.meta.port;
    assert.deepEqual([ofConfig, ofQueue, ofService], [1, 2, 3]);
    await assert.rejects(queue.put({} as never), { name: "InvalidValueError", message: /a port is needed/ });
    const typed = c.queue<Rate>("callable", { schema: callable });
    await assert.rejects(typed.put({} as never), { name: "InvalidValueError" });
  });
});

/** For services, whose data is a record. */
const withMeta = callable as CallableSchema<Rate & Readonly<Record<string, unknown>>>;

const notANumber = "not a number";
/** As a JavaScript program may write it: it answers later. */
const later = async (value: unknown): Promise<number> => {
  if (typeof value !== "number") throw new Error(notANumber);
  return value;
};
/** As the promises of other libraries. */
const foreign = (value: unknown): PromiseLike<number> => {
  const promise = later(value);
  // biome-ignore lint/suspicious/noThenProperty: as promises of other libraries are
  return { then: (resolve, reject) => promise.then(resolve, reject) };
};

for (const [how, schema] of Object.entries({ "async function": later, "function with a foreign promise": foreign })) {
  test(`a configuration waits for its validator's answer: ${how}`, async () => {
    await played(async ({ c }) => {
      const config = c.config("later", schema);
      await assert.rejects(config.set("text" as never), { name: "InvalidValueError", message: /not a number/ });
      assert.equal(await c.nodes.get("/configuration/later"), null);
      await config.set(7);
      const read = await config.read();
      const value: number | null = read.kind === "good" ? read.value : null;
      assert.equal(value, 7);
      await c.nodes.set("/configuration/later", '"text"');
      const bad = await config.read();
      assert.equal(bad.kind === "bad" ? bad.invalid.message : null, notANumber);
    });
  });

  test(`queues and services refuse a validator that answers later, and write nothing: ${how}`, async () => {
    await played(async ({ c }) => {
      for (const value of [7, "text"]) {
        const put = c.queue("later", { schema }).put(value as never);
        await assert.rejects(put, { code: "rejected", outcome: "not-applied", message: /it is asynchronous/ });
        const service = c.service("later", { schema: schema as never });
        const registering = service.register({ address: "here", meta: { value } as never });
        await assert.rejects(registering, { code: "rejected", outcome: "not-applied", message: /it is asynchronous/ });
      }
      assert.equal(await c.queue("later").size(), 0);
      assert.deepEqual(await c.service("later").instances(), []);
      // What another program put in.
      await c.queue("later").put(7);
      const job = await c.queue("later", { schema }).take();
      assert.throws(() => job.value, { code: "damaged", message: /it is asynchronous/ });
    });
  });
}

test("a configuration without a schema, or with what is none, is refused with what it needs", async () => {
  await played(async ({ c }) => {
    for (const schema of [undefined, null, 7, {}]) {
      const message = /^configuration "x": schema is a Standard Schema \(.*\), or a function .*, not /;
      assert.throws(() => c.config("x", schema as never), { code: "rejected", outcome: "not-applied", message });
    }
  });
});

/** Fails where a rejection reaches the process. */
async function played(body: (program: { readonly c: Coordination<ZooKeeperEngine> }) => Promise<void>): Promise<void> {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  process.on("unhandledRejection", onUnhandled);
  try {
    const cluster = await ScenarioCluster.start();
    await cluster.play(async () => {
      await using stage = cluster.stage();
      await body(await stage.program());
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(unhandled, []);
  } finally {
    process.off("unhandledRejection", onUnhandled);
  }
}
