// What somebody removes on the servers while it is being granted: the program that is granted it is far away, and the one that
// removes it is near, so that the removal is always in between.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ScenarioCluster, type ZooKeeperStage } from "../../src/testing/index.ts";

const FAR = 1;

test("a permit whose node is removed while it is taken is not granted: another is taken", async () => {
  await played(async (stage) => {
    const [far, near] = [await stage.program(), await stage.program()];
    const { client } = near.c.engine;
    const place = "/stage-1/semaphores/s/leases";
    await (await far.c.semaphore("s", { permits: 2 }).acquire({ count: 2 })).release();
    const granting = far.c.semaphore("s", { permits: 2 }).acquire();
    let names: readonly string[] = [];
    while (names.length === 0) names = await client.getChildren(place);
    await client.delete(`${place}/${names[0]}`);
    const held = await granting;
    await client.sync(place);
    const [own, ...others] = await client.getChildren(place);
    assert.deepEqual([own === names[0], others], [false, []]);
    const stat = await client.exists(`${place}/${own}`);
    assert.equal(stat?.czxid, held.token, "it stands on the node that is there");
    await held.release();
  });
});

test("a lock whose node is removed while it is taken is not granted: the place in line is taken anew", async () => {
  await played(async (stage) => {
    const [far, near] = [await stage.program(), await stage.program()];
    const { client } = near.c.engine;
    const first = await near.c.lock("l").acquire();
    const granting = far.c.lock("l").acquire();
    let names: readonly string[] = [];
    while (names.length < 2) names = await client.getChildren("/stage-1/locks/l");
    const next = near.c.lock("l").acquire();
    const waiting = names.toSorted((a, b) => (a.slice(-10) < b.slice(-10) ? -1 : 1))[1];
    await client.delete(`/stage-1/locks/l/${waiting}`);
    await first.release();
    const second = await next;
    await stage.sleep(1000);
    assert.equal(second.state, "held");
    await second.release();
    const third = await granting;
    assert.ok(third.token > second.token);
    await third.release();
  });
});

test("a writer whose node is removed does not go on as a reader beside the next writer", async () => {
  await played(async (stage) => {
    const [far, near] = [await stage.program(), await stage.program()];
    const { client } = near.c.engine;
    const writer = await far.c.rwLock("rw").write();
    const next = near.c.rwLock("rw").write();
    let names: readonly string[] = [];
    while (names.length < 2) names = await client.getChildren("/stage-1/rw-locks/rw");
    const own = names.toSorted((a, b) => (a.slice(-10) < b.slice(-10) ? -1 : 1))[0];
    const going = writer.downgrade();
    await client.delete(`/stage-1/rw-locks/rw/${own}`);
    const second = await next;
    await assert.rejects(going, { code: "rejected", outcome: "not-applied", message: /others may have come between/ });
    await stage.sleep(1000);
    assert.deepEqual([second.state, writer.state], ["held", "lost"]);
    await second.release();
  });
});

async function played(play: (stage: ZooKeeperStage) => Promise<void>): Promise<void> {
  const cluster = await ScenarioCluster.start({ delayMsOf: new Map([[FAR, [100, 110]]]) });
  await cluster.play(async () => {
    await using stage = cluster.stage();
    await play(stage);
  });
}
