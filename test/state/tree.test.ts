// The tree's rules, edge case by edge case; numbers are those of the protocol's facts. Events, multi and reading have files of their own.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CREATE_MODE } from "../../src/state/tree/commands.ts";
import { sequenceSuffix } from "../../src/state/tree/sequence.ts";
import { pathOf, statOf } from "./outcomes.ts";
import { codeOf, World } from "./world.ts";

describe("a new ensemble", () => {
  test("has /, /zookeeper, its quota and its configuration, as ZooKeeper shows them", () => {
    const { tree } = new World();
    assert.deepEqual(
      ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"].map((path) => tree.node(path)?.cversion),
      [-1, -2, 0, 0],
    );
    assert.equal(tree.node("/")?.data, "");
    assert.equal(tree.node("/")?.pzxid, 0);
    assert.equal(tree.node("/zookeeper/config")?.aversion, -1);
    assert.deepEqual(tree.node("/zookeeper/config")?.acl, [{ perms: 1, scheme: "world", id: "anyone" }]);
    assert.equal(tree.nodeCount, 4);
  });
});

describe("revisions (8)", () => {
  test("a failed write consumes one too", () => {
    const world = World.withSession();
    const before = world.machine.sequence;
    assert.equal(codeOf(world.create("/no/parent")), "no-node");
    assert.equal(world.machine.sequence, before + 1);
    assert.equal(statOf(world.create("/a")).czxid, before + 2);
  });
});

describe("counters and stats (10)", () => {
  test("a sequence suffix is the parent's count of creates, never used again after deletes", () => {
    const world = World.withSession();
    world.create("/q");
    assert.equal(pathOf(world.create("/q/n-", { mode: CREATE_MODE.sequential })), "/q/n-0000000000");
    assert.equal(pathOf(world.create("/q/n-", { mode: CREATE_MODE.ephemeralSequential })), "/q/n-0000000001");
    world.delete("/q/n-0000000001");
    assert.equal(pathOf(world.create("/q/n-", { mode: CREATE_MODE.sequential })), "/q/n-0000000002");
    world.create("/q/plain");
    assert.equal(pathOf(world.create("/q/", { mode: CREATE_MODE.sequential })), "/q/0000000004");
  });

  test("the suffix overflows to -2147483648", () => {
    assert.equal(sequenceSuffix(42), "0000000042");
    assert.equal(sequenceSuffix(2 ** 31 - 1), "2147483647");
    assert.equal(sequenceSuffix(-(2 ** 31)), "-2147483648");
    assert.equal(sequenceSuffix(-1), "-000000001");
    const world = World.withSession();
    world.create("/q");
    world.create("/q/first");
    world.tree.node("/q")!.directory!.creates = 2 ** 31 - 1;
    assert.equal(pathOf(world.create("/q/n", { mode: CREATE_MODE.sequential })), "/q/n2147483647");
    assert.equal(pathOf(world.create("/q/n", { mode: CREATE_MODE.sequential })), "/q/n-2147483648");
  });

  test("cversion is twice the creates less the children; pzxid moves on create and delete of a child only", () => {
    const world = World.withSession();
    const { czxid } = statOf(world.create("/d"));
    const node = world.tree.node("/d")!;
    assert.deepEqual([node.cversion, node.numChildren, node.pzxid], [0, 0, czxid]);
    const first = statOf(world.create("/d/a")).czxid;
    assert.deepEqual([node.cversion, node.numChildren, node.pzxid], [1, 1, first]);
    world.create("/d/b");
    world.set("/d/a", "x");
    world.set("/d", "y");
    assert.deepEqual([node.cversion, node.numChildren, node.pzxid], [2, 2, first + 1]);
    world.delete("/d/a");
    assert.deepEqual([node.cversion, node.numChildren, node.pzxid], [3, 1, world.machine.sequence]);
    assert.equal(node.version, 1);
  });

  test("a write sets mzxid, mtime and version; the time is the leader's and never goes back", () => {
    const world = World.withSession();
    const created = statOf(world.create("/a", { data: "one" }));
    assert.deepEqual(
      [created.ctime, created.mtime, created.version, created.dataLength],
      [world.time, world.time, 0, 3],
    );
    const birth = world.time;
    world.time += 500;
    const updated = statOf(world.set("/a", "three"));
    assert.deepEqual([updated.ctime, updated.mtime, updated.version], [birth, birth + 500, 1]);
    assert.equal(updated.mzxid, world.machine.sequence);
    world.time -= 10_000;
    assert.equal(statOf(world.set("/a", "four")).mtime, birth + 500);
  });
});

describe("kinds of nodes (11)", () => {
  test("an ephemeral shows its session; containers and TTL nodes show 0", () => {
    const world = World.withSession();
    world.policy = { extendedTypes: true };
    assert.equal(statOf(world.create("/e", { mode: CREATE_MODE.ephemeral })).ephemeralOwner, world.session);
    assert.equal(statOf(world.create("/c", { mode: CREATE_MODE.container })).ephemeralOwner, 0);
    assert.equal(statOf(world.create("/t", { mode: CREATE_MODE.ttl, ttl: 1000 })).ephemeralOwner, 0);
    assert.ok(world.tree.isContainer(world.tree.node("/c")!));
    assert.equal(world.tree.ttlOf(world.tree.node("/t")!), 1000);
    assert.equal(pathOf(world.create("/s", { mode: CREATE_MODE.ttlSequential, ttl: 5 })), "/s0000000003");
  });

  test("TTL nodes need extendedTypes, and a TTL from 1 to 2^40-1 ms; other kinds take none", () => {
    const world = World.withSession();
    assert.equal(codeOf(world.create("/t", { mode: CREATE_MODE.ttl, ttl: 1000 })), "unimplemented");
    world.policy = { extendedTypes: true };
    for (const ttl of [0, -5, 2 ** 40]) {
      assert.equal(codeOf(world.create("/t", { mode: CREATE_MODE.ttl, ttl })), "bad-arguments", `${ttl}`);
    }
    assert.equal(codeOf(world.create("/t", { mode: CREATE_MODE.ttl })), "bad-arguments");
    assert.equal(codeOf(world.create("/t", { mode: CREATE_MODE.persistent, ttl: 5 })), "bad-arguments");
    assert.equal(codeOf(world.create("/t", { mode: CREATE_MODE.ttl, ttl: 2 ** 40 - 1 })), "created");
  });

  test("flags beyond 6 are bad arguments", () => {
    const world = World.withSession();
    for (const mode of [7, -1, 127, 128, 256]) assert.equal(codeOf(world.create("/x", { mode })), "bad-arguments");
  });
});

describe("reaping (12)", () => {
  const due = (world: World, neverUsedMs = 0): string[] =>
    [...world.tree.reapable(world.time, neverUsedMs)].map(({ path }) => path);

  test("a container is due once it had a child and has none, or, where asked for, when it was never used", () => {
    const world = World.withSession();
    world.create("/c", { mode: CREATE_MODE.container });
    assert.deepEqual(due(world), []);
    world.create("/c/child");
    assert.deepEqual(due(world), []);
    world.delete("/c/child");
    assert.deepEqual(due(world), ["/c"]);
    world.create("/unused", { mode: CREATE_MODE.container });
    world.time += 1000;
    assert.deepEqual(due(world, 1000), ["/c"]);
    world.time += 1;
    assert.deepEqual(due(world, 1000).sort(), ["/c", "/unused"]);
  });

  test("a TTL node is due when it is childless and unchanged for longer than its time", () => {
    const world = World.withSession();
    world.policy = { extendedTypes: true };
    world.create("/t", { mode: CREATE_MODE.ttl, ttl: 1000 });
    world.time += 900;
    world.set("/t", "touched");
    world.time += 1000;
    assert.deepEqual(due(world), []);
    world.create("/t/child");
    world.time += 1;
    assert.deepEqual(due(world), []);
    world.delete("/t/child");
    assert.deepEqual(due(world), ["/t"]);
  });

  test("what changed after the leader looked stays; what did not goes, with its events", () => {
    const world = World.withSession();
    world.create("/c", { mode: CREATE_MODE.container });
    world.create("/c/child");
    world.delete("/c/child");
    const [candidate] = world.tree.reapable(world.time, 0);
    world.create("/c/child");
    world.reap(candidate!);
    world.delete("/c/child");
    world.reap(candidate!);
    assert.ok(world.tree.node("/c"), "pzxid moved: another look is needed");
    world.events.take();
    world.reap([...world.tree.reapable(world.time, 0)][0]!);
    assert.deepEqual(world.events.take(), ["deleted /c", "children-changed /"]);
    assert.deepEqual(due(world), []);
  });

  test("a node that is neither container nor TTL is never reaped", () => {
    const world = World.withSession();
    const { mzxid, pzxid } = statOf(world.create("/plain"));
    world.reap({ path: "/plain", mzxid, pzxid });
    assert.ok(world.tree.node("/plain"));
  });
});

describe("what is checked, and in which order (13)", () => {
  const nobody = [{ perms: 31, scheme: "digest", id: "someone:hash" }];

  test("create: arguments, list, parent, permission, path, existence, ephemeral parent", () => {
    const world = World.withSession();
    world.create("/a");
    world.create("/a/b");
    world.create("/e", { mode: CREATE_MODE.ephemeral });
    world.create("/closed");
    world.create("/closed/b");
    world.setAcl("/closed", nobody);
    const bad = [{ perms: 31, scheme: "nonsense", id: "x" }];
    assert.equal(codeOf(world.create("no-slash", { acl: bad })), "bad-arguments");
    assert.equal(codeOf(world.create("/none/x", { acl: bad })), "invalid-acl");
    assert.equal(codeOf(world.create("/none/x", { acl: [] })), "invalid-acl");
    assert.equal(codeOf(world.create("/none/x")), "no-node");
    assert.equal(codeOf(world.create("/closed/b")), "no-auth");
    assert.equal(codeOf(world.create("/closed/..")), "no-auth");
    assert.equal(codeOf(world.create("/a/..")), "bad-arguments");
    assert.equal(codeOf(world.create("/a/b")), "node-exists");
    assert.equal(codeOf(world.create("/e/x")), "no-children-for-ephemerals");
    assert.equal(codeOf(world.create("/")), "node-exists");
    assert.equal(codeOf(world.create("")), "bad-arguments");
    assert.equal(codeOf(world.create("//")), "bad-arguments");
    assert.equal(codeOf(world.create("/a/")), "bad-arguments");
    assert.equal(pathOf(world.create("/a/", { mode: CREATE_MODE.sequential })), "/a/0000000001");
  });

  test("delete: arguments, parent, permission, node, version, children", () => {
    const world = World.withSession();
    world.create("/a");
    world.create("/a/b");
    world.create("/closed");
    world.create("/closed/b");
    world.setAcl("/closed", nobody);
    for (const path of ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "x", "", "/a\0"]) {
      assert.equal(codeOf(world.delete(path)), "bad-arguments", JSON.stringify(path));
    }
    assert.equal(codeOf(world.delete("/none/x")), "no-node");
    assert.equal(codeOf(world.delete("/closed/none")), "no-auth");
    assert.equal(codeOf(world.delete("/closed/b", 7)), "no-auth");
    assert.equal(codeOf(world.delete("/a/none")), "no-node");
    assert.equal(codeOf(world.delete("/a", 7)), "bad-version");
    assert.equal(codeOf(world.delete("/a")), "not-empty");
    assert.equal(codeOf(world.delete("/a/")), "no-node");
    assert.equal(codeOf(world.delete("/a/b", 0)), "done");
    assert.equal(codeOf(world.delete("/a")), "done");
    assert.equal(world.tree.node("/a"), undefined);
  });

  test("setData: path, node, permission, version; setACL: path, list, node, permission, version", () => {
    const world = World.withSession();
    world.create("/a");
    world.create("/closed");
    world.setAcl("/closed", nobody);
    assert.equal(codeOf(world.set("a", "x")), "bad-arguments");
    assert.equal(codeOf(world.set("/b", "x")), "no-node");
    assert.equal(codeOf(world.set("/closed", "x", 9)), "no-auth");
    assert.equal(codeOf(world.set("/a", "x", 9)), "bad-version");
    assert.equal(codeOf(world.setAcl("/b/", [])), "bad-arguments");
    assert.equal(codeOf(world.setAcl("/b", [])), "invalid-acl");
    assert.equal(codeOf(world.setAcl("/b", nobody)), "no-node");
    assert.equal(codeOf(world.setAcl("/closed", nobody)), "no-auth");
    assert.equal(codeOf(world.setAcl("/a", nobody, 5)), "bad-version");
    const stat = statOf(world.setAcl("/a", nobody, 0));
    assert.deepEqual([stat.aversion, stat.version], [1, 0]);
  });
});

describe("versions and data (14)", () => {
  test("version -1 is any; the number after -2147483648's last is 0, never -1", () => {
    const world = World.withSession();
    world.create("/a");
    const node = world.tree.node("/a")!;
    node.version = -2;
    assert.equal(statOf(world.set("/a", "x", -2)).version, 0);
    node.version = 2 ** 31 - 1;
    assert.equal(statOf(world.set("/a", "x")).version, -(2 ** 31));
    assert.equal(codeOf(world.set("/a", "x", 3)), "bad-version");
  });

  test("no data and empty data are two things", () => {
    const world = World.withSession();
    world.create("/none", { data: null });
    world.create("/empty", { data: "" });
    assert.equal(world.tree.node("/none")!.data, null);
    assert.equal(world.tree.node("/empty")!.data, "");
    world.set("/empty", null);
    world.set("/none", "");
    assert.equal(world.tree.node("/empty")!.data, null);
    assert.equal(world.tree.node("/none")!.data, "");
  });

  test("data of every size comes back as it went, through any sequence of sizes", () => {
    const world = World.withSession();
    world.create("/a");
    for (const size of [1, 15, 16, 17, 100, 4096, 4097, 300_000, 5, 0, 1_048_000, 64]) {
      const data = "\xff\0z".repeat(Math.ceil(size / 3)).slice(0, size);
      world.set("/a", data);
      assert.equal(world.tree.node("/a")!.data, data, `${size}`);
    }
    world.set("/a", null);
    assert.equal(world.tree.store.data.usedBytes, 0);
  });
});
