// How sessions begin, move, are kept alive and end; what a member without a quorum does with clients.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "../../../src/base/bytes.ts";
import { writeConnectRequest } from "../../../src/protocols/zookeeper/codec/records.ts";
import { HANDSHAKE_DEADLINE_MS } from "../../../src/protocols/zookeeper/limits.ts";
import { encodeAttachLease } from "../../../src/state/leases/commands.ts";
import { Leases } from "../../../src/state/leases/leases.ts";
import { TreeModel } from "../../../src/state/tree/model.ts";
import * as ask from "./support/requests.ts";
import type { TestClient } from "./support/test-client.ts";
import { World } from "./support/world.ts";

const zeros = new Uint8Array(16);
const passwordOf = ({ password }: TestClient): string => String.fromCharCode(...password);

test("a timeout is clamped to what the member allows", () => {
  const world = new World();
  assert.equal(world.dial().connect({ timeoutMs: 10 })?.timeoutMs, 4000);
  assert.equal(world.dial().connect({ timeoutMs: 10_000 })?.timeoutMs, 10_000);
  assert.equal(world.dial().connect({ timeoutMs: 2 ** 31 - 1 })?.timeoutMs, 40_000);
  assert.equal(world.dial().connect({ timeoutMs: -5 })?.timeoutMs, 4000);
});

test("a client that has seen more than this member is sent away without a word", () => {
  const world = new World();
  const client = world.dial();
  assert.equal(client.connect({ lastZxidSeen: 1 }), null);
  assert.equal(client.port.isDestroyed, true);
  world.client();
  assert.notEqual(world.dial().connect({ lastZxidSeen: 1 }), null);
});

test("a session is attached again with its password; the old connection ends without a word", () => {
  const world = new World();
  const old = world.client();
  old.call(...ask.create("/e", { flags: 1 }));
  const client = world.dial();
  const reply = client.connect({ sessionId: old.sessionId, password: old.password, timeoutMs: 6000 });
  assert.deepEqual([reply?.sessionId, reply?.timeoutMs], [old.sessionId, 6000]);
  assert.deepEqual(reply?.password, old.password);
  assert.equal(old.port.isDestroyed, true);
  assert.equal(client.call(...ask.getEphemerals("/")).error, 0);
  assert.notEqual(world.member.machine.model(TreeModel).tree.node("/e"), undefined);
});

test("a wrong password, a short one, none, and an unknown session get zeros, then a closed connection", () => {
  const world = new World();
  const owner = world.client();
  const wrong: [number, Uint8Array | null][] = [
    [owner.sessionId, zeros],
    [owner.sessionId, new Uint8Array(3)],
    [owner.sessionId, null],
    [owner.sessionId + 1, owner.password],
    [2 ** 60, owner.password],
    [-1, owner.password],
  ];
  for (const [sessionId, password] of wrong) {
    const client = world.dial();
    const reply = client.connect({ sessionId, password });
    assert.deepEqual([reply?.sessionId, reply?.timeoutMs], [0, 0]);
    assert.deepEqual(reply?.password, zeros);
    assert.equal(client.port.isEnded, true);
  }
  assert.equal(owner.isClosed, false, "nobody else's attempt harms its owner");
});

test("a session that moves to another member ends here at once; a request that comes too late is not answered", () => {
  const world = new World();
  const client = world.client();
  world.member.isHeld = true;
  client.send(...ask.create("/late"));
  world.member.agreeFrom(2, 1, (w) => encodeAttachLease(w, client.sessionId, passwordOf(client), 5000));
  world.clock.turn();
  assert.equal(client.port.isDestroyed, true);
  world.member.agree();
  assert.deepEqual(client.takeStory(), []);
  assert.equal(world.member.machine.model(TreeModel).tree.node("/late"), undefined);
  assert.equal(world.service.outstanding, 0);
});

test("an expired session's connection ends, and coming back gets zeros", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.create("/e", { flags: 1 }));
  world.member.expire(client.sessionId);
  world.clock.turn();
  assert.equal(client.port.isEnded, true);
  assert.equal(world.dial().connect({ sessionId: client.sessionId, password: client.password })?.sessionId, 0);
});

test("requests that follow a handshake in the same breath are answered after it", () => {
  const world = new World();
  const client = world.dial();
  const writer = new ByteWriter();
  writeConnectRequest(writer, {
    protocolVersion: 0,
    lastZxidSeen: 0,
    timeoutMs: 5000,
    sessionId: 0,
    password: zeros,
    readOnly: false,
  });
  client.write(writer.copy());
  client.send(...ask.create("/a"));
  client.send(...ask.exists("/a"));
  assert.notEqual(client.takeFrame(), null);
  assert.deepEqual(client.takeStory(), ["reply 1", "reply 2"]);
});

test("a client that goes while its session is being opened harms nobody", () => {
  const world = new World();
  const client = world.dial();
  world.member.isHeld = true;
  client.connect();
  client.connection.onClosed();
  world.member.agree();
  world.clock.turn();
  assert.equal(world.service.connectionCount, 0);
});

test("any traffic renews the session, at most once a tick", () => {
  const world = new World();
  const client = world.client();
  for (let i = 0; i < 5; i++) client.call(...ask.exists("/a"));
  assert.deepEqual(world.member.renewed, [client.sessionId]);
  world.clock.advance(500);
  client.call(...ask.exists("/a"));
  assert.deepEqual(world.member.renewed, [client.sessionId, client.sessionId]);
});

test("a connection that says nothing loses its place: before a handshake soon, after it by its own timeout", () => {
  const world = new World();
  const silent = world.dial();
  const half = world.dial();
  half.write(new Uint8Array([0, 0, 0, 45, 0]));
  const client = world.client();
  world.clock.advance(9000);
  client.call(...ask.ping);
  assert.equal(silent.isClosed, false);
  world.clock.advance(HANDSHAKE_DEADLINE_MS - 9000 + 1000);
  assert.deepEqual([silent.isClosed, half.isClosed, client.isClosed], [true, true, false]);
  world.clock.advance(9000);
  assert.equal(client.isClosed, true);
});

test("a short change of leaders drops nobody: writes wait, reads go on, handshakes wait", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.create("/a"));
  world.member.become({ hasQuorum: false, state: "no-quorum" });
  client.send(...ask.getData("/a"));
  assert.deepEqual(client.takeStory(), ["reply 2"]);
  client.send(...ask.setData("/a"));
  const newcomer = world.dial();
  assert.equal(newcomer.connect(), null);
  world.clock.advance(3000);
  assert.deepEqual([client.isClosed, newcomer.isClosed], [false, false]);
  world.member.become({ hasQuorum: true, state: "open" });
  assert.deepEqual(client.takeStory(), ["reply 3"]);
  assert.notEqual(newcomer.takeFrame(), null);
});

test("without a quorum a handshake waits for a third of the timeout it asks for, then its client may try elsewhere", () => {
  for (const timeoutMs of [3000, 4000, 6000]) {
    const world = new World();
    world.member.become({ hasQuorum: false, state: "no-quorum" });
    const newcomer = world.dial();
    assert.equal(newcomer.connect({ timeoutMs }), null);
    world.clock.advance(timeoutMs / 3 - 1);
    assert.equal(newcomer.isClosed, false);
    world.clock.advance(1);
    assert.equal(newcomer.isClosed, true);
    assert(world.log.some((line) => /connection closed: there is no quorum/.test(line)));
  }
});

test("so does one whose session was being opened when the quorum was lost, from when it came", () => {
  const world = new World();
  world.member.isHeld = true;
  const newcomer = world.dial();
  assert.equal(newcomer.connect({ timeoutMs: 6000 }), null);
  world.clock.advance(1500);
  world.member.become({ hasQuorum: false, state: "no-quorum" });
  world.clock.advance(499);
  assert.equal(newcomer.isClosed, false);
  world.clock.advance(1);
  assert.equal(newcomer.isClosed, true);
  world.member.agree(); // what was proposed is agreed on in the end, and harms nobody
  world.clock.turn();
});

test("a handshake that waits is answered when the quorum is there in time, and its time is then forgotten", () => {
  const world = new World();
  world.member.become({ hasQuorum: false, state: "no-quorum" });
  const newcomer = world.dial();
  assert.equal(newcomer.connect({ timeoutMs: 6000 }), null);
  world.clock.advance(1900);
  world.member.become({ hasQuorum: true, state: "open" });
  assert.notEqual(newcomer.takeFrame(), null);
  world.member.become({ hasQuorum: false, state: "no-quorum" });
  world.clock.advance(1000);
  assert.equal(newcomer.isClosed, false);
});

test("a quorum that stays away sends clients elsewhere, until it is back", () => {
  const world = new World();
  const client = world.client();
  world.member.become({ hasQuorum: false, state: "no-quorum" });
  world.clock.advance(5000);
  assert.equal(client.isClosed, true);
  const refused = world.dial();
  assert.equal(refused.connect(), null);
  assert.equal(refused.isClosed, true);
  world.member.become({ hasQuorum: true, state: "open" });
  assert.notEqual(world.dial().connect({ sessionId: client.sessionId, password: client.password })?.sessionId, 0);
  assert.deepEqual(world.events, [
    "no quorum: clients are turned away",
    "there is a quorum again: all clients are served",
  ]);
});

test("a leader that comes and goes quickly is no quorum that stays away", () => {
  const world = new World();
  const client = world.client();
  for (let i = 0; i < 10; i++) {
    world.member.become({ hasQuorum: false, state: "no-quorum" });
    world.clock.advance(1000);
    world.member.become({ hasQuorum: true, state: "open" });
    client.call(...ask.ping);
  }
  assert.equal(client.isClosed, false);
  assert.deepEqual(world.events, [], "operators are told of what clients notice");
});

test("read-only mode serves who asked for it: reads and watches, no writes, no sync", () => {
  const world = new World({ readOnlyMode: true });
  const before = world.client();
  before.call(...ask.create("/a"));
  world.member.become({ hasQuorum: false, state: "no-quorum" });
  world.clock.advance(5000);
  assert.equal(before.isClosed, true);
  assert.equal(world.dial().connect({ readOnly: false }), null);
  assert.equal(world.dial().connect({ readOnly: null }), null);

  const client = world.dial();
  const reply = client.connect({ readOnly: true });
  assert.equal(reply?.readOnly, true);
  assert.notEqual(reply?.sessionId, 0);
  assert.equal(world.service.localSessions, 1);
  assert.equal(client.call(...ask.getData("/a", true)).error, 0);
  for (const request of [
    ask.create("/b"),
    ask.setData("/a"),
    ask.remove("/a"),
    ask.multi(),
    ask.sync("/a"),
    ask.reconfig({}),
  ]) {
    assert.equal(client.call(...request).error, -119);
  }
  const known = world.dial();
  assert.equal(
    known.connect({ readOnly: true, sessionId: before.sessionId, password: before.password })?.sessionId,
    before.sessionId,
  );
  assert.equal(known.call(...ask.closeSession).error, -119, "the cluster's session cannot be closed by one member");
  const stranger = world.dial();
  assert.equal(stranger.connect({ readOnly: true, sessionId: before.sessionId, password: zeros })?.sessionId, 0);
  const leaving = world.dial();
  leaving.connect({ readOnly: true });
  assert.equal(leaving.call(...ask.closeSession).error, 0);
  assert.equal(leaving.isClosed, true);

  world.member.become({ hasQuorum: true, state: "open" });
  world.clock.turn();
  assert.equal(client.isClosed, true, "who reads only comes back to write");
  assert.equal(world.dial().connect({ readOnly: true })?.readOnly, false);
});

test("when the whole state was replaced, clients come back and have their watches compared", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.exists("/a", true));
  world.service.onRestored();
  world.clock.turn();
  assert.equal(client.port.isEnded, true);
  const again = world.dial();
  again.connect({ sessionId: client.sessionId, password: client.password });
  world.client().call(...ask.create("/a"));
  again.send(...ask.setWatches({ relativeZxid: 1, exist: ["/a"] }));
  assert.deepEqual(again.takeStory(), ["event 1 /a", "reply -8"]);
});

test("a four-letter word before a handshake is answered by whoever knows it, then the connection ends", () => {
  const answers: ((text: string) => void)[] = [];
  const world = new World({
    fourLetterWord: (word, reply) => {
      if (word === "late") answers.push(reply);
      if (word === "ruok") reply("imok");
      return word === "ruok" || word === "late";
    },
  });
  const client = world.dial();
  client.write(ask.text("ru"));
  client.write(ask.text("ok\n"));
  assert.equal(Buffer.from(client.takeBytes()).toString(), "imok");
  assert.equal(client.port.isEnded, true);
  const unknown = world.dial();
  unknown.write(ask.text("what"));
  assert.equal(unknown.port.isDestroyed, true);
  const late = world.dial();
  late.write(ask.text("late"));
  assert.equal(late.isClosed, false);
  answers[0]!("now");
  assert.equal(Buffer.from(late.takeBytes()).toString(), "now");
});

test("stmk is answered once the eight bytes behind it are there, however they come, and is given them", () => {
  const masks: string[] = [];
  const world = new World({
    fourLetterWord: (word, reply, _connection, argument) => {
      masks.push(`${word} ${Buffer.from(argument).toString("hex")}`);
      reply("done");
      return true;
    },
  });
  const client = world.dial();
  client.write(ask.text("st"));
  client.write(ask.text("mk\x00\x00\x00\x00"));
  client.write(ask.text("\x00\x00\x01"));
  assert.deepEqual(masks, []);
  client.write(ask.text("\x32"));
  assert.equal(Buffer.from(client.takeBytes()).toString(), "done");
  world.dial().write(ask.text("ruok"));
  assert.deepEqual(masks, ["stmk 0000000000000132", "ruok "]);
});

test("words are answered without a quorum too, and a word after a handshake is no word", () => {
  const world = new World({
    fourLetterWord: (_word, reply) => {
      reply("yes");
      return true;
    },
  });
  const client = world.client();
  client.write(ask.text("ruok"));
  assert.equal(client.port.isDestroyed, true);
  world.member.become({ hasQuorum: false, state: "no-quorum" });
  world.clock.advance(5000);
  const asker = world.dial();
  asker.write(ask.text("ruok"));
  assert.equal(Buffer.from(asker.takeBytes()).toString(), "yes");
});

test("a member that stops lets its clients go; their sessions live on", () => {
  const world = new World();
  const client = world.client();
  world.member.become({ state: "stopping" });
  world.clock.turn();
  assert.equal(client.port.isEnded, true);
  assert.notEqual(world.member.machine.model(Leases).get(client.sessionId), undefined);
});
