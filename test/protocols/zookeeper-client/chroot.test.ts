// Below a chroot: what servers are asked for, and what callers are told, for the root itself, its neighbours whose names begin
// alike, and the one place that lies below no chroot.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type NodeEvent,
  op,
  type ZooKeeperClient,
  ZooKeeperError,
} from "../../../src/protocols/zookeeper/client/index.ts";
import { readString, writeString, writeStrings } from "../../../src/protocols/zookeeper/codec/jute.ts";
import { readMultiHeader } from "../../../src/protocols/zookeeper/codec/multi.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { outcomeOf, World } from "./support/stage.ts";

function below(world: World, chroot: string): Promise<ZooKeeperClient> {
  return world.connected({}, `a,b,c${chroot}`);
}

/** The paths that servers are asked for: of "/", and of a node. */
const asks: Readonly<Record<string, (client: ZooKeeperClient, path: string) => Promise<unknown>>> = {
  create: (client, path) => client.create(path),
  createWithStat: (client, path) => client.createWithStat(path),
  "create container": (client, path) => client.create(path, "", { mode: "container" }),
  delete: (client, path) => client.delete(path),
  exists: (client, path) => client.exists(path),
  getData: (client, path) => client.getData(path),
  setData: (client, path) => client.setData(path, "x"),
  getChildren: (client, path) => client.getChildren(path),
  getChildrenWithStat: (client, path) => client.getChildrenWithStat(path),
  getAcl: (client, path) => client.getAcl(path),
  setAcl: (client, path) => client.setAcl(path, []),
  sync: (client, path) => client.sync(path),
};
for (const [name, ask] of Object.entries(asks)) {
  test(`below a chroot ${name} asks for the chroot's own node by "/", and for what is below it by its path`, async () => {
    const world = new World();
    world.script(() => true); // what they answer is not of interest
    const client = await below(world, "/app");
    for (const path of ["/", "/é", "/app2"]) outcomeOf(ask(client, path));
    await world.clock.run(10);
    const paths = world.serving.peer.asked.map(({ path }) => path);
    assert.deepEqual(paths, ["/app", "/app/\u00c3\u00a9", "/app/app2"]);
    await world.end();
  });
}

const modes = ["persistent-sequential", "ephemeral-sequential", "persistent-sequential-with-ttl"] as const;
for (const mode of modes) {
  test(`a node whose name is its digits alone stands in the chroot, not beside it (${mode})`, async () => {
    const world = new World();
    const paths: (string | null)[] = [];
    world.script((peer, { opcode, xid, body }) => {
      if (opcode === OPCODE.ping || opcode === OPCODE.closeSession) return false;
      if (opcode === OPCODE.multi) readMultiHeader(body);
      const path = readString(body);
      paths.push(path);
      const isMulti = opcode === OPCODE.multi;
      if (!isMulti) peer.reply(xid, 0, (writer) => writeString(writer, `${path}0000000007`));
      return true;
    });
    const client = await below(world, "/app");
    const options = mode === "persistent-sequential-with-ttl" ? { mode, ttlMs: 1000 } : { mode };
    const created = outcomeOf(client.create("/", "", options));
    outcomeOf(client.multi([op.create("/", "", options)]));
    outcomeOf(client.create("/x/", "", options));
    await world.clock.run(10);
    assert.deepEqual(paths, ["/app/", "/app/", "/app/x/"]);
    if (mode !== "persistent-sequential-with-ttl") assert.equal(created.value, "/0000000007");
    await world.end();
  });
}

test("the session's ephemeral nodes are those in the chroot: its own node too, none beside it", async () => {
  const world = new World();
  const prefixes: (string | null)[] = [];
  world.script((peer, { opcode, xid, body }) => {
    if (opcode !== OPCODE.getEphemerals) return false;
    const prefix = readString(body)!;
    prefixes.push(prefix);
    const all = ["/app", "/app/a", "/app/ab", "/app2", "/app2/a", "/b"];
    peer.reply(xid, 0, (writer) =>
      writeStrings(
        writer,
        all.filter((path) => path.startsWith(prefix)),
      ),
    );
    return true;
  });
  const client = await below(world, "/app");
  const all = outcomeOf(client.getEphemerals());
  const some = outcomeOf(client.getEphemerals("/a"));
  await world.clock.run(10);
  assert.deepEqual(all.value, ["/", "/a", "/ab"]);
  assert.deepEqual(some.value, ["/a", "/ab"]);
  assert.deepEqual(prefixes, ["/app", "/app/a"]);
  await world.end();
});

test("an event names the path by which its watcher asked: the configuration by its own, below any chroot", async () => {
  for (const chroot of ["", "/app", "/zookeeper", "/zookeeper/config"]) {
    const world = new World();
    const client = await below(world, chroot);
    const told: string[] = [];
    const watch = ({ path }: NodeEvent) => told.push(path);
    outcomeOf(client.getConfig({ watch }));
    await world.clock.run(10);
    const { peer } = world.serving;
    assert.equal(peer.asked.at(-1)?.path, "/zookeeper/config");
    peer.event(3, "/zookeeper/config");
    await world.clock.run(10);
    assert.deepEqual(told, ["/zookeeper/config"], `below ${chroot}`);
    await world.end();
  }
});

test("whoever watches the configuration's node by a path of its chroot is told that path, beside one who asked for the configuration", async () => {
  const world = new World();
  const client = await below(world, "/zookeeper");
  const told: string[] = [];
  outcomeOf(client.getConfig({ watch: ({ path }) => told.push(`configuration: ${path}`) }));
  outcomeOf(client.getData("/config", { watch: ({ path }) => told.push(`node: ${path}`) }));
  const stream = outcomeOf(client.addWatch("/", { recursive: true }));
  await world.clock.run(10);
  const next = outcomeOf(stream.value!.next());
  world.serving.peer.event(3, "/zookeeper/config");
  await world.clock.run(10);
  assert.deepEqual(told, ["configuration: /zookeeper/config", "node: /config"]);
  assert.deepEqual(next.value?.value, { type: "data-changed", path: "/config", zxid: null });
  await world.end();
});

test("an error names the path as its caller did, below a chroot and in a transaction", async () => {
  const world = new World();
  world.script((peer, { opcode, xid }) => {
    if (opcode !== OPCODE.getData) return false;
    peer.reply(xid, -101);
    return true;
  });
  const client = await below(world, "/app");
  const reading = outcomeOf(client.getData("/"));
  await world.clock.run(10);
  assert.ok(reading.error instanceof ZooKeeperError);
  assert.deepEqual([reading.error.path, reading.error.message], ["/", "getData /: no-node (-101)"]);
  await world.end();
});
