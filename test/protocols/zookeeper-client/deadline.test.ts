// The deadline of a session: counted by the client's own clock from the last answered ping, whatever the sockets say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { assertLost, readAllTheTime, sessionOf, T } from "./support/loss.ts";
import { outcomeOf, storyOf, World } from "./support/stage.ts";

test("a client connects, and shows its session", async () => {
  const world = new World();
  const client = world.client();
  assert.deepEqual(client.state, { kind: "connecting" });
  assert.equal(sessionOf(client), null);
  const connecting = client.connected();
  await world.clock.run(10);
  const session = await connecting;
  assert.equal(session, sessionOf(client));
  assert.equal(session.id, 0x7f00_0000_0000_0001n);
  assert.equal(session.timeoutMs, T);
  assert.deepEqual(client.state, { kind: "connected", session, server: `${world.serving.host}:2181` });
  assert.equal(session.expiresInMs(), T - 9, "counted from before the handshake was sent");
  assert.deepEqual(world.serving.peer.handshake, { lastZxidSeen: 0n, sessionId: 0n, timeoutMs: T });
  await world.end();
});

test("an idle session is kept by a ping every third of its timeout", async () => {
  const world = new World();
  const client = await world.connected();
  const story = storyOf(client);
  await world.clock.run(10 * T);
  const { asked } = world.serving.peer;
  assert.equal(asked.length, 30);
  assert.ok(asked.every(({ opcode }) => opcode === OPCODE.ping));
  assert.deepEqual(story, []);
  await world.end();
});

test("a black hole: unsure after two thirds of the timeout without a word, lost at its deadline", async () => {
  const world = new World();
  const client = await world.connected();
  const { clock } = world;
  const session = client.session!;
  await clock.run(T); // pings were answered, the last of them sent at `pingAt`
  const pingAt = clock.now() - (T - session.expiresInMs());
  const heardAt = pingAt + 2; // one there, one back
  const times: Record<string, number> = {};
  client.onState(({ kind }) => {
    times[kind] ??= clock.now();
  });
  session.signal.addEventListener("abort", () => {
    times["signal"] = clock.now();
  });
  const story = storyOf(client);
  for (const server of world.servers) server.behaviour = "silent";
  await clock.run(2 * T);
  assert.deepEqual(times, {
    unsure: heardAt + (T * 2) / 3,
    signal: pingAt + T,
    lost: pingAt + T,
    connecting: pingAt + T,
  });
  assert.match(story[0]!, /^unsure: .:2181 was silent for 6000 ms$/);
  assert.deepEqual(story.slice(1), ["lost: deadline", "connecting"]);
  assertLost(session.signal.reason, "deadline");
  assert.equal(session.expiresInMs(), 0);
  await world.end();
});

test("the deadline asks no socket: it comes while dialling never ends, and while names are not resolved", async () => {
  for (const hole of ["deaf", "names"] as const) {
    const world = new World();
    const client = await world.connected();
    const session = client.session!;
    const lostAt = world.clock.now() + session.expiresInMs();
    const story = storyOf(client);
    if (hole === "names") world.isNameServiceDeaf = true;
    for (const server of world.servers) {
      server.die();
      if (hole === "deaf") server.behaviour = "deaf";
    }
    let abortedAt = 0;
    session.signal.addEventListener("abort", () => {
      abortedAt = world.clock.now();
    });
    await world.clock.run(2 * T);
    assert.equal(abortedAt, lostAt, hole);
    assert.deepEqual(story.slice(1), ["lost: deadline", "connecting"]);
    await world.end();
  }
});

const NO_LEADER = "a server that is cut off from its leader goes on to answer reads and answers no ping";

test("only what the leader has confirmed moves the deadline: no read, no write and no sync does, a ping does", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const startedAt = world.clock.now();
  const left = session.expiresInMs();
  for (const ask of [
    () => client.exists("/a"),
    () => client.getData("/a"),
    () => client.getChildren("/a"),
    () => client.setData("/a", "x"),
    () => client.sync("/a"),
  ]) {
    await world.clock.run(100);
    const asked = outcomeOf<unknown>(ask());
    await world.clock.run(10);
    assert.equal(asked.isSettled && asked.error === undefined, true);
    assert.equal(session.expiresInMs(), left - (world.clock.now() - startedAt));
  }
  const sentAt = world.clock.now();
  const ping = outcomeOf(client.ping());
  await world.clock.run(10);
  assert.equal(ping.isSettled, true);
  assert.equal(session.expiresInMs(), T - (world.clock.now() - sentAt));
  await world.end();
});

test("a ping leaves every third of the timeout, whatever else is sent", async () => {
  const world = new World();
  const client = await world.connected();
  const story = storyOf(client);
  readAllTheTime(world, client);
  await world.clock.run(10 * T);
  const pings = world.serving.peer.asked.filter(({ opcode }) => opcode === OPCODE.ping);
  assert.equal(pings.length, 30);
  assert.deepEqual(story, []);
  await world.end();
});

test(`${NO_LEADER}: it is left in time, and the session goes on elsewhere`, async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const story = storyOf(client);
  const cutOff = world.serving;
  world.script(({ server }, { opcode }) => server === cutOff && opcode === OPCODE.ping);
  readAllTheTime(world, client);
  await world.clock.run(T);
  assert.deepEqual(story, [
    `unsure: ${cutOff.host}:2181 answered no ping for 6000 ms, as a server does that is cut off from its leader`,
    "connected",
  ]);
  assert.equal(session.signal.aborted, false);
  await world.end();
});

test(`${NO_LEADER}: where there is no other, the session ends at the deadline of its last ping`, async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const lostAt = world.clock.now() + session.expiresInMs();
  for (const server of world.servers) server.isCutOff = true;
  readAllTheTime(world, client);
  let abortedAt = 0;
  session.signal.addEventListener("abort", () => {
    abortedAt = world.clock.now();
  });
  await world.clock.run(2 * T);
  assert.equal(abortedAt, lostAt);
  assertLost(session.signal.reason, "deadline");
  await world.end();
});

test("a server without a quorum serves a session that was begun with one, and cannot prolong it", async () => {
  const world = new World();
  const client = await world.connected({ readOnly: true });
  const session = client.session!;
  const lostAt = world.clock.now() + session.expiresInMs();
  const { serving } = world;
  for (const server of world.servers) server.isReadOnly = true;
  serving.peer.hangUp();
  await world.clock.run(T / 2);
  assert.equal(client.state.kind, "connected");
  assert.equal(session.isReadOnly, true);
  let abortedAt = 0;
  session.signal.addEventListener("abort", () => {
    abortedAt = world.clock.now();
  });
  await world.clock.run(T);
  assert.equal(abortedAt, lostAt);
  assertLost(session.signal.reason, "deadline");
  assert.equal(client.session?.isReadOnly, true, "the next one is begun without a quorum");
  const next = client.session!;
  await world.clock.run(3 * T);
  assert.equal(next.signal.aborted, false, "and lives by the word of the server that opened it");
  await world.end();
});

test("a slow answer proves less: the deadline counts from when its question was sent", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  world.delayMs = 1000;
  const sentAt = world.clock.now();
  const ping = outcomeOf(client.ping());
  await world.clock.run(1999);
  assert.equal(ping.isSettled, false);
  await world.clock.run(1);
  assert.equal(ping.isSettled, true);
  assert.equal(session.expiresInMs(), T - (world.clock.now() - sentAt));
  await world.end();
});

test("a margin for clocks that run apart shortens the deadline", async () => {
  const world = new World();
  const client = await world.connected({ clockRateMargin: 0.5 });
  assert.equal(client.session!.expiresInMs(), T / 2 - 9);
  for (const server of world.servers) server.behaviour = "silent";
  let lostAfter = 0;
  const startedAt = world.clock.now();
  client.session!.signal.addEventListener("abort", () => {
    lostAfter = world.clock.now() - startedAt;
  });
  await world.clock.run(T);
  assert.ok(lostAfter > 0 && lostAfter <= T / 2, `${lostAfter}`);
  await world.end();
});
