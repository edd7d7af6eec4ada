// `cabildo bench`: every load runs, is counted, and leaves nothing behind.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Latencies } from "../../src/cli/latencies.ts";
import { servers } from "./support.ts";

test("quantiles are right within one in a hundred, however many there are", () => {
  const latencies = new Latencies();
  assert.equal(latencies.quantile(0.5), 0);
  for (let i = 1; i <= 10_000; i++) latencies.add(i / 100);
  assert.deepEqual([latencies.count, latencies.maxMs], [10_000, 100]);
  for (const [share, expected] of [
    [0.5, 50],
    [0.95, 95],
    [0.99, 99],
    [1, 100],
  ] as const) {
    const measured = latencies.quantile(share);
    assert.ok(Math.abs(measured - expected) <= expected / 99, `${share}: ${measured}`);
  }
  latencies.add(1e9);
  assert.equal(latencies.quantile(1), 1e9);
});

test("each load is measured, and nothing of it is left", async () => {
  const { c, run } = await servers();
  const before = await c.engine.client.getChildren("/");
  for (const load of ["set", "get", "create", "mixed"]) {
    const args = ["bench", load, "--clients", "2", "--depth", "4", "--seconds", "0.3", "-o", "json"];
    const { status, out, err } = await run(args);
    assert.equal(status, 0, err);
    const facts = JSON.parse(out) as {
      load: string;
      operations: number;
      failed: number;
      perSecond: number;
      latencyMs: { p50: number; max: number };
    };
    assert.equal(facts.load, load);
    assert.ok(facts.operations > 10 && facts.perSecond > 10 && facts.failed === 0, out);
    assert.ok(facts.latencyMs.p50 > 0 && facts.latencyMs.p50 <= facts.latencyMs.max, out);
  }
  assert.match((await run(["bench", "get", "--seconds", "0.2"])).out, /^get: [\d,]+ operations a second/);
  assert.deepEqual([...(await c.engine.client.getChildren("/"))].sort(), [...before].sort());
  assert.equal((await run(["bench", "nothing"])).status, 2);
});
