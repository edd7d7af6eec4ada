// What a line on ZooKeeper costs, and how its nodes are ordered.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import type { ZooKeeperEngine } from "../../src/engines/zookeeper/engine.ts";
import { inQueueOrder } from "../../src/engines/zookeeper/wait-queue-names.ts";
import { type FaultyTransport, type Program, ScenarioCluster, type ZooKeeperStage } from "../../src/testing/index.ts";

type Counting = Program<ZooKeeperEngine> & { readonly transport: FaultyTransport };

test("a release wakes one of fifty who wait, who looks once", async () => {
  const cluster = await ScenarioCluster.start({ members: 1, sessionTimeoutMs: 10_000 });
  await cluster.play(async () => {
    await using stage = cluster.stage();
    const holder = await counting(stage);
    const waiters = await Promise.all(Array.from({ length: 50 }, () => counting(stage)));
    const held = await holder.c.lock("herd").acquire();
    let granted = 0;
    const count = () => {
      granted++;
    };
    for (const { c } of waiters)
      void c
        .lock("herd")
        .acquire()
        .then(count, () => {}); // the rest ends with the stage
    await stage.sleep(1000);
    const before = [holder, ...waiters].map(({ transport }) => transport.writes);
    await held.release();
    await stage.sleep(50);
    const writes = [holder, ...waiters].map(({ transport }, i) => transport.writes - before[i]!);
    assert.equal(granted, 1);
    assert.equal(writes[0], 1, "the deletion, and with it the holder's watch over itself taken off");
    assert.deepEqual(
      writes.slice(1).filter((count) => count > 0),
      [1],
      "one of the fifty looks, once",
    );
  });
});

test("an uncontended lock is acquired and released by two writes to the socket", async () => {
  const cluster = await ScenarioCluster.start({ members: 1, sessionTimeoutMs: 10_000 });
  await cluster.play(async () => {
    await using stage = cluster.stage();
    const { c, transport } = await counting(stage);
    await (await c.lock("quick").acquire()).release(); // makes the directories
    const before = transport.writes;
    for (let i = 0; i < 10; i++) await (await c.lock("quick").acquire()).release();
    assert.equal(transport.writes - before, 20);
  });
});

test("nothing is left on a caller's signal that is used again and again", async () => {
  const cluster = await ScenarioCluster.start({ members: 1 });
  await cluster.play(async () => {
    await using stage = cluster.stage();
    const { c } = await counting(stage);
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i++) {
      await c.lock("signal").run(() => {}, { signal, timeoutMs: 1000 });
      await c.semaphore("signal", { permits: 1 }).run(() => {}, { signal });
      await c.rwLock("signal").runWrite(() => {}, { signal });
      for await (const _ of c.election("signal").campaign({ signal })) break;
      for await (const _ of c.election("signal").observe({ signal })) break;
    }
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });
});

test("a line is in the order of the servers' numbers, whoever's names stand before them, and across their end", () => {
  const names = [
    "_c_9b1c2d3e-0000-4000-8000-000000000000-lock-0000000012",
    "f00dfeedf00dfeedf00dfeedf00dfeed__lock__0000000003",
    "_c_00000000-0000-4000-8000-000000000000-lock-0000000004",
    "something else",
    "0123456789__lock__0000000011",
    "lock-0000000005",
  ];
  assert.deepEqual(
    inQueueOrder(names).map(({ sequence }) => sequence),
    [3, 4, 5, 11, 12],
  );
  const atTheEnd = ["a-lock--2147483648", "a-lock-2147483647", "a-lock--2147483647", "a-lock-2147483646"];
  assert.deepEqual(
    inQueueOrder(atTheEnd).map(({ sequence }) => sequence),
    [2147483646, 2147483647, -2147483648, -2147483647],
  );
  assert.equal(inQueueOrder(["a-lock--000000007"])[0]?.sequence, -7);
  const letIn = ["_c_b-__READ__0000000005", "_c_a-__WRIT__0000000006", "_c_c-__WRIT__0000000005"];
  assert.deepEqual(
    inQueueOrder(letIn).map(({ name }) => name),
    ["_c_c-__WRIT__0000000005", "_c_b-__READ__0000000005", "_c_a-__WRIT__0000000006"],
  );
});

async function counting(stage: ZooKeeperStage): Promise<Counting> {
  return stage.program();
}
