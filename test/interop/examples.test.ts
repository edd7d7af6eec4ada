// The examples of recipes on the reference ZooKeeper: what they do on ours they do there.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { MissingRuntime } from "../support/commands.ts";
import { startEnsemble } from "../support/ensemble.ts";
import { example } from "../support/example.ts";

test("the examples on ZooKeeper", async (context: TestContext) => {
  let ensemble: Awaited<ReturnType<typeof startEnsemble>>;
  try {
    ensemble = await startEnsemble({ flavour: "zookeeper", members: 1, config: ["tickTime=500"] });
  } catch (error) {
    if (!(error instanceof MissingRuntime) || process.env["CI"]) throw error;
    return context.skip(error.message);
  }
  const cases: Readonly<Record<string, RegExp>> = {
    "lock.ts": /the next token is larger: true\n$/,
    "cron-leader.ts": /\n9 ticks, each done once, by 3 leaders in turn\n$/,
    "worker-pool.ts": /^24 jobs by 6 workers, never more than 3 at once: true\nwithin the rate: true\n$/,
    "service.ts": /calls go to green, version 2\n/,
    "configuration.ts": /still 40\n$/,
    "tree.ts": /\nmail goes by mx2\n$/,
  };
  try {
    for (const [name, expected] of Object.entries(cases)) {
      const servers = `zookeeper://${ensemble.connectString}/${name.replace(".ts", "")}`;
      await context.test(name, async () => assert.match(await example(name, { CABILDO_CONNECT: servers }), expected));
    }
  } finally {
    await ensemble.stop();
  }
});
