// The echo door in the simulator, beside ZooKeeper's: the same faults, snapshots, restarts and changes of members meet both.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PROTOCOLS, type Report, simulate } from "../../src/sim/simulation.ts";
import { echoProtocol } from "./echo/simulation.ts";

/** 49: a snapshot takes the place of the state that a watch is on. 118: a read of a member that is leaving. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 49, 118];

function play(seed: number, readsAreFresh = true): Promise<Report> {
  return simulate(seed, { protocols: [...PROTOCOLS, echoProtocol({ readsAreFresh })] });
}

test("a door with a model of its own meets every fault, and keeps what it promises", async () => {
  const figures = new Map<string, number>();
  for (const seed of SEEDS) {
    const report = await play(seed);
    assert.deepEqual(report.violations, [], `seed ${seed}`);
    for (const [name, count] of report.figures) figures.set(name, (figures.get(name) ?? 0) + count);
  }
  for (const [name, least] of [
    ["echo answers", 2000],
    ["echo events", 200],
    ["echo values", 200],
    ["answers", 1000],
  ] as const) {
    const count = figures.get(name) ?? 0;
    assert.ok(count >= least, `${name}: ${count}, not ${least}: something was going on`);
  }
});

test("a read that asks no leader is noticed", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { violations } = await play(seed, false);
    if (violations.length === 0) continue;
    assert.equal(violations[0]!.invariant, "echo reads are fresh");
    return;
  }
  assert.fail("no seed shows a stale read");
});
