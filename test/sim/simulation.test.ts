// The simulator itself: some seeds through every invariant, and that a seed is one story wherever it is told.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { simulate } from "../../src/sim/simulation.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

test("some seeds, each faults and a recovery, break no invariant", async () => {
  let answered = 0;
  let events = 0;
  for (const seed of SEEDS) {
    const report = await simulate(seed);
    assert.deepEqual(report.violations, [], `seed ${seed}`);
    answered += report.figures.get("answers") ?? 0;
    events += report.figures.get("events") ?? 0;
  }
  assert.ok(answered > 2000 && events > 200, `something was going on: ${answered} answers, ${events} events`);
});

test("a seed is one story: it comes to the same trace again, and in another process", async () => {
  const first = await simulate(77);
  assert.equal((await simulate(77)).traceHash, first.traceHash);
  const other = spawnSync(process.execPath, ["--import", "tsx", "scripts/sim.ts", "--seed", "77"], {
    encoding: "utf8",
  });
  assert.equal(other.stdout.trim().split("\n").at(-1), `trace ${first.traceHash}`, other.stderr);
  assert.notEqual((await simulate(78)).traceHash, first.traceHash);
});

test("a story can be read: it says what kind of day it is, and what happens when", async () => {
  const lines: string[] = [];
  await simulate(1, { tell: (line) => lines.push(line) });
  assert.match(lines[0]!, /^seed 1: \d members, \d spares, ticks of \d+ ms; \d read-write clients, \d lock clients/);
  for (const line of lines.slice(1)) assert.match(line, /^ *\d+\.\d{3} s {2}\S/);
  assert.ok(lines.some((line) => / leads term /.test(line)));
  assert.ok(lines.some((line) => /all faults end$/.test(line)));
});
