// Who is told of what, how often, and who is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BOUNDS } from "../../../src/protocols/zookeeper/limits.ts";
import { WATCH, type Watcher, Watches } from "../../../src/protocols/zookeeper/watches.ts";
import { OPEN_ACL } from "../../../src/state/tree/acl.ts";
import { WatchMemory } from "../../../src/transport/watch-memory.ts";
import * as ask from "./support/requests.ts";
import type { TestClient } from "./support/test-client.ts";
import { World } from "./support/world.ts";

function pair(): { world: World; watcher: TestClient; writer: TestClient } {
  const world = new World();
  return { world, watcher: world.client(), writer: world.client() };
}

function tell(writer: TestClient, watcher: TestClient, ...requests: ask.Request[]): string[] {
  for (const request of requests) assert.equal(writer.call(...request).error, 0);
  return watcher.takeStory();
}

test("a watch of exists and getData is told once of the next change, and of no children", () => {
  const { watcher, writer } = pair();
  writer.call(...ask.create("/a"));
  watcher.call(...ask.getData("/a", true));
  assert.deepEqual(tell(writer, watcher, ask.create("/a/x")), []);
  assert.deepEqual(tell(writer, watcher, ask.setData("/a"), ask.setData("/a")), ["event 3 /a"]);
  watcher.call(...ask.exists("/b", true));
  assert.deepEqual(tell(writer, watcher, ask.create("/b"), ask.remove("/b")), ["event 1 /b"]);
});

test("a watch of getChildren is told once of children that come or go, and of the node's end", () => {
  const { watcher, writer } = pair();
  writer.call(...ask.create("/a"));
  watcher.call(...ask.getChildren("/a", true));
  assert.deepEqual(tell(writer, watcher, ask.setData("/a")), []);
  assert.deepEqual(tell(writer, watcher, ask.create("/a/x"), ask.create("/a/y")), ["event 4 /a"]);
  watcher.call(...ask.getChildren2("/a", true));
  assert.deepEqual(tell(writer, watcher, ask.remove("/a/x"), ask.remove("/a/y")), ["event 4 /a"]);
  watcher.call(...ask.getChildren("/a", true));
  assert.deepEqual(tell(writer, watcher, ask.remove("/a")), ["event 2 /a"]);
});

test("who watches data and children of a node hears of its end once", () => {
  const { world, watcher, writer } = pair();
  writer.call(...ask.create("/a"));
  watcher.call(...ask.getData("/a", true));
  watcher.call(...ask.getChildren("/a", true));
  assert.equal(world.service.watches.size, 2);
  assert.deepEqual(tell(writer, watcher, ask.remove("/a")), ["event 2 /a"]);
  assert.equal(world.service.watches.size, 0);
});

test("only exists watches what is not there", () => {
  const { world, watcher } = pair();
  for (const request of [ask.getData("/a", true), ask.getChildren("/a", true), ask.getChildren2("/a", true)])
    watcher.call(...request);
  assert.equal(world.service.watches.size, 0);
  watcher.call(...ask.exists("/a", true));
  assert.equal(world.service.watches.size, 1);
});

test("a persistent watch is told of all four events, again and again", () => {
  const { watcher, writer } = pair();
  watcher.call(...ask.addWatch("/a", 0));
  const story = tell(
    writer,
    watcher,
    ask.create("/a"),
    ask.setData("/a"),
    ask.setData("/a"),
    ask.create("/a/x"),
    ask.remove("/a/x"),
    ask.remove("/a"),
  );
  assert.deepEqual(story, ["event 1 /a", "event 3 /a", "event 3 /a", "event 4 /a", "event 4 /a", "event 2 /a"]);
});

test("a recursive watch is told of everything below, and of no children's lists", () => {
  const { watcher, writer } = pair();
  watcher.call(...ask.addWatch("/a", 1));
  const story = tell(
    writer,
    watcher,
    ask.create("/a"),
    ask.create("/a/x"),
    ask.create("/a/x/y"),
    ask.setData("/a/x/y"),
    ask.remove("/a/x/y"),
    ask.create("/ab"),
  );
  assert.deepEqual(story, ["event 1 /a", "event 1 /a/x", "event 1 /a/x/y", "event 3 /a/x/y", "event 2 /a/x/y"]);
});

test("a recursive watch on the root is told of everything", () => {
  const { watcher, writer } = pair();
  watcher.call(...ask.addWatch("/", 1));
  assert.deepEqual(tell(writer, watcher, ask.create("/a"), ask.create("/a/b")), ["event 1 /a", "event 1 /a/b"]);
});

test("whoever watches in several ways is told once, and keeps what is not for once", () => {
  const { watcher, writer } = pair();
  watcher.call(...ask.addWatch("/a", 0));
  watcher.call(...ask.addWatch("/a", 1));
  watcher.call(...ask.addWatch("/", 1));
  watcher.call(...ask.exists("/a", true));
  assert.deepEqual(tell(writer, watcher, ask.create("/a"), ask.setData("/a")), ["event 1 /a", "event 3 /a"]);
  assert.equal(watcher.call(...ask.checkWatches("/a", 2)).error, -121, "the one for once is spent");
  assert.equal(watcher.call(...ask.checkWatches("/a", 4)).error, 0);
  assert.equal(watcher.call(...ask.checkWatches("/a", 5)).error, 0);
});

test("removeWatches takes what it names and nothing else", () => {
  const { watcher, writer } = pair();
  writer.call(...ask.create("/a"));
  watcher.call(...ask.getData("/a", true));
  watcher.call(...ask.getChildren("/a", true));
  watcher.call(...ask.addWatch("/a", 0));
  watcher.call(...ask.addWatch("/a", 1));
  assert.equal(watcher.call(...ask.removeWatches("/a", 2)).error, 0);
  assert.equal(watcher.call(...ask.removeWatches("/a", 2)).error, -121);
  assert.equal(watcher.call(...ask.checkWatches("/a", 1)).error, 0);
  assert.equal(watcher.call(...ask.removeWatches("/a", 4)).error, 0);
  assert.equal(watcher.call(...ask.removeWatches("/a", 5)).error, 0);
  assert.deepEqual(tell(writer, watcher, ask.setData("/a")), []);
  assert.deepEqual(tell(writer, watcher, ask.create("/a/x")), ["event 4 /a"]);
  assert.equal(watcher.call(...ask.removeWatches("/a", 3)).error, -121);
  assert.equal(watcher.call(...ask.removeWatches("/a", 9)).error, -5);
});

test("setWatches tells what has changed since, sets the rest, and answers last", () => {
  const { watcher, writer } = pair();
  for (const path of ["/changed", "/same", "/gone", "/parent", "/quiet"]) writer.call(...ask.create(path));
  const { zxid } = writer.call(...ask.ping);
  writer.call(...ask.setData("/changed"));
  writer.call(...ask.remove("/gone"));
  writer.call(...ask.create("/come"));
  writer.call(...ask.create("/parent/child"));
  watcher.send(
    ...ask.setWatches2({
      relativeZxid: zxid,
      data: ["/changed", "/same", "/gone"],
      exist: ["/come", "/missing"],
      child: ["/parent", "/quiet", "/gone"],
      persistent: ["/p"],
      recursive: ["/r"],
    }),
  );
  assert.deepEqual(watcher.takeStory(), [
    "event 3 /changed",
    "event 2 /gone",
    "event 1 /come",
    "event 4 /parent",
    "event 2 /gone",
    "reply -8",
  ]);
  const later = tell(
    writer,
    watcher,
    ask.setData("/same"),
    ask.create("/missing"),
    ask.create("/quiet/x"),
    ask.create("/p"),
    ask.create("/r"),
    ask.create("/r/x"),
  );
  assert.deepEqual(later, [
    "event 3 /same",
    "event 1 /missing",
    "event 4 /quiet",
    "event 1 /p",
    "event 1 /r",
    "event 1 /r/x",
  ]);
});

test("who may not read a node is not told of it, not even of its end", () => {
  const { watcher, writer } = pair();
  const secret = { acl: [{ perms: 31, scheme: "auth", id: "" }] };
  writer.call(...ask.auth("digest", "joe:pw"));
  watcher.call(...ask.addWatch("/", 1));
  watcher.call(...ask.exists("/secret", true));
  assert.deepEqual(
    tell(
      writer,
      watcher,
      ask.create("/secret", secret),
      ask.setData("/secret"),
      ask.create("/secret/open"),
      ask.remove("/secret/open"),
      ask.remove("/secret"),
    ),
    ["event 1 /secret/open", "event 2 /secret/open"],
  );
  watcher.call(...ask.auth("digest", "joe:pw"));
  assert.deepEqual(tell(writer, watcher, ask.create("/secret", secret)), ["event 1 /secret"]);
});

test("setWatches tells of a node what its reader may know, and others nothing: not that it is, nor that it changed", () => {
  const { world, watcher, writer } = pair();
  writer.call(...ask.auth("digest", "joe:pw"));
  const { zxid } = writer.call(...ask.ping);
  const secret = { acl: [{ perms: 31, scheme: "auth", id: "" }] };
  writer.call(...ask.create("/secret", secret));
  writer.call(...ask.create("/secret/child"));
  writer.call(...ask.setData("/secret"));
  const lists = { data: ["/secret"], exist: ["/secret"], child: ["/secret"], persistent: [], recursive: [] };
  for (const setWatches of [ask.setWatches, ask.setWatches2]) {
    for (const relativeZxid of [0, zxid, Number.MAX_SAFE_INTEGER]) {
      watcher.send(...setWatches({ relativeZxid, ...lists }));
      assert.deepEqual(watcher.takeStory(), ["reply -8"], `since ${relativeZxid}`);
    }
  }
  const changes = [ask.setData("/secret"), ask.create("/secret/other"), ask.remove("/secret/other")];
  assert.deepEqual(tell(writer, watcher, ...changes), [], "nor afterwards");

  const reader = world.client();
  reader.call(...ask.auth("digest", "joe:pw"));
  reader.send(...ask.setWatches({ relativeZxid: zxid, ...lists }));
  assert.deepEqual(reader.takeStory(), ["event 3 /secret", "event 1 /secret", "event 4 /secret", "reply -8"]);
});

test("what setWatches keeps quiet about is watched on: it is told once the client may read it", () => {
  const { watcher, writer } = pair();
  writer.call(...ask.auth("digest", "joe:pw"));
  writer.call(...ask.create("/secret", { acl: [{ perms: 31, scheme: "auth", id: "" }] }));
  watcher.send(...ask.setWatches({ relativeZxid: 0, data: ["/secret"], child: ["/secret"] }));
  assert.deepEqual(watcher.takeStory(), ["reply -8"]);
  writer.call(...ask.setAcl("/secret", [{ perms: 31, scheme: "world", id: "anyone" }]));
  assert.deepEqual(tell(writer, watcher, ask.setData("/secret"), ask.create("/secret/child")), [
    "event 3 /secret",
    "event 4 /secret",
  ]);
});

test("an expired session's ephemeral nodes are told to who watches them", () => {
  const { world, watcher, writer } = pair();
  writer.call(...ask.create("/e", { flags: 1 }));
  watcher.call(...ask.getData("/e", true));
  watcher.call(...ask.getChildren("/", true));
  world.member.expire(writer.sessionId);
  assert.deepEqual(watcher.takeStory(), ["event 2 /e", "event 4 /"]);
});

function crowd(count: number): { watchers: Watcher[]; told: () => number } {
  let told = 0;
  const watchers = Array.from({ length: count }, (_, sessionId) => ({
    sessionId,
    lastEvent: 0,
    watchBytes: 0,
    isOpen: true,
    drop: () => assert.fail("none has too many"),
    mayRead: () => true,
    notify: () => {
      told += 1;
    },
    fail: () => assert.fail("none is told what it cannot be"),
  }));
  return { watchers, told: () => told };
}

test("a million watchers of one node are told within the time of a heartbeat, and nothing of them stays", () => {
  const watches = new Watches(new WatchMemory(Number.POSITIVE_INFINITY));
  const { watchers, told } = crowd(1_000_000);
  for (const watcher of watchers) watches.data.add("/one", watcher, WATCH.once);
  assert.equal(watches.size, 1_000_000);
  const before = process.cpuUsage(); // not the time: other work on this machine must not count
  watches.onNode("data-changed", "/one", 7, OPEN_ACL);
  const spentMs = process.cpuUsage(before).user / 1000;
  assert.equal(told(), 1_000_000);
  assert.equal(watches.size, 0);
  assert.equal(watches.data.pathCount + watches.data.watcherCount, 0);
  assert(spentMs < 4000, `it took ${spentMs} ms`);
});

test("sizes are right whatever is added, spent and removed", () => {
  const watches = new Watches(new WatchMemory(Number.POSITIVE_INFINITY));
  const { watchers } = crowd(3);
  const [a, b, c] = watchers as [Watcher, Watcher, Watcher];
  for (const watcher of watchers) watches.data.add("/x", watcher, WATCH.once);
  watches.data.add("/x", a, WATCH.once);
  watches.addPersistent("/x", b, true);
  watches.addPersistent("/y", c, false);
  assert.equal(watches.size, 5);
  assert.equal(watches.data.hasRecursive, true);
  watches.onNode("created", "/x", 1, OPEN_ACL);
  assert.equal(watches.size, 3, "the recursive one stays");
  watches.removeWatcher(b);
  assert.equal(watches.data.hasRecursive, false);
  watches.removeWatcher(c);
  assert.equal(watches.size, 0);
  assert.deepEqual([...watches.data.byPath()], []);
  assert.deepEqual([...watches.child.byWatcher()], []);
});

test("an event in the deepest path costs what the path is long, however many watch it from above", () => {
  const depth = 100_000;
  const watches = new Watches(new WatchMemory(2 ** 40), { ...BOUNDS, watchBytesPerConnectionMax: 2 ** 40 });
  const { watchers, told } = crowd(100);
  const path = "/d".repeat(depth);
  for (const [i, watcher] of watchers.entries()) {
    watches.addPersistent(path.slice(0, 2 * (i + 1)), watcher, true);
    watches.addPersistent(path.slice(0, path.length - 2 * i), watcher, true);
    watches.addPersistent(`${path.slice(0, -2 * (i + 1))}/other`, watcher, true);
  }
  const before = process.cpuUsage(); // not the time: other work on this machine must not count
  const events = 10;
  for (let i = 0; i < events; i++) watches.onNode("data-changed", path, i, OPEN_ACL);
  const spentMs = process.cpuUsage(before).user / 1000;
  assert.equal(told(), watchers.length * events, "each hears each event once");
  assert(spentMs < 2000, `it took ${spentMs} ms`);
  for (const watcher of watchers) watches.removeWatcher(watcher);
  assert.equal(watches.data.hasRecursive, false);
  assert.equal(watches.bytes, 0);
});

test("a recursive watch is told of what is below its path, and not of what only begins like it", () => {
  const told = (watched: string, path: string): number => {
    const { watchers, told: count } = crowd(1);
    const watches = new Watches(new WatchMemory(Number.POSITIVE_INFINITY));
    watches.addPersistent(watched, watchers[0]!, true);
    watches.onNode("created", path, 1, OPEN_ACL);
    return count();
  };
  assert.equal(told("/a", "/a"), 1);
  assert.equal(told("/a", "/a/b/c"), 1);
  assert.equal(told("/", "/a/b/c"), 1);
  assert.equal(told("/", "/"), 1);
  assert.equal(told("/a", "/ab"), 0);
  assert.equal(told("/a/b", "/a"), 0);
  assert.equal(told("/a/b", "/a/bc/b"), 0);
});

test("what watches take of memory is counted alike when they come and when they go", () => {
  const watches = new Watches(new WatchMemory(Number.POSITIVE_INFINITY));
  const { watchers } = crowd(2);
  const [a, b] = watchers as [Watcher, Watcher];
  watches.data.add("/x", a, WATCH.once);
  const one = watches.bytes;
  watches.child.add("/x", a, WATCH.once);
  watches.addPersistent("/x", a, false);
  assert.equal(watches.bytes, 2 * one, "one place in each table");
  watches.addPersistent("/x/y/z", a, true);
  watches.addPersistent("/x/y/z", b, true);
  assert(b.watchBytes > one + "/y/z".length, "steps count");
  assert.equal(watches.bytes, a.watchBytes + b.watchBytes);
  watches.onNode("deleted", "/x", 1, OPEN_ACL);
  watches.remove("/x", a, 4);
  watches.remove("/x/y/z", a, 5);
  assert.equal(a.watchBytes, 0);
  watches.removeWatcher(b);
  assert.equal(watches.bytes, 0);
});
