// The port's values and directories on ZooKeeper's engine, on a simulated cluster.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ZooKeeperEngine } from "../../src/engines/zookeeper/engine.ts";
import { bytesOf, textOf } from "../../src/recipes/bytes.ts";
import type { EngineSession, WatchedRead } from "../../src/recipes/index.ts";
import { type Program, ScenarioCluster, type ZooKeeperStage } from "../../src/testing/index.ts";

async function play(story: (stage: ZooKeeperStage) => Promise<void>): Promise<void> {
  const cluster = await ScenarioCluster.start();
  await cluster.play(async () => {
    await using stage = cluster.stage();
    await story(stage);
  });
}

function sessionOf({ c }: Program<ZooKeeperEngine>): EngineSession {
  assert.ok(c.engine.status.kind === "ready");
  return c.engine.status.session;
}

test("a value is changed in the version that was read, and its readers are told", async () => {
  await play(async (stage) => {
    const [a, b] = [await stage.program(), await stage.program()];
    const [mine, theirs] = [a.c.engine.value("value", "v"), b.c.engine.value("value", "v")];
    const nothing = await theirs.read();
    assert.equal(nothing.value, null);
    assert.equal(await mine.create(bytesOf("one")), true);
    await nothing.changed;
    assert.equal(await theirs.create(bytesOf("other")), false);
    const one = await theirs.read();
    assert.equal(textOf(one.value!.data), "one");
    assert.equal(await mine.replace(one.value!.version, bytesOf("two")), true);
    await one.changed;
    assert.equal(await theirs.replace(one.value!.version, bytesOf("late")), false);
    const two = await theirs.read();
    assert.equal(textOf(two.value!.data), "two");
    assert.ok(two.value!.revision > one.value!.revision);
    assert.equal(await mine.delete(one.value!.version), false);
    assert.equal(await mine.delete(two.value!.version), true);
    await two.changed;
    assert.equal(await mine.delete(null), false);
    assert.equal((await theirs.read()).value, null);
  });
});

test("what is awaited of a value is told across a lost connection, and looked at again after a lost session", async () => {
  await play(async (stage) => {
    const [a, b] = [await stage.program(), await stage.program()];
    const value = b.c.engine.value("value", "w");
    await a.c.engine.value("value", "w").create(bytesOf("one"));
    const watched = await value.read();
    b.cut();
    await a.c.engine.value("value", "w").replace(watched.value!.version, bytesOf("two"));
    await watched.changed;
    const next = await value.read();
    assert.equal(textOf(next.value!.data), "two");
    await b.killSession();
    await next.changed;
    assert.equal(textOf((await value.read()).value!.data), "two");
  });
});

test("an entry lives as long as its session, and belongs to it", async () => {
  await play(async (stage) => {
    const [a, b] = [await stage.program(), await stage.program()];
    const directory = b.c.engine.directory("membership", "group");
    const empty = await directory.list();
    assert.deepEqual(empty.value, []);
    const entry = a.c.engine.directory("membership", "group").entry(sessionOf(a), "ana");
    a.loseNextAnswer();
    assert.equal(await entry.put(bytesOf("here")), true);
    await empty.changed;
    const seen = await until(directory.list.bind(directory), (names) => names.length === 1);
    assert.equal(textOf(seen[0]!.data), "here");
    assert.equal(await directory.entry(sessionOf(b), "ana").put(bytesOf("me")), false, "the name is taken");
    assert.equal(await entry.put(bytesOf("there")), true);
    await until(directory.list.bind(directory), ([first]) => textOf(first!.data) === "there");
    let gone = 0;
    entry.guard(() => gone++);
    await stage.sleep(100);
    const token = (await directory.list()).value[0]!.token;
    const root = (await b.c.engine.client.getChildren("/")).find((name) => name.startsWith("stage"));
    await b.c.engine.client.delete(`/${root}/groups/group/ana`);
    await stage.sleep(100);
    assert.equal(gone, 1, "its owner is told");
    assert.equal(await entry.put(bytesOf("again")), true);
    assert.notEqual((await directory.list()).value[0]!.token, token);
    await a.killSession();
    await until(directory.list.bind(directory), (names) => names.length === 0);
    await entry.remove();
  });
});

async function until<T>(look: () => Promise<WatchedRead<T>>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const watched = await look();
    if (holds(watched.value)) {
      watched.unwatch();
      return watched.value;
    }
    await watched.changed;
  }
}
