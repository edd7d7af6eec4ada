// The recipes where whatever a program says or hears is long on its way, as on a machine that others keep busy: every scenario
// waits for what it needs, and none for a time in which it should have come about.

import { test } from "node:test";
import { allScenarios, ScenarioCluster } from "../../src/testing/index.ts";

for (const { invariant, play } of allScenarios) {
  test(invariant, async () => {
    const cluster = await ScenarioCluster.start({
      delayMs: [20, 200],
      slowdown: 10,
      sessionTimeoutMs: 6000,
    });
    await cluster.play(async () => {
      await using stage = cluster.stage();
      await play(stage);
    });
  });
}
