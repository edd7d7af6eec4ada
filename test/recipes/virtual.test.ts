// The recipes on a simulated cluster, in virtual time: every scenario of the kit, each on a cluster of its own.

import { test } from "node:test";
import { allScenarios, refusalScenarios, ScenarioCluster } from "../../src/testing/index.ts";

for (const { invariant, play } of [...allScenarios, ...refusalScenarios]) {
  test(invariant, async () => {
    const cluster = await ScenarioCluster.start();
    await cluster.play(async () => {
      await using stage = cluster.stage();
      await play(stage);
    });
  });
}
