// The outcome of a call, and what its error says of the operation: applied, not applied, or unknown.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { CoordinationError, op } from "../../../src/protocols/zookeeper/client/index.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { assertFailed, creates, mute } from "./support/calls.ts";
import { outcomeOf, World } from "./support/stage.ts";
import { failureOf } from "./support/story.ts";

test("a signal that aborted before sends nothing", async () => {
  const world = new World();
  const client = await world.connected();
  const signal = AbortSignal.abort(new Error("no more"));
  const calls = [
    client.create("/a", "", { signal }),
    client.getData("/a", { signal }),
    client.multi([op.create("/a")], { signal }),
    client.addWatch("/a", { signal }),
    client.addAuth("digest", "a:b", { signal }),
    client.sync("/", { signal }),
  ];
  for (const call of calls) {
    const error = await failureOf(call);
    assertFailed(error, "aborted", "not-applied");
    assert.equal(error.cause, signal.reason);
  }
  assertFailed(await failureOf(client.connected({ signal })), "aborted", "not-applied");
  await world.clock.run(100);
  assert.deepEqual(world.serving.peer.opcodes, []);
  await world.end();
});

test("aborted while it waits for a connection, a call was never sent", async () => {
  for (const state of ["connecting", "unsure"] as const) {
    const world = new World();
    if (state === "connecting") for (const server of world.servers) server.behaviour = "deaf";
    const client = state === "connecting" ? world.client() : await world.connected();
    if (state === "unsure") for (const server of world.servers) server.die();
    await world.clock.run(5);
    assert.equal(client.state.kind, state);
    const ending = new AbortController();
    const call = outcomeOf(client.create("/a", "", { signal: ending.signal }));
    await world.clock.run(5);
    ending.abort();
    await world.clock.run(0);
    assertFailed(call.error, "aborted", "not-applied");
    for (const server of world.servers) server.behaviour = "serve";
    await world.clock.run(20_000);
    assert.equal(client.state.kind, "connected");
    assert.equal(creates(world), 0);
    await world.end();
  }
});

test("aborted in the turn in which it was made, a call was never sent", async () => {
  const world = new World();
  const client = await world.connected();
  const ending = new AbortController();
  const call = outcomeOf(client.create("/a", "", { signal: ending.signal }));
  ending.abort();
  await world.clock.run(10);
  assertFailed(call.error, "aborted", "not-applied");
  assert.equal(creates(world), 0);
  await world.end();
});

test("aborted after it was sent, a write may be applied; a read cannot be", async () => {
  const world = new World();
  const client = await world.connected();
  const ending = new AbortController();
  const { signal } = ending;
  world.delayMs = 10;
  const write = outcomeOf(client.create("/a", "", { signal }));
  const group = outcomeOf(client.multi([op.create("/b")], { signal }));
  const reading = outcomeOf(client.getData("/a", { signal }));
  const next = outcomeOf(client.create("/next"));
  await world.clock.run(15);
  ending.abort();
  await world.clock.run(0);
  assertFailed(write.error, "aborted", "unknown");
  assertFailed(group.error, "aborted", "unknown");
  assertFailed(reading.error, "aborted", "not-applied");
  await world.clock.run(20);
  assert.equal(next.value, "/next", "late answers find their own questions");
  assert.equal(creates(world), 2);
  assert.deepEqual(
    world.serving.peer.asked.map(({ xid }) => xid),
    [1, 2, 3, 4],
    "each has its own number",
  );
  await world.end();
});

test("aborted when its answer is there, a call has succeeded", async () => {
  const world = new World();
  const client = await world.connected();
  const ending = new AbortController();
  const call = client.create("/a", "", { signal: ending.signal });
  const { peer } = world.serving;
  peer.isHeld = true;
  await world.clock.run(5);
  const onData = peer.events.onData.bind(peer.events);
  peer.events.onData = (chunk) => {
    onData(chunk);
    ending.abort(); // before anyone could see the answer
  };
  peer.release();
  await world.clock.run(5);
  assert.equal(await call, "/a");
  await world.end();
});

test("whatever a call comes to, its signal is let go", async () => {
  const world = new World();
  const client = await world.connected();
  const { signal } = new AbortController();
  const listeners = () => getEventListeners(signal, "abort").length;
  const calls = [
    outcomeOf(client.create("/a", "", { signal })),
    outcomeOf(client.getData("/b", { signal, timeoutMs: 1 })),
    outcomeOf(client.connected({ signal })),
  ];
  await world.clock.run(10);
  assert.ok(calls.every(({ isSettled }) => isSettled));
  assert.equal(listeners(), 0);
  mute(world);
  const lost = outcomeOf(client.create("/a", "", { signal }));
  const watch = outcomeOf(client.addWatch("/a", { signal }));
  await world.clock.run(5);
  assert.equal(listeners(), 1, "one for both: Node takes many for a leak");
  world.serving.peer.hangUp();
  await world.clock.run(5);
  assert.ok(lost.isSettled && watch.isSettled);
  assert.equal(listeners(), 0);
  await world.end();
});

test("each call has its deadline, sent or not", async () => {
  const world = new World();
  const client = await world.connected({ requestTimeoutMs: 2000 });
  mute(world);
  const write = outcomeOf(client.create("/a"));
  const reading = outcomeOf(client.getData("/a"));
  const quick = outcomeOf(client.setData("/a", "", { timeoutMs: 500 }));
  await world.clock.run(499);
  assert.equal(quick.isSettled, false);
  await world.clock.run(1);
  assertFailed(quick.error, "deadline", "unknown");
  await world.clock.run(1499);
  assert.equal(write.isSettled, false);
  await world.clock.run(1);
  assertFailed(write.error, "deadline", "unknown");
  assertFailed(reading.error, "deadline", "not-applied");
  assert.equal(client.state.kind, "connected", "the session has nothing to do with it");

  for (const server of world.servers) server.die();
  await world.clock.run(5);
  const queued = outcomeOf(client.create("/b", "", { timeoutMs: 300 }));
  await world.clock.run(300);
  assertFailed(queued.error, "deadline", "not-applied");
  assert.match(queued.error!.message, /cannot be reached: connect ECONNREFUSED/);
  for (const timeoutMs of [0, -1, Number.NaN]) {
    assertFailed(await failureOf(client.exists("/a", { timeoutMs })), "deadline", "not-applied");
  }
  await world.end();
});

test("with the connection end all calls made before: unknown where bytes had left, not applied where none had", async () => {
  const world = new World();
  const client = await world.connected();
  mute(world);
  const sent = outcomeOf(client.create("/sent"));
  const reading = outcomeOf(client.getData("/sent"));
  await world.clock.run(5);
  const { peer } = world.serving;
  const unsent = outcomeOf(client.create("/unsent"));
  peer.events.onClose(new Error("read ECONNRESET")); // before the turn ends in which it would be sent
  const afterwards = outcomeOf(client.create("/afterwards"));
  await world.clock.run(0);
  assertFailed(sent.error, "connection-lost", "unknown");
  assertFailed(reading.error, "connection-lost", "not-applied");
  assertFailed(unsent.error, "connection-lost", "not-applied");
  assert.equal(afterwards.isSettled, false, "what is asked later waits for the next connection");
  await world.clock.run(1000);
  const paths = world.peers.flatMap(({ asked }) => asked.map(({ path }) => path));
  assert.deepEqual(
    paths.filter((path) => path !== null),
    ["/sent", "/sent", "/afterwards"],
  );
  await world.end();
});

test("nothing is ever sent twice, however often connections end", async () => {
  const world = new World();
  const client = await world.connected();
  mute(world);
  const calls: ReturnType<typeof outcomeOf>[] = [];
  for (let i = 0; i < 20; i++) {
    calls.push(outcomeOf(client.create(`/a${i}`)), outcomeOf(client.multi([op.create(`/m${i}`)])));
    await world.clock.run(i % 3);
    for (const peer of world.peers) peer.hangUp();
    await world.clock.run(400);
  }
  const counts = new Map<string, number>();
  for (const { asked } of world.peers) {
    for (const { opcode, path } of asked) {
      if (opcode === OPCODE.create) counts.set(path!, (counts.get(path!) ?? 0) + 1);
    }
  }
  assert.ok(counts.size > 5, "some were sent");
  assert.deepEqual(
    [...counts.values()].filter((count) => count !== 1),
    [],
  );
  for (const { error } of calls) {
    assert.ok(error instanceof CoordinationError);
    assert.equal(error.code, "connection-lost");
  }
  await world.end();
});
