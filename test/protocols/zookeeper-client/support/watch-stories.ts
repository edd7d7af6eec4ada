// The client's watches on real servers.

import assert from "node:assert/strict";
import { CoordinationError, type NodeEvent, type WatchItem } from "../../../../src/protocols/zookeeper/client/index.ts";
import type { Scene } from "./scene.ts";
import { failureOf, refusalOf, until } from "./story.ts";

export async function onceWatches(scene: Scene): Promise<void> {
  const client = await scene.client();
  const writer = await scene.client();
  const root = await scene.root(client);
  const told: string[] = [];
  const note = (who: string) => (event: NodeEvent) => told.push(`${who}: ${event.type} ${event.path}`);
  const one = note("one");
  await client.exists(`${root}/a`, { watch: one });
  await client.exists(`${root}/a`, { watch: one });
  await client.exists(`${root}/a`, { watch: note("two") });
  assert.equal(await refusalOf(client.getData(`${root}/a`, { watch: note("nobody") })), "no-node");
  await client.getChildren(root, { watch: note("list") });
  await writer.create(`${root}/a`, "1");
  await until("three have told", () => told.length >= 3);
  assert.deepEqual(told.splice(0), [
    `one: created ${root}/a`,
    `two: created ${root}/a`,
    `list: children-changed ${root}`,
  ]);

  const all = note("all");
  await client.getData(`${root}/a`, { watch: all });
  await client.getChildren(`${root}/a`, { watch: all });
  await writer.delete(`${root}/a`);
  await until("the end is told", () => told.length >= 1);
  await client.sync();
  assert.deepEqual(told.splice(0), [`all: deleted ${root}/a`], "once, though it watched twice");
}

export async function first(items: AsyncIterator<WatchItem>, count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) {
    const { value: item, done } = await items.next();
    if (done === true) break;
    lines.push(item.type === "missed" ? `missed: ${item.because}` : `${item.type} ${item.path}`);
  }
  return lines;
}

export async function persistentWatches(scene: Scene): Promise<void> {
  const client = await scene.client();
  const writer = await scene.client();
  const root = await scene.root(client);
  await using node = await client.addWatch(root);
  await using twin = await client.addWatch(root);
  await using tree = await client.addWatch(root, { recursive: true });
  await writer.create(`${root}/a`, "1");
  await writer.setData(`${root}/a`, "2");
  await writer.setData(root, "2");
  await writer.delete(`${root}/a`);
  await writer.delete(root);
  const ofNode = ["children-changed", "data-changed", "children-changed", "deleted"].map((type) => `${type} ${root}`);
  assert.deepEqual(await first(node, 4), ofNode);
  assert.deepEqual(await first(twin, 4), ofNode);
  assert.deepEqual(await first(tree, 5), [
    `created ${root}/a`,
    `data-changed ${root}/a`,
    `data-changed ${root}`,
    `deleted ${root}/a`,
    `deleted ${root}`,
  ]);
  await twin.close();
  assert.equal(await client.checkWatches(root, "persistent"), true, "its twin still watches");
  await node.close();
  assert.equal(await client.checkWatches(root, "persistent"), false);
  assert.equal(await client.checkWatches(root, "persistent-recursive"), true);

  const ending = new AbortController();
  const aborted = await client.addWatch(root, { signal: ending.signal });
  const waiting = failureOf(aborted.next());
  ending.abort(new Error("enough"));
  const error = await waiting;
  assert.ok(error instanceof CoordinationError && error.code === "aborted");
  assert.equal((await aborted.next()).done, true);
}

export async function removedWatches(scene: Scene): Promise<void> {
  const client = await scene.client();
  const root = await scene.root(client);
  const told: string[] = [];
  const one = () => told.push("one");
  const two = () => told.push("two");
  await client.getData(root, { watch: one });
  await client.getData(root, { watch: two });
  await client.getChildren(root, { watch: one });
  await client.removeWatches(root, "data", { watcher: one });
  assert.equal(await client.checkWatches(root, "data"), true, "the other still watches");
  await client.setData(root, "1");
  await client.sync();
  await until("the other is told", () => told.length > 0);
  assert.deepEqual(told.splice(0), ["two"]);
  await client.removeWatches(root, "any");
  assert.equal(await client.checkWatches(root, "children"), false);
  await client.create(`${root}/a`);
  await client.sync();
  assert.deepEqual(told, []);
  assert.equal(await refusalOf(client.removeWatches(root, "children")), "no-watcher");
}

export async function manyWatches(scene: Scene): Promise<void> {
  const victim = scene.ensemble.members[0]!;
  const client = await scene.clientOf(victim);
  const other = await scene.clientOf(scene.ensemble.members[1]!);
  const root = await scene.root(client);
  const count = 6000; // of 200 bytes: more than a server takes in one frame
  const name = (i: number) => `${root}/${String(i).padStart(200, "n")}`;
  const events = new Set<string>();
  const watch = ({ path }: NodeEvent) => events.add(path);
  await Promise.all(Array.from({ length: count }, (_, i) => client.exists(name(i), { watch })));
  await victim.kill();
  for (const i of [0, count / 2, count - 1]) await other.create(name(i));
  await until("it is connected elsewhere", () => client.state.kind === "connected");
  await client.sync();
  await until("those missed are told", () => events.size === 3);
  for (const i of [1, count - 2]) await other.create(name(i));
  await until("the others watch again", () => events.size === 5);
}
