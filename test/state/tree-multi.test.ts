// Several operations as one; numbers are those of the protocol's facts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CREATE_MODE } from "../../src/state/tree/commands.ts";
import { pathOf, statOf } from "./outcomes.ts";
import { codeOf, World } from "./world.ts";

describe("multi (20)", () => {
  test("all under one revision; later operations see earlier ones; a result stays what it was", () => {
    const world = World.withSession();
    const outcome = world.multi(
      { kind: "create", path: "/m", data: new Uint8Array([65]), acl: world.tree.node("/")!.acl, mode: 0 },
      { kind: "create", path: "/m/s-", data: null, acl: world.tree.node("/")!.acl, mode: CREATE_MODE.sequential },
      { kind: "set-data", path: "/m", data: null, version: 0 },
      { kind: "check", path: "/m", version: 1 },
      { kind: "delete", path: "/m/s-0000000000", version: 0 },
    );
    assert.equal(outcome.kind, "multi");
    const results = outcome.kind === "multi" ? outcome.results : [];
    assert.deepEqual(
      results.map(({ kind }) => kind),
      ["created", "created", "updated", "done", "done"],
    );
    assert.deepEqual([statOf(results[0]!).version, statOf(results[0]!).dataLength], [0, 1]);
    assert.equal(pathOf(results[1]!), "/m/s-0000000000");
    assert.equal(statOf(results[2]!).version, 1);
    const node = world.tree.node("/m")!;
    assert.deepEqual([node.czxid, node.mzxid, node.pzxid], Array(3).fill(world.machine.sequence));
    assert.deepEqual(world.children("/m"), []);
  });

  test("one failure undoes everything, and nobody hears of it", () => {
    const world = World.withSession();
    world.policy = { extendedTypes: true };
    const open = world.tree.node("/")!.acl;
    world.create("/a", { data: "before" });
    world.create("/a/child", { data: "kept" });
    world.create("/e", { mode: CREATE_MODE.ephemeral, data: "mine" });
    world.create("/t", { mode: CREATE_MODE.ttl, ttl: 77 });
    world.create("/c", { mode: CREATE_MODE.container, acl: [{ perms: 31, scheme: "ip", id: "127.0.0.1" }] });
    world.events.take();
    const revision = world.machine.sequence;
    const before = describeTree(world);
    const outcome = world.multi(
      { kind: "create", path: "/x", data: null, acl: open, mode: CREATE_MODE.ephemeral },
      { kind: "set-data", path: "/a", data: new Uint8Array(500), version: 0 },
      { kind: "delete", path: "/a/child", version: -1 },
      { kind: "delete", path: "/a", version: 1 },
      { kind: "create", path: "/a", data: null, acl: [{ perms: 1, scheme: "ip", id: "::1" }], mode: 0 },
      { kind: "delete", path: "/e", version: -1 },
      { kind: "create", path: "/t/first", data: null, acl: open, mode: 0 },
      { kind: "delete", path: "/t/first", version: -1 },
      { kind: "delete", path: "/t", version: -1 },
      { kind: "delete", path: "/c", version: -1 },
      { kind: "delete", path: "/x", version: -1 },
      { kind: "create", path: "/c2", data: null, acl: open, mode: CREATE_MODE.container },
      { kind: "create", path: "/c2/first", data: null, acl: open, mode: 0 },
      { kind: "check", path: "/none", version: -1 },
      { kind: "delete", path: "/zookeeper", version: -1 },
    );
    assert.deepEqual(outcome, { kind: "multi-rejected", failed: 13, code: "no-node", count: 15 });
    assert.deepEqual(describeTree(world), before);
    assert.equal(world.tree.node("/t")!.directory, null);
    assert.equal(world.tree.store.nodes.size, world.tree.nodeCount);
    assert.deepEqual(world.events.take(), []);
    assert.equal(world.machine.sequence, revision + 1);
    assert.deepEqual(world.tree.ephemeralsOf(world.session), ["/e"]);
    assert.equal(world.tree.ttlOf(world.tree.node("/t")!), 77);
    assert.ok(world.tree.isContainer(world.tree.node("/c")!));
    assert.equal(codeOf(world.create("/a/again")), "created");
  });

  test("an empty multi has no results; a check needs READ", () => {
    const world = World.withSession();
    assert.deepEqual(world.multi(), { kind: "multi", results: [] });
    world.create("/w", { acl: [{ perms: 2, scheme: "world", id: "anyone" }] });
    assert.deepEqual(world.multi({ kind: "check", path: "/w", version: -1 }), {
      kind: "multi-rejected",
      failed: 0,
      code: "no-auth",
      count: 1,
    });
  });

  test("events of a multi come after all of it has succeeded, in its order", () => {
    const world = World.withSession();
    world.events.take();
    const open = world.tree.node("/")!.acl;
    world.multi(
      { kind: "create", path: "/m", data: null, acl: open, mode: 0 },
      { kind: "delete", path: "/m", version: -1 },
    );
    assert.deepEqual(world.events.take(), ["created /m", "children-changed /", "deleted /m", "children-changed /"]);
  });
});

function describeTree({ tree }: World): string[] {
  return [...tree.nodes]
    .map((node) => {
      const numbers = [node.czxid, node.mzxid, node.pzxid, node.mtime, node.version, node.cversion, node.numChildren];
      return `${node.path} ${numbers.join(" ")} ${node.ephemeralOwner} ${JSON.stringify(node.acl)} ${node.data}`;
    })
    .sort();
}
