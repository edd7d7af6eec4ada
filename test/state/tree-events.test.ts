// The tree's events, and how it is read; numbers are those of the protocol's facts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CREATE_MODE } from "../../src/state/tree/commands.ts";
import { codeOf, World } from "./world.ts";

describe("events (15)", () => {
  test("a node's own event comes first, then its parent's; setACL tells nobody", () => {
    const world = World.withSession();
    world.events.take();
    world.create("/a");
    world.set("/a", "x");
    world.setAcl("/a", [{ perms: 31, scheme: "ip", id: "127.0.0.1" }]);
    world.create("/a/b");
    world.delete("/a/b");
    assert.deepEqual(world.events.take(), [
      "created /a",
      "children-changed /",
      "data-changed /a",
      "created /a/b",
      "children-changed /a",
      "deleted /a/b",
      "children-changed /a",
    ]);
  });

  test("what is rejected tells nobody", () => {
    const world = World.withSession();
    world.create("/a");
    world.events.take();
    world.create("/a");
    world.delete("/a", 4);
    world.set("/b", "x");
    assert.deepEqual(world.events.take(), []);
  });

  test("an event carries the list that decides who may hear of it (19)", () => {
    const world = World.withSession();
    const mine = [{ perms: 31, scheme: "ip", id: "127.0.0.1" }];
    world.create("/a", { acl: mine });
    world.delete("/a");
    assert.deepEqual(world.events.acls[0], mine);
    assert.deepEqual(world.events.acls[2], mine);
    assert.equal(world.events.acls[1]![0]!.scheme, "world");
  });
});

describe("reading (27)", () => {
  test("ephemerals of one session by a plain prefix; all descendants are counted", () => {
    const world = World.withSession();
    const other = world.openLease();
    world.create("/a");
    for (const path of ["/a/1", "/a/2", "/ab"]) world.create(path, { mode: CREATE_MODE.ephemeral });
    const mine = world.session;
    world.session = other;
    world.create("/a/3", { mode: CREATE_MODE.ephemeral });
    assert.deepEqual(world.tree.ephemeralsOf(mine).sort(), ["/a/1", "/a/2", "/ab"]);
    assert.deepEqual(world.tree.ephemeralsOf(mine, "/a/").sort(), ["/a/1", "/a/2"]);
    assert.deepEqual(world.tree.ephemeralsOf(other), ["/a/3"]);
    assert.equal(world.tree.descendantCount(world.tree.node("/a")!), 3);
    assert.equal(world.tree.descendantCount(world.tree.node("/")!), world.tree.nodeCount - 1);
    assert.equal(world.tree.descendantCount(world.tree.node("/ab")!), 0);
  });

  test("a path ten thousand deep is a path like any other", () => {
    const world = World.withSession();
    let path = "";
    for (let depth = 0; depth < 10_000; depth++) {
      path += "/d";
      assert.equal(world.create(path).kind, "created");
    }
    assert.equal(world.tree.descendantCount(world.tree.node("/d")!), 9_999);
    assert.equal(codeOf(world.delete("/d")), "not-empty");
    assert.equal(codeOf(world.delete(path)), "done");
  });
});
