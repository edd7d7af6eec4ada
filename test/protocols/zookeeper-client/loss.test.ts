// When a session is lost, and when it is not; and that a loss is told once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CoordinationError } from "../../../src/protocols/zookeeper/client/index.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { assertLost, T } from "./support/loss.ts";
import { outcomeOf, storyOf, World } from "./support/stage.ts";
import { failureOf } from "./support/story.ts";

test("a server that dies costs the connection: the session goes on at another, that one last", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const story = storyOf(client);
  outcomeOf(client.create("/a"));
  const dead = world.serving;
  await world.clock.run(2000);
  const zxid = world.zxid;
  const { dials } = dead;
  dead.die();
  await world.clock.run(20);
  assert.equal(client.session, session);
  assert.deepEqual(story, [`unsure: ${dead.host}:2181 was cut off: read ECONNRESET`, "connected"]);
  assert.deepEqual(world.serving.peer.handshake, { lastZxidSeen: zxid, sessionId: session.id, timeoutMs: T });
  assert.equal(dead.dials, dials, "it was not asked again");
  assert.equal(session.signal.aborted, false);
  await world.end();
});

test("a session that expired while it was away is lost, once, with what waited for it", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const seen = outcomeOf(client.exists("/a"));
  await world.clock.run(5);
  assert.ok(seen.isSettled);
  const story = storyOf(client);
  let aborts = 0;
  session.signal.addEventListener("abort", () => aborts++);
  for (const server of world.servers) server.die();
  await world.clock.run(5);
  const waiting = outcomeOf(client.create("/ephemeral", "", { mode: "ephemeral" }));
  const reading = outcomeOf(client.getData("/a"));
  world.sessions.clear();
  for (const server of world.servers) server.behaviour = "serve";
  await world.clock.run(1000);
  assert.deepEqual(story.slice(1), ["lost: expired", "connecting", "connected"]);
  assert.equal(aborts, 1);
  assertLost(session.signal.reason, "expired");
  for (const { error } of [waiting, reading]) {
    assert.ok(error instanceof CoordinationError);
    assert.deepEqual([error.code, error.outcome], ["session-expired", "not-applied"]);
    assert.equal(error.cause, session.signal.reason);
  }
  assert.notEqual(client.session!.id, session.id);
  assert.deepEqual(world.serving.peer.handshake?.lastZxidSeen, 0n, "a new session has seen nothing");
  assert.ok(
    !world.peers.some(({ opcodes }) => opcodes.includes(OPCODE.create)),
    "nothing of the old one is sent in it",
  );
  await world.end();
});

test("told to stop, the client opens no other session, and every call says why", async () => {
  const world = new World();
  const client = await world.connected({ onLoss: "stop" });
  const story = storyOf(client);
  world.sessions.clear();
  for (const { peer } of world.servers.filter(({ peers }) => peers.length > 0)) peer.hangUp();
  await world.clock.run(1000);
  assert.deepEqual(story.slice(1), ["lost: expired"]);
  assert.equal(client.session, null);
  const error = await failureOf(client.exists("/a"));
  assert.ok(error instanceof CoordinationError && error.code === "session-expired" && error.outcome === "not-applied");
  const waiting = await failureOf(client.connected());
  assert.ok(waiting instanceof CoordinationError && waiting.code === "session-expired");
  const dials = world.servers.reduce((sum, server) => sum + server.dials, 0);
  assert.equal(world.links + world.clock.pending, 0, "it holds nothing any more");
  await world.clock.run(60_000);
  assert.equal(
    world.servers.reduce((sum, server) => sum + server.dials, 0),
    dials,
  );
  await client.close();
  assert.equal(client.state.kind, "closed");
});

test("a server that opens another session instead of re-attaching has lost ours", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const story = storyOf(client);
  const dead = world.serving;
  dead.die();
  for (const server of world.servers) {
    server.onHandshake = (peer) => {
      peer.handshake = { ...peer.handshake!, sessionId: 0n };
      Object.getPrototypeOf(server).onHandshake.call(server, peer, new Uint8Array(16));
    };
  }
  await world.clock.run(1000);
  assert.deepEqual(story.slice(1), ["lost: expired", "connecting", "connected"]);
  assertLost(session.signal.reason, "expired");
  assert.match(session.signal.reason.message, /opened another instead/);
  await world.end();
});

test("a session moved elsewhere: the answer costs the connection, not the session", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const story = storyOf(client);
  let isMoved = true;
  world.script((peer, { opcode, xid }) => {
    if (opcode !== OPCODE.setData || !isMoved) return false;
    isMoved = false;
    peer.reply(xid, -118);
    return true;
  });
  const write = outcomeOf(client.setData("/a", "x"));
  await world.clock.run(1000);
  assert.ok(write.error instanceof CoordinationError && write.error.outcome === "not-applied");
  assert.equal(client.session, session);
  assert.deepEqual(story.slice(1), ["connected"]);
  await world.end();
});

test("an answer that says the session is expired is its loss", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const story = storyOf(client);
  world.script((peer, { opcode, xid }) => {
    if (opcode !== OPCODE.setData) return false;
    peer.reply(xid, -112);
    return true;
  });
  const write = outcomeOf(client.setData("/a", "x"));
  const behind = outcomeOf(client.setData("/b", "x"));
  await world.clock.run(1000);
  assert.ok(write.error instanceof CoordinationError && write.error.outcome === "not-applied");
  assert.ok(behind.error instanceof CoordinationError && behind.error.outcome === "unknown");
  assertLost(session.signal.reason, "expired");
  assert.deepEqual(story, ["lost: expired", "connecting", "connected"]);
  await world.end();
});
