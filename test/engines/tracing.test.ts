// What recipes do, as those hear it who trace it: on Node's channels, and as spans of a real OpenTelemetry SDK.

import assert from "node:assert/strict";
import { channel, tracingChannel } from "node:diagnostics_channel";
import { after, test } from "node:test";
import { context, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { CoordinationError, connect } from "../../src/index.ts";
import { instrument } from "../../src/opentelemetry/index.ts";
import { startEnsemble } from "../support/ensemble.ts";

const ensemble = await startEnsemble({ flavour: "cabildo", members: 1, config: ["tickTime=200"] });
after(() => ensemble.stop());
const url = `zookeeper://${ensemble.connectString}`;

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const tracer = provider.getTracer("test");

/** The spans of what was done meanwhile, in the order in which they ended. */
async function spansOf(work: () => Promise<void>) {
  exporter.reset();
  const stop = instrument({ tracer });
  try {
    await work();
  } finally {
    stop();
  }
  return exporter.getFinishedSpans();
}

test("a lock acquired and released, on the channels: what, its name, its token, and its end", async () => {
  await using c = await connect(url);
  const heard: unknown[] = [];
  const note = (event: string) => (message: unknown) => {
    const { what, name, token, ...rest } = message as Record<string, unknown>;
    heard.push([event, what, name, typeof token, rest["end"]]);
  };
  const acquire = tracingChannel("cabildo:acquire");
  const release = tracingChannel("cabildo:release");
  const heardOn = [
    [acquire.start, note("acquire")],
    [acquire.asyncEnd, note("acquired")],
    [release.start, note("release")],
    [release.asyncEnd, note("released")],
    [channel("cabildo:end"), note("end")],
  ] as const;
  for (const [each, listener] of heardOn) each.subscribe(listener);
  await (await c.lock("a").acquire()).release();
  for (const [each, listener] of heardOn) each.unsubscribe(listener);
  await (await c.lock("a").acquire()).release(); // nobody listens
  assert.deepEqual(heard, [
    ["acquire", 'lock "a"', "a", "undefined", undefined],
    ["acquired", 'lock "a"', "a", "bigint", undefined],
    ["end", 'lock "a"', "a", "bigint", "released"],
    ["release", 'lock "a"', "a", "bigint", undefined],
    ["released", 'lock "a"', "a", "bigint", undefined],
  ]);
});

test("spans: acquire below the caller's, hold below acquire, release; a wait in the process is part of the acquisition", async () => {
  await using c = await connect(url);
  let token = 0n;
  const spans = await spansOf(async () => {
    await tracer.startActiveSpan("the job", async (job) => {
      const first = await c.lock("b").acquire();
      const second = c.lock("b").acquire();
      await new Promise((resolve) => setTimeout(resolve, 40));
      await first.release();
      const held = await second;
      token = held.token;
      await held.release();
      job.end();
    });
  });
  const named = (name: string) => spans.filter((span) => span.name === name);
  assert.deepEqual(
    ["cabildo acquire", "cabildo hold", "cabildo release", "the job"].map((name) => named(name).length),
    [2, 2, 2, 1],
  );
  const [job] = named("the job");
  const [, waited] = named("cabildo acquire");
  const [, hold] = named("cabildo hold");
  assert.equal(waited!.parentSpanContext?.spanId, job!.spanContext().spanId);
  assert.equal(hold!.parentSpanContext?.spanId, waited!.spanContext().spanId);
  assert.ok(waited!.duration[0] > 0 || waited!.duration[1] >= 35e6, `waited ${waited!.duration}`);
  assert.deepEqual(waited!.attributes, {
    "cabildo.what": 'lock "b"',
    "cabildo.name": "b",
    "cabildo.token": `${token}`,
  });
  assert.equal(hold!.attributes["cabildo.end"], "released");
});

test("what fails, what is not to be had, and what is lost, say so", async () => {
  const c = await connect(url);
  await using other = await connect(url);
  const spans = await spansOf(async () => {
    await c.semaphore("s", { permits: 1 }).acquire();
    const late = other.semaphore("s", { permits: 1 }).acquire({ timeoutMs: 20 });
    await assert.rejects(late, (error) => error instanceof CoordinationError && error.code === "deadline");
    for await (const term of c.election("e").campaign()) {
      assert.equal(term.state, "held");
      break;
    }
    await c.lock("l").acquire();
    assert.equal(await other.lock("l").tryAcquire(), null);
    await c.close(); // with both in its hands
  });
  const told = spans.map(({ name, attributes, status }) => {
    const {
      "cabildo.what": what,
      "cabildo.end": end,
      "cabildo.error": error,
      "cabildo.acquired": acquired,
    } = attributes;
    return [name, what, end ?? error ?? acquired, status.code === SpanStatusCode.ERROR].join(" ");
  });
  for (const expected of [
    'cabildo acquire a permit of semaphore "s" deadline true',
    'cabildo acquire election "e"  false',
    'cabildo hold election "e" released false',
    'cabildo acquire lock "l" false false',
    'cabildo hold lock "l" lost true',
    'cabildo hold a permit of semaphore "s" lost true',
  ]) {
    assert.ok(told.includes(expected), `${expected}\nis not in\n${told.join("\n")}`);
  }
});

test("stopped in the middle, it leaves no span open and hears nothing more", async () => {
  await using c = await connect(url);
  exporter.reset();
  const stop = instrument({ tracer });
  const held = await c.lock("m").acquire();
  stop();
  assert.deepEqual(
    exporter.getFinishedSpans().map(({ name }) => name),
    ["cabildo acquire", "cabildo hold"],
  );
  await held.release();
  assert.equal(exporter.getFinishedSpans().length, 2);
  assert.equal(tracingChannel("cabildo:acquire").start.hasSubscribers, false);
  trace.disable();
});
