// Locks while the members' disks are full: nothing is lost but time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ZooKeeperError } from "../../src/protocols/zookeeper/client/index.ts";
import { stateOf, within } from "../../src/testing/checks.ts";
import { ScenarioCluster, type ZooKeeperStage } from "../../src/testing/index.ts";

test("a release while the disks are full is done when there is room, and so is a waiter's giving up", async () => {
  const cluster = await ScenarioCluster.start();
  await cluster.play(async () => {
    await using stage = cluster.stage();
    const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
    const held = await a.c.lock("billing").acquire();
    const giveUp = new AbortController();
    const second = stateOf(b.c.lock("billing").acquire({ signal: giveUp.signal }));
    await stage.sleep(200);
    const third = stateOf(c.c.lock("billing").acquire());
    await stage.sleep(200);
    await fillDisks(cluster, stage);
    giveUp.abort();
    await assert.rejects(second.promise, { code: "aborted", outcome: "not-applied" });
    const releasing = stateOf(held.release());
    await stage.sleep(stage.sessionTimeoutMs / 2);
    assert.ok(releasing.isOpen && held.state === "releasing", "not released yet");
    await assert.rejects(releasing.promise, /lock "billing" is not released yet: the servers refuse.*system-error/);
    await stage.sleep(5 * stage.sessionTimeoutMs);
    assert.ok(third.isOpen, "it is the first's still");
    for (const { disk } of cluster.ensemble.members) disk.capacityBytes = Number.POSITIVE_INFINITY;
    const next = await within(stage, 6000, "the third has it", third.promise);
    await held.release();
    assert.equal(held.state, "released");
    assert.ok(next.token > held.token);
    await next.release();
  });
});

async function fillDisks(cluster: ScenarioCluster, stage: ZooKeeperStage): Promise<void> {
  const { c } = await stage.program();
  for (const { disk } of cluster.ensemble.members) disk.capacityBytes = disk.usedBytes;
  for (;;) {
    try {
      await c.engine.client.create("/filler-", "x".repeat(10_000), { mode: "persistent-sequential" });
    } catch (error) {
      assert.ok(error instanceof ZooKeeperError && error.reason === "system-error", String(error));
      return;
    }
  }
}
