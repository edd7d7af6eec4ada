// Quotas (23), in the formats that ZooKeeper's own command line writes and reads.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesOf } from "../../src/base/text.ts";
import { codeOf, World } from "./world.ts";

function limited(limits: string, policy = { enforceQuota: true }): World {
  const world = World.withSession();
  world.policy = policy;
  world.create("/a", { data: "12345" });
  world.create("/a/b", { data: "67" });
  world.create("/zookeeper/quota/a");
  world.create("/zookeeper/quota/a/zookeeper_limits", { data: limits });
  world.create("/zookeeper/quota/a/zookeeper_stats", { data: "count=0,bytes=0" });
  return world;
}

const statistics = (world: World): string | null | undefined =>
  world.tree.node("/zookeeper/quota/a/zookeeper_stats")?.data;

describe("statistics", () => {
  test("begin as what is there and follow every change, at any depth, without a trace on the node", () => {
    const world = limited("count=-1,bytes=-1");
    const node = world.tree.node("/zookeeper/quota/a/zookeeper_stats")!;
    assert.equal(statistics(world), "count=2,bytes=7");
    world.events.take();
    world.create("/a/b/c", { data: "x" });
    assert.equal(statistics(world), "count=3,bytes=8");
    world.set("/a/b/c", "xyz");
    assert.equal(statistics(world), "count=3,bytes=10");
    world.set("/a/b/c", null);
    world.delete("/a/b/c");
    assert.equal(statistics(world), "count=2,bytes=7");
    world.create("/ab", { data: "not below /a" });
    assert.equal(statistics(world), "count=2,bytes=7");
    assert.deepEqual([node.version, node.mzxid], [0, node.czxid]);
    assert.ok(!world.events.take().some((event) => event.includes("zookeeper_stats")));
  });

  test("a session's end counts too, and other keys are kept, after the = that old parsers need", () => {
    const world = limited("count=5");
    world.create("/a/e", { mode: 1, data: "123" });
    assert.equal(statistics(world), "count=3,bytes=10");
    world.set("/zookeeper/quota/a/zookeeper_stats", "bytes=10,count=3;z=1;countHardLimit=7;broken");
    world.closeLease(world.session);
    assert.equal(statistics(world), "count=2,bytes=7=;countHardLimit=7;z=1");
  });

  test("a multi that fails leaves them as they were", () => {
    const world = limited("count=5");
    const acl = world.tree.node("/")!.acl;
    world.multi(
      { kind: "create", path: "/a/x", data: new Uint8Array(9), acl, mode: 0 },
      { kind: "set-data", path: "/a", data: null, version: -1 },
      { kind: "delete", path: "/zookeeper/quota/a/zookeeper_stats", version: -1 },
      { kind: "delete", path: "/zookeeper/quota/a/zookeeper_limits", version: -1 },
      { kind: "check", path: "/none", version: -1 },
    );
    assert.equal(statistics(world), "count=2,bytes=7");
    world.create("/a/y");
    assert.equal(statistics(world), "count=3,bytes=7");
  });

  test("only the nearest quota counts, and none once its limits are gone", () => {
    const world = limited("count=5");
    world.create("/zookeeper/quota/a/b");
    world.create("/zookeeper/quota/a/b/zookeeper_limits", { data: "count=9" });
    world.create("/zookeeper/quota/a/b/zookeeper_stats");
    world.create("/a/b/c");
    const inner = world.tree.node("/zookeeper/quota/a/b/zookeeper_stats")!;
    assert.equal(inner.data, "count=2,bytes=2");
    assert.equal(statistics(world), "count=2,bytes=7");
    world.delete("/zookeeper/quota/a/b/zookeeper_limits");
    world.create("/a/b/d");
    assert.equal(inner.data, "count=2,bytes=2");
    assert.equal(statistics(world), "count=3,bytes=7");
  });
});

describe("limits", () => {
  test("hard limits refuse creation and growth, not shrinking, and only where enforced", () => {
    const world = limited("count=1,bytes=1=;byteHardLimit=10;countHardLimit=3");
    assert.equal(codeOf(world.create("/a/c", { data: "1234" })), "quota-exceeded");
    assert.equal(codeOf(world.create("/a/c", { data: "123" })), "created");
    assert.equal(codeOf(world.create("/a/d")), "quota-exceeded");
    assert.equal(codeOf(world.set("/a/c", "1234")), "quota-exceeded");
    assert.equal(codeOf(world.set("/a/c", "321")), "updated");
    assert.equal(codeOf(world.set("/a/c", "1")), "updated");
    world.policy = { enforceQuota: false };
    assert.equal(codeOf(world.create("/a/d", { data: "many, many bytes" })), "created");
    world.policy = { enforceQuota: true };
    assert.equal(codeOf(world.set("/a/c", "12")), "quota-exceeded");
    assert.equal(codeOf(world.delete("/a/d")), "done");
  });

  test("soft limits refuse nothing; a changed limit holds from then on", () => {
    const world = limited("count=1,bytes=1");
    assert.equal(codeOf(world.create("/a/c", { data: "abc" })), "created");
    world.set("/zookeeper/quota/a/zookeeper_limits", "count=-1,bytes=-1=;countHardLimit=3");
    assert.equal(codeOf(world.create("/a/d")), "quota-exceeded");
  });

  test("a quota may be there before what it limits", () => {
    const world = World.withSession();
    world.policy = { enforceQuota: true };
    world.create("/zookeeper/quota/later");
    world.create("/zookeeper/quota/later/zookeeper_limits", { data: "count=-1,bytes=-1=;countHardLimit=1" });
    world.create("/zookeeper/quota/later/zookeeper_stats");
    assert.equal(world.tree.node("/zookeeper/quota/later/zookeeper_stats")!.data, "count=0,bytes=0");
    assert.equal(codeOf(world.create("/later")), "created");
    assert.equal(codeOf(world.create("/later/x")), "quota-exceeded");
    world.delete("/later");
    world.set("/zookeeper/quota/later/zookeeper_limits", "count=-1,bytes=-1=;countHardLimit=0");
    assert.equal(codeOf(world.create("/later")), "quota-exceeded");
  });

  test("what changes no count or bytes is never refused, even beyond the limit", () => {
    const world = limited("count=-1,bytes=-1=;byteHardLimit=3");
    assert.equal(codeOf(world.set("/a", "54321")), "updated");
    assert.equal(codeOf(world.create("/a/empty")), "created");
  });

  test("limits from a multi that failed limit nothing", () => {
    const world = World.withSession();
    world.policy = { enforceQuota: true };
    const create = (path: string, data: string) =>
      ({ kind: "create", path, data: bytesOf(data), acl: world.tree.node("/")!.acl, mode: 0 }) as const;
    world.multi(
      create("/zookeeper/quota/a", ""),
      create("/zookeeper/quota/a/zookeeper_limits", "countHardLimit=0"),
      create("/zookeeper/quota/a/zookeeper_stats", ""),
      { kind: "check", path: "/none", version: -1 },
    );
    assert.equal(world.tree.quotas.size, 0);
    assert.equal(codeOf(world.create("/a")), "created");
  });
});
