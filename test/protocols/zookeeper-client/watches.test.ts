// Who is told of what: one watch on the wire for all who watch the same, set again after a reconnection, and gone when
// nobody is left.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import {
  CoordinationError,
  type NodeEvent,
  type PersistentWatch,
  SessionLostError,
  type WatchItem,
} from "../../../src/protocols/zookeeper/client/index.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { readSetWatches } from "../../../src/protocols/zookeeper/codec/requests.ts";
import { outcomeOf, World } from "./support/stage.ts";
import { failureOf } from "./support/story.ts";
import { settle } from "./support/virtual-clock.ts";
import type { Peer } from "./support/virtual-servers.ts";

const [CREATED, DELETED, CHANGED, CHILDREN] = [1, 2, 3, 4];

function rearmings(peer: Peer) {
  return peer.asked
    .filter(({ opcode }) => opcode === OPCODE.setWatches || opcode === OPCODE.setWatches2)
    .map(({ opcode, body }) => ({ opcode, ...readSetWatches(body, opcode === OPCODE.setWatches2) }));
}

async function open(world: World, promise: Promise<PersistentWatch>): Promise<PersistentWatch> {
  const outcome = outcomeOf(promise);
  await world.clock.run(5);
  assert.ok(outcome.value !== undefined, String(outcome.error));
  return outcome.value;
}

type Next = ReturnType<typeof outcomeOf<IteratorResult<WatchItem>>>;
/** A reader that still waits. */
const waiting = new WeakMap<PersistentWatch, Next>();

/** What can be read now. */
async function drain(watch: PersistentWatch): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const next = waiting.get(watch) ?? outcomeOf(watch.next());
    waiting.set(watch, next);
    await settle();
    if (!next.isSettled) return lines;
    waiting.delete(watch);
    if (next.value === undefined || next.value.done === true) return lines;
    const { value } = next.value;
    lines.push(value.type === "missed" ? `missed ${value.because}` : `${value.type} ${value.path} ${value.zxid}`);
  }
}

test("watches are set again with what was seen last, each in its table, before anything else is asked", async () => {
  const world = new World();
  const client = await world.connected({ auth: [{ scheme: "digest", auth: "a:b" }] }, "a,b,c/root");
  const told: string[] = [];
  const watch = ({ path }: NodeEvent) => told.push(path);
  world.script((peer, { opcode, path, xid }) => {
    if (opcode !== OPCODE.exists || path !== "/root/missing") return false;
    peer.reply(xid, -101);
    return true;
  });
  const calls = [
    outcomeOf(client.getData("/data", { watch })),
    outcomeOf(client.exists("/there", { watch })),
    outcomeOf(client.exists("/missing", { watch })),
    outcomeOf(client.getChildren("/list", { watch })),
    outcomeOf(client.getChildren("/", { watch })),
    outcomeOf(client.getConfig({ watch })),
    outcomeOf(client.getData("/unwatched")),
  ];
  await world.clock.run(5);
  assert.ok(calls.every(({ value }) => value !== undefined));
  world.serving.peer.hangUp();
  await world.clock.run(1);
  const asked = outcomeOf(client.create("/next"));
  await world.clock.run(500);
  assert.equal(asked.value, "/next");
  const { peer } = world.serving;
  assert.deepEqual(peer.opcodes, [OPCODE.auth, OPCODE.setWatches, OPCODE.create]);
  assert.deepEqual(rearmings(peer), [
    {
      opcode: OPCODE.setWatches, // servers before 3.6 know no other
      relativeZxid: 10,
      data: ["/root/data", "/root/there", "/zookeeper/config"],
      exist: ["/root/missing"],
      child: ["/root/list", "/root"],
      persistent: [],
      recursive: [],
    },
  ]);
  for (const path of ["/root", "/root/list"]) peer.event(CHILDREN, path);
  peer.event(CHANGED, "/zookeeper/config");
  await world.clock.run(5);
  assert.deepEqual(told, ["/", "/list", "/zookeeper/config"], "as the client knows them");
  await world.end();
});

test("persistent watches are set again by the second form, which is used only for them", async () => {
  const world = new World();
  const client = await world.connected();
  const one = await open(world, client.addWatch("/a"));
  const two = await open(world, client.addWatch("/b", { recursive: true }));
  const left = await open(world, client.addWatch("/left"));
  await Promise.all([left.close(), world.clock.run(5)]);
  world.serving.peer.hangUp();
  await world.clock.run(500);
  const [rearming] = rearmings(world.serving.peer);
  assert.deepEqual([rearming?.opcode, rearming?.persistent, rearming?.recursive], [OPCODE.setWatches2, ["/a"], ["/b"]]);
  assert.deepEqual(await drain(one), ["missed disconnected"]);
  world.serving.peer.event(CHANGED, "/b/x", 77n);
  await world.clock.run(5);
  assert.deepEqual(await drain(two), ["missed disconnected", "data-changed /b/x 77"]);
  await world.end();
});

test("many watches are set again in portions that every server takes", async () => {
  const world = new World();
  const client = await world.connected();
  const names = Array.from({ length: 3000 }, (_, i) => `/${"x".repeat(100)}${i}`);
  const calls = names.map((name) => outcomeOf(client.getData(name, { watch: () => {} })));
  await world.clock.run(5);
  assert.ok(calls.every(({ isSettled }) => isSettled));
  world.serving.peer.hangUp();
  await world.clock.run(500);
  const portions = rearmings(world.serving.peer);
  assert.equal(portions.length, 3);
  for (const { data } of portions) assert.ok(data.reduce((sum, path) => sum + path.length + 4, 0) <= 128 << 10);
  assert.deepEqual(
    portions.flatMap(({ data }) => data),
    names,
  );
  await world.end();
});

test("a server that does not take the watches again is left: what it does not watch would never be told", async () => {
  const world = new World();
  const client = await world.connected();
  outcomeOf(client.getData("/a", { watch: () => {} }));
  await world.clock.run(5);
  let refusals = 0;
  world.script((peer, { opcode, xid }) => {
    if (opcode !== OPCODE.setWatches || refusals > 0) return false;
    refusals++;
    peer.reply(xid, -6);
    return true;
  });
  world.serving.peer.hangUp();
  await world.clock.run(1000);
  assert.equal(refusals, 1);
  assert.equal(client.state.kind, "connected");
  assert.deepEqual(rearmings(world.serving.peer)[0]?.data, ["/a"]);
  await world.end();
});

test("one watch on the wire serves all, and each is told once", async () => {
  const world = new World();
  const client = await world.connected();
  const told: string[] = [];
  const both = ({ type }: NodeEvent) => told.push(`both ${type}`);
  const calls = [
    client.getData("/a", { watch: both }),
    client.getChildren("/a", { watch: both }),
    client.exists("/a", { watch: ({ type }) => told.push(`other ${type}`) }),
    client.getChildren("/a", { watch: ({ type }) => told.push(`list ${type}`) }),
  ];
  await Promise.all([...calls, world.clock.run(5)]);
  const { peer } = world.serving;
  peer.event(DELETED, "/a");
  peer.event(CREATED, "/a");
  await world.clock.run(5);
  assert.deepEqual(told, ["both deleted", "other deleted", "list deleted"]);
  await world.end();
});

test("who leaves takes no watch off the server that another's read is about to set", async () => {
  const world = new World();
  const client = await world.connected();
  for (const kind of ["data", "children"] as const) {
    const read = (watch: () => void) =>
      kind === "data" ? client.getData("/a", { watch }) : client.getChildren("/a", { watch });
    const told: string[] = [];
    const first = () => told.push("first");
    await Promise.all([read(first), world.clock.run(5)]);
    const { peer } = world.serving;
    const from = peer.opcodes.length;
    const reading = read(() => told.push("second"));
    const leaving = client.removeWatches("/a", kind, { watcher: first });
    await Promise.all([reading, leaving, world.clock.run(5)]);
    assert.ok(
      !peer.opcodes.slice(from).includes(OPCODE.removeWatches),
      "the server's only watch would go, before it was told of",
    );
    peer.event(kind === "data" ? CHANGED : CHILDREN, "/a");
    await world.clock.run(5);
    assert.deepEqual(told, ["second"]);
    const last = () => told.push("last");
    await Promise.all([read(last), world.clock.run(5)]);
    await Promise.all([client.removeWatches("/a", kind, { watcher: last }), world.clock.run(5)]);
    assert.equal(peer.opcodes.pop(), OPCODE.removeWatches, "the last to leave takes it off");
  }
  await world.end();
});

test("a watch whose read failed, was aborted or went down with the connection tells nobody", async () => {
  const world = new World();
  const client = await world.connected();
  const told: string[] = [];
  const watch = ({ path }: NodeEvent) => told.push(path);
  world.script((peer, { opcode, path, xid }) => {
    if (path === "/missing") peer.reply(xid, -101);
    return path === "/missing" || path === "/unanswered" || opcode === OPCODE.setData;
  });
  const { peer } = world.serving;
  const ending = new AbortController();
  const calls = [
    outcomeOf(client.getData("/missing", { watch })),
    outcomeOf(client.getData("/aborted", { watch, signal: ending.signal })),
    outcomeOf(client.getData("/unanswered", { watch })),
  ];
  await world.clock.run(0);
  ending.abort();
  await world.clock.run(5);
  for (const path of ["/missing", "/aborted", "/unanswered"]) peer.event(CHANGED, path);
  await world.clock.run(5);
  peer.hangUp();
  await world.clock.run(500);
  assert.ok(calls.every(({ error }) => error !== undefined));
  assert.deepEqual(rearmings(world.serving.peer), []);
  assert.deepEqual(told, []);
  await world.end();
});

test("a persistent watch is shared on the wire: the last one to leave takes it off the server", async () => {
  const world = new World();
  const client = await world.connected();
  const { peer } = world.serving;
  const first = await open(world, client.addWatch("/a"));
  const second = client.addWatch("/a"); // under way while the first leaves
  const leaving = first.close();
  const other = await open(world, second);
  await leaving;
  assert.deepEqual(peer.opcodes, [OPCODE.addWatch, OPCODE.addWatch]);
  peer.event(CHANGED, "/a", 5n);
  await world.clock.run(5);
  assert.deepEqual(await drain(other), ["data-changed /a 5"]);
  const closing = other.close();
  await world.clock.run(5);
  await closing;
  assert.deepEqual(peer.opcodes.slice(2), [OPCODE.removeWatches]);
  assert.equal((await other.next()).done, true);

  const ending = new AbortController();
  const aborted = outcomeOf(client.addWatch("/b", { signal: ending.signal }));
  await world.clock.run(0);
  ending.abort();
  await world.clock.run(10);
  assert.ok(aborted.error instanceof CoordinationError);
  assert.deepEqual(peer.opcodes.slice(3), [OPCODE.addWatch, OPCODE.removeWatches], "nobody ever saw it");
  await world.end();
});

test("leaving the loop leaves the watch", async () => {
  const world = new World();
  const client = await world.connected();
  const watch = await open(world, client.addWatch("/a"));
  const { peer } = world.serving;
  peer.event(CREATED, "/a");
  peer.event(CHANGED, "/a");
  await world.clock.run(5);
  const read = async () => {
    for await (const item of watch) return item.type;
    return undefined;
  };
  assert.equal(await read(), "created");
  await world.clock.run(5);
  assert.equal(peer.opcodes.at(-1), OPCODE.removeWatches);
  assert.equal(await read(), "data-changed", "what had come can still be read");
  assert.equal(await read(), undefined);
  await world.end();
});

test("unread events are held in bounds: equal ones as one, and too many as one word", async () => {
  const world = new World();
  const client = await world.connected();
  const watch = await open(world, client.addWatch("/", { recursive: true, bufferMax: 4 }));
  const { peer } = world.serving;
  for (let zxid = 1n; zxid <= 9n; zxid++) peer.event(CHANGED, zxid % 2n === 0n ? "/a" : "/b", zxid);
  peer.event(DELETED, "/a", 20n);
  await world.clock.run(5);
  assert.deepEqual(await drain(watch), ["data-changed /b 9", "data-changed /a 8", "deleted /a 20"]);
  peer.event(CHANGED, "/b", 21n);
  await world.clock.run(5);
  assert.deepEqual(await drain(watch), ["data-changed /b 21"], "what was read is no reason to drop what follows");

  peer.event(CREATED, "/first", 29n); // for the reader that waits
  for (let i = 0; i < 5; i++) peer.event(CREATED, `/${i}`, 30n);
  peer.event(DELETED, "/0", 31n);
  peer.event(DELETED, "/0", 32n);
  await world.clock.run(5);
  assert.deepEqual(await drain(watch), ["created /first 29", "missed overflow", "deleted /0 32"]);
  peer.event(CHILDREN, "/a", 40n);
  peer.event(CHANGED, "/z", 41n);
  await world.clock.run(5);
  assert.deepEqual(await drain(watch), ["data-changed /z 41"], "a recursive watch has no lists of children");
  await world.end();
});

test("when the session is lost, a reader learns it after everything before, once", async () => {
  const world = new World();
  const client = await world.connected();
  const watch = await open(world, client.addWatch("/a"));
  const idle = await open(world, client.addWatch("/b"));
  const signalled = new AbortController();
  const linked = await open(world, client.addWatch("/c", { signal: signalled.signal }));
  const reading = outcomeOf(idle.next());
  const { peer } = world.serving;
  peer.event(CHANGED, "/a", 5n);
  await world.clock.run(5);
  world.sessions.clear();
  peer.hangUp();
  await world.clock.run(500);
  assert.ok(reading.error instanceof SessionLostError);
  assert.deepEqual(await drain(watch), ["data-changed /a 5"]);
  const again = [await watch.next(), await idle.next()];
  assert.deepEqual(
    again.map(({ done }) => done),
    [true, true],
  );
  const error = await failureOf(linked.next());
  assert.ok(error instanceof SessionLostError);
  assert.deepEqual(getEventListeners(signalled.signal, "abort"), [], "the signal is let go");
  signalled.abort();
  assert.equal((await linked.next()).done, true);
  assert.equal(world.serving.peer.opcodes.length, 0, "the new session has no watches");
  await world.end();
});

test("what a listener throws is its own trouble, and is heard of", async () => {
  const world = new World();
  const troubles: unknown[] = [];
  const client = await world.connected({ onListenerError: (error) => troubles.push(error) });
  const told: string[] = [];
  const calls = [
    client.getData("/a", {
      watch: () => {
        throw new Error("one");
      },
    }),
    client.getData("/a", { watch: (async () => Promise.reject(new Error("two"))) as () => void }),
    client.getData("/a", { watch: ({ type }) => told.push(type) }),
  ];
  client.onState(() => {
    throw new Error("three");
  });
  await Promise.all([...calls, world.clock.run(5)]);
  world.serving.peer.event(CHANGED, "/a");
  await world.clock.run(5);
  world.serving.peer.hangUp();
  await world.clock.run(500);
  assert.deepEqual(told, ["data-changed"]);
  assert.equal(client.state.kind, "connected");
  assert.deepEqual(
    troubles.map((error) => (error as Error).message),
    ["one", "two", "three", "three"],
  );
  await world.end();
});
