// Bytes that no client should send: each ends in ZooKeeper's error or a closed connection and a line in the log; the
// other clients notice nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader, ByteWriter } from "../../../src/base/bytes.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { writeConnectRequest } from "../../../src/protocols/zookeeper/codec/records.ts";
import { DROPPED_LINES_PER_TICK_MAX } from "../../../src/protocols/zookeeper/limits.ts";
import { OPERATIONS } from "../../../src/protocols/zookeeper/operations/index.ts";
import { TreeModel } from "../../../src/state/tree/model.ts";
import * as ask from "./support/requests.ts";
import { frameOf } from "./support/test-client.ts";
import { World } from "./support/world.ts";

const int32 = (value: number): Uint8Array => new Uint8Array([value >> 24, value >> 16, value >> 8, value]);

for (const [name, length] of [
  ["0", 0],
  ["-1", -1],
  ["2^31 - 1", 2 ** 31 - 1],
  ["-2^31", -(2 ** 31)],
  ["one over jute.maxbuffer", 0x100000],
] as const) {
  test(`a frame of length ${name} ends the connection and leaves a line in the log`, () => {
    const world = new World();
    const other = world.client();
    const greeted = world.client();
    const fresh = world.dial();
    for (const client of [greeted, fresh]) {
      client.write(int32(length));
      assert.equal(client.port.isDestroyed, true);
      assert.deepEqual(client.takeStory(), []);
    }
    assert.equal(world.log.filter((line) => line.includes(`${length} bytes`)).length, 2);
    assert.equal(other.call(...ask.ping).error, 0);
  });
}

test("a frame of exactly jute.maxbuffer is taken", () => {
  const world = new World();
  const client = world.client();
  const overhead =
    frameOf(1, ...(ask.setData("/a", new Uint8Array(0)) as [number, (w: ByteWriter) => void])).length - 4;
  client.call(...ask.create("/a"));
  assert.equal(client.call(...ask.setData("/a", new Uint8Array(0xfffff - overhead))).error, 0);
  client.send(...ask.setData("/a", new Uint8Array(0xfffff - overhead + 1)));
  assert.equal(client.port.isDestroyed, true);
});

test("a whole session dribbled a byte at a time is served as ever", () => {
  const world = new World();
  const client = world.dial();
  const writer = new ByteWriter();
  const password = new Uint8Array(16);
  writeConnectRequest(writer, {
    protocolVersion: 0,
    lastZxidSeen: 0,
    timeoutMs: 5000,
    sessionId: 0,
    password,
    readOnly: true,
  });
  const [createOpcode, encodeCreate] = ask.create("/a");
  writer.raw(frameOf(1, createOpcode, encodeCreate));
  writer.raw(frameOf(2, OPCODE.closeSession));
  for (const byte of writer.copy()) {
    client.write(new Uint8Array([byte]));
    world.clock.turn();
  }
  assert.notEqual(client.takeFrame(), null);
  assert.deepEqual(client.takeStory(), ["reply 1", "reply 2"]);
});

test("a first frame that is no handshake ends the connection", () => {
  for (const length of [1, 8, 27]) {
    const world = new World();
    const client = world.dial();
    client.write(Buffer.concat([int32(length), new Uint8Array(length)]));
    world.clock.turn();
    assert.equal(client.port.isDestroyed, true);
  }
});

test("a TLS hello, an HTTP request and a peer's frame on the plain port end the connection", () => {
  for (const bytes of ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET / HTTP/1.1\r\n\r\n", "\x7f\x7f\x7f\x7f"]) {
    const world = new World();
    const client = world.dial();
    client.write(ask.text(bytes));
    assert.equal(client.port.isDestroyed, true);
  }
});

test("a request without a whole header ends the connection", () => {
  for (const length of [1, 4, 7]) {
    const world = new World();
    const client = world.client();
    client.write(Buffer.concat([int32(length), new Uint8Array(length)]));
    assert.equal(client.port.isDestroyed, true);
  }
});

test("every operation cut off at every byte is an error or a closed connection, and never more than that", () => {
  const world = new World();
  const witness = world.client();
  witness.call(...ask.create("/a"));
  const samples: ask.Request[] = [
    ask.create("/x"),
    ask.createTtl("/x", 5, 1),
    ask.remove("/x"),
    ask.setData("/a"),
    ask.setAcl("/a", [{ perms: 1, scheme: "digest", id: "a:b" }]),
    ask.getData("/a", true),
    ask.getAcl("/a"),
    ask.multi(ask.inMulti.create("/y"), ask.inMulti.check("/a")),
    ask.multiRead(ask.inMulti.getData("/a")),
    ask.setWatches2({ data: ["/a"], exist: ["/b"], persistent: ["/c"] }),
    ask.addWatch("/a", 0),
    ask.reconfig({ joining: "x", leaving: "y" }),
  ];
  for (const [opcode, encode] of samples) {
    const body = new ByteWriter();
    encode(body);
    for (let length = 0; length < body.length; length++) {
      const client = world.client();
      client.send(opcode, (w) => w.raw(body.bytes, 0, length));
      world.clock.turn();
      assert.deepEqual(client.takeStory(), ["reply 1 error -5"], `opcode ${opcode} cut at ${length}`);
    }
  }
  assert.equal(witness.call(...ask.getChildren("/")).error, 0);
  assert.equal(world.member.machine.model(TreeModel).tree.node("/x"), undefined);
});

test("lengths that lie, in strings, buffers and vectors, are malformed, and cost nothing", () => {
  const world = new World();
  for (const lie of [2 ** 31 - 1, 0xfffff, 100]) {
    const liars = [
      { opcode: OPCODE.getData, before: [] },
      { opcode: OPCODE.create, before: [0, 0, 0, 2, 0x2f, 0x61] },
      { opcode: OPCODE.create, before: [0, 0, 0, 2, 0x2f, 0x61, 0, 0, 0, 0] },
      { opcode: OPCODE.setWatches, before: [0, 0, 0, 0, 0, 0, 0, 0] },
    ];
    for (const { opcode, before } of liars) {
      const body = Uint8Array.from([...before, ...int32(lie)]);
      assert.equal(world.client().call(opcode, (w) => w.raw(body)).error, -5);
    }
  }
});

test("random bytes behind every opcode never harm the member", () => {
  const world = new World({ policy: { extendedTypes: true } });
  const random = seededRandom(11);
  const witness = world.client();
  witness.call(...ask.create("/a"));
  for (let round = 0; round < 3000; round++) {
    const client = world.client();
    const { opcode } = OPERATIONS[random.below(OPERATIONS.length)]!;
    const bytes = new Uint8Array(random.below(64)).map(() =>
      random.chance(0.6) ? random.below(4) : random.below(256),
    );
    client.send(opcode, (w) => w.raw(bytes));
    world.clock.turn();
    client.takeBytes();
    client.connection.onClosed();
  }
  assert.equal(witness.call(...ask.getData("/a")).error, 0);
  assert.equal(world.service.outstanding, 0);
  assert.equal(world.service.connectionCount, 1);
});

test("paths that are none are turned down as ZooKeeper does", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.create("/a"));
  const bad = [
    "",
    "a",
    "/a/",
    "/a/.",
    "/a/..",
    "/a/\0",
    "/a/\x01",
    "/a/\x7f",
    "/a/\xff",
    "/a/\xc2\x85",
    "/a/\xf0\x9f\x98\x80",
    "/a/\xed\xa0\x80",
    "/a/\xc0\xaf",
  ];
  for (const path of bad) assert.equal(client.call(...ask.create(path)).error, -8, JSON.stringify(path));
  for (const path of ["/a//b", "/b/../c", "/a/./b"]) assert.equal(client.call(...ask.create(path)).error, -101, path);
  for (const path of ["a", "", "/a/", "//"])
    assert.equal(client.call(...ask.setData(path)).error, -8, JSON.stringify(path));
  assert.equal(client.call(...ask.exists("/a\0", true)).error, -8);
  for (const path of ["x", "/a/", "/a//"]) assert.equal(client.call(...ask.getData(path)).error, -101);
  for (const path of ["/a/...", "/a/.x", "/a/x.", "/a/\xc3\xb1", "/a/ "])
    assert.equal(client.call(...ask.create(path)).error, 0, JSON.stringify(path));
});

test("a path ten thousand deep is created, watched, counted and deleted", () => {
  const world = new World();
  const client = world.client();
  const watcher = world.client();
  let path = "";
  for (let depth = 0; depth < 10_000; depth++) {
    path += "/d";
    client.send(...ask.create(path));
    if (depth % 500 === 0) client.takeBytes();
  }
  client.takeBytes();
  watcher.call(...ask.addWatch("/d", 1));
  assert.equal(new ByteReader(client.call(...ask.getAllChildrenNumber("/d")).body.view(4)).int32(), 9999);
  assert.equal(client.call(...ask.remove(path)).error, 0);
  assert.deepEqual(watcher.takeStory(), [`event 2 ${path}`]);
});

test("a multi of a hundred thousand operations is carried out whole", () => {
  const world = new World({ frameBytesMax: 8 << 20 });
  const client = world.client();
  client.call(...ask.create("/a"));
  const checks = Array.from({ length: 100_000 }, () => ask.inMulti.check("/a"));
  const reply = client.call(...ask.multi(...checks));
  assert.equal(reply.error, 0);
  assert.equal(reply.body.remaining, 100_001 * 9);
  const failing = client.call(...ask.multi(...checks, ask.inMulti.check("/b")));
  assert.equal(failing.body.remaining, 100_001 * 13 + 9);
});

test("a thousand strangers at once leave a line each for the first, and then their number", () => {
  const world = new World();
  for (let i = 0; i < 1000; i++) world.dial().write(int32(-1));
  assert.equal(world.log.filter((line) => line.includes("connection closed")).length, DROPPED_LINES_PER_TICK_MAX);
  world.clock.advance(1000);
  const untold = 1000 - DROPPED_LINES_PER_TICK_MAX;
  assert.equal(world.log.at(-1), `${untold} more connections closed, for reasons like those above`);
  world.dial().write(int32(-1));
  assert.match(world.log.at(-1) ?? "", /connection closed/);
});
