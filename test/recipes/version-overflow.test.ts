// ZooKeeper counts the changes of a node in 32 bits with a sign. After 2³¹ − 1 of them the count is negative, and some
// versions of ZooKeeper come to −1, which in a request means any version. Nobody can make so many changes in a test, so the
// simulated members are told that they were made.

import assert from "node:assert/strict";
import { test } from "node:test";
import { toByteString } from "../../src/base/text.ts";
import { TreeModel } from "../../src/state/tree/model.ts";
import { ScenarioCluster, type Stage } from "../../src/testing/index.ts";
import type { CountingEngine } from "../../src/testing/scenarios/counters.ts";

for (const version of [2 ** 31 - 2, 2 ** 31 - 1, -2, -1]) {
  test(`a counter in version ${version} counts on, and of those who change it at once none is lost`, async () => {
    await played(async (stage, cluster) => {
      const programs = [await stage.program(), await stage.program(), await stage.program()];
      await programs[0]!.c.counter("old").set(100n);
      await stage.sleep(100); // until all members have it
      setVersion(cluster, "/stage-1/counters/old", version);
      const sums = await Promise.all(Array.from({ length: 9 }, (_, i) => programs[i % 3]!.c.counter("old").add()));
      assert.equal(new Set(sums).size, 9, sums.join());
      assert.equal(await programs[1]!.c.counter("old").get(), 109n);
      const won = await Promise.all(programs.map(({ c }) => c.counter("old").compareAndSet(109n, 0n)));
      assert.equal(won.filter(Boolean).length, 1);
    });
  });
}

test("a value in version -1 is not deleted by who knows an older one", async () => {
  await played(async (stage, cluster) => {
    const [a, b] = [(await stage.program()).c.engine, (await stage.program()).c.engine];
    const [mine, other] = [a.value("value", "v"), b.value("value", "v")];
    await mine.create(new Uint8Array([1]));
    await stage.sleep(100);
    setVersion(cluster, "/stage-1/values/v", -1);
    const old = (await mine.current(true))!.version;
    assert.equal(await other.replace((await other.current(true))!.version, new Uint8Array([2])), true);
    assert.equal(await mine.delete(old), false);
    assert.equal(await mine.replace(old, new Uint8Array([3])), false);
    const found = (await mine.current(true))!;
    assert.deepEqual([...found.data], [2]);
    assert.equal(await mine.delete(found.version), true);
    assert.equal(await other.current(true), null);
  });
});

test("a value in version -1 is deleted, by one of those who would", async () => {
  await played(async (stage, cluster) => {
    const [a, b] = [(await stage.program()).c.engine, (await stage.program()).c.engine];
    const [mine, other] = [a.value("value", "v"), b.value("value", "v")];
    await mine.create(new Uint8Array([1]));
    await stage.sleep(100);
    setVersion(cluster, "/stage-1/values/v", -1);
    const old = (await mine.current(true))!.version;
    assert.deepEqual(await Promise.all([mine.delete(old), other.delete(old)]).then((all) => all.toSorted()), [
      false,
      true,
    ]);
    assert.equal(await mine.replace(old, new Uint8Array([3])), false);
  });
});

async function played(play: (stage: Stage<CountingEngine>, cluster: ScenarioCluster) => Promise<void>): Promise<void> {
  const cluster = await ScenarioCluster.start();
  await cluster.play(async () => {
    await using stage = cluster.stage();
    await play(stage, cluster);
  });
}

function setVersion(cluster: ScenarioCluster, path: string, version: number): void {
  for (const { replica } of cluster.ensemble.members) {
    const node = replica?.machine.model(TreeModel).tree.node(toByteString(path));
    assert.ok(node !== undefined, `each member has ${path}`);
    node.version = version;
  }
}
