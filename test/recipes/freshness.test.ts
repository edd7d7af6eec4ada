// What is read once is fresh: also on a member that lags behind what was acknowledged.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ScenarioCluster } from "../../src/testing/index.ts";

test("a member that lags shows nobody who asks what is over already", async () => {
  const cluster = await ScenarioCluster.start();
  await cluster.play(async () => {
    await using stage = cluster.stage();
    const writer = await stage.program();
    const readers = await Promise.all(Array.from({ length: 8 }, () => stage.program()));
    const member = await writer.c.group("fresh").join({ id: "m", data: "old" });
    for (const { c } of readers) await c.group("fresh").members();
    const leader = cluster.ensemble.leader()!;
    for (const lagging of cluster.ensemble.members) {
      if (lagging === leader) continue;
      await member.update("old");
      cluster.ensemble.network.clog(leader.id, lagging.id, 300);
      await member.update(`after ${lagging.id}`, { timeoutMs: 5000 });
      const seen = await Promise.all(readers.map(({ c }) => c.group("fresh").members()));
      for (const [found] of seen) assert.equal(found?.text, `after ${lagging.id}`);
      await stage.sleep(1000);
    }
  });
});
