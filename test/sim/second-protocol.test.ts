// Another protocol beside ZooKeeper's in the same simulation: one more entry of the list.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PROTOCOLS, type Report, simulate } from "../../src/sim/simulation.ts";
import { lineProtocol } from "./support/line-protocol.ts";

function play(seed: number, readsAreFresh: boolean): Promise<Report> {
  return simulate(seed, { protocols: [...PROTOCOLS, lineProtocol({ readsAreFresh })] });
}

test("two protocols meet every fault together, and break no invariant", async () => {
  let answers = 0;
  for (let seed = 1; seed <= 8; seed++) {
    const report = await play(seed, true);
    assert.deepEqual(report.violations, [], `seed ${seed}`);
    answers += report.figures.get("line answers") ?? 0;
    assert.ok((report.figures.get("answers") ?? 0) > 0, "ZooKeeper's clients are there as well");
  }
  assert.ok(answers > 1000, `something was going on: ${answers} answers`);
});

test("what a second protocol's clients see wrong ends the run", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { violations } = await play(seed, false);
    if (violations.length === 0) continue;
    assert.equal(violations[0]!.invariant, "line reads are fresh");
    return;
  }
  assert.fail("no seed shows a stale read");
});
