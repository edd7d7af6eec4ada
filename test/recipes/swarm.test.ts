// Programs that play the recipes at random while everything goes wrong: some seeds through every invariant, each recipe by itself and
// several together. `npm run sim -- --recipes` takes fresh ones, and tells a seed's story.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RECIPE_NAMES, type RecipeName } from "../../src/testing/swarm/recipes.ts";
import { simulateRecipes } from "../../src/testing/swarm/simulation.ts";

const ALONE = [2, 3, 5];
const TOGETHER = Array.from({ length: 14 }, (_, i) => 100 + i);

async function play(seed: number, recipes?: readonly RecipeName[]): Promise<number> {
  const lines: string[] = [];
  const report = await simulateRecipes(seed, { recipes, tell: (line) => lines.push(line) });
  const [violation] = report.violations;
  if (violation !== undefined) {
    const options = recipes === undefined ? "" : ` --recipes ${recipes.join()}`;
    const story = [...lines.slice(0, 1), ...lines.slice(-40)].join("\n");
    assert.fail(`seed ${seed}${options}: ${violation.invariant}: ${violation.what}\n${story}`);
  }
  return report.outcomes.get("done") ?? 0;
}

for (const recipe of RECIPE_NAMES) {
  test(`seeds of ${recipe} alone, each faults and a recovery, break no invariant`, async () => {
    let done = 0;
    for (const seed of ALONE) done += await play(seed, [recipe]);
    assert.ok(done > 10, `something was going on: ${done} calls came to something`);
  });
}

test("seeds of several recipes together break no invariant", async () => {
  for (const seed of TOGETHER) await play(seed);
});

test("a seed is one story: it comes to the same trace again", async () => {
  const first = await simulateRecipes(77);
  assert.equal((await simulateRecipes(77)).traceHash, first.traceHash);
  assert.notEqual((await simulateRecipes(78)).traceHash, first.traceHash);
});
