// Calls that the client refuses: what is beyond its bounds, and what every server would refuse.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CoordinationError, op, read, ZooKeeperError } from "../../../src/protocols/zookeeper/client/index.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { outcomeOf, World } from "./support/stage.ts";
import { failureOf, refusalOf } from "./support/story.ts";

export const waits: Readonly<Record<string, (world: World) => void>> = {
  "servers are away": (world) => {
    for (const server of world.servers) server.die();
  },
  "servers do not answer": (world) => world.script((_peer, { opcode }) => opcode !== OPCODE.ping),
};
for (const [why, begin] of Object.entries(waits)) {
  test(`while ${why}, no more is held than is allowed: one more is not applied, and has room when others have gone`, async () => {
    const world = new World();
    const client = await world.connected({ backlogRequestsMax: 10, backlogBytesMax: 5000 });
    begin(world);
    await world.clock.run(5);
    const ending = new AbortController();
    const many = Array.from({ length: 10 }, () => outcomeOf(client.create("/a", "x", { signal: ending.signal })));
    const beyond = outcomeOf(client.exists("/a"));
    await world.clock.run(5);
    assert.ok(beyond.error instanceof CoordinationError);
    assert.deepEqual([beyond.error.code, beyond.error.outcome], ["overloaded", "not-applied"]);
    assert.match(
      beyond.error.message,
      /^exists \/a was not sent: 10 requests of \d+ bytes are not answered yet, and no more than 10 requests \(backlogRequestsMax\)/,
    );
    assert.ok(many.every(({ isSettled }) => !isSettled));

    // Those that have not been sent are let go; those that have may be answered yet, and keep their place.
    ending.abort();
    const next = outcomeOf(client.create("/b", "x"));
    await world.clock.run(5);
    assert.equal(next.isSettled, why !== "servers are away");
    for (const { peer } of world.servers.filter(({ peers }) => peers.length > 0)) peer.hangUp();
    await world.clock.run(5);
    assert.equal(outcomeOf(client.create("/c", "x")).isSettled, false);
    await world.end();
  });
}

test("what is held is bounded in bytes, in every request that carries some, and one alone always has room", async () => {
  const world = new World();
  const client = await world.connected({ backlogBytesMax: 5000 });
  world.script((_peer, { opcode }) => opcode !== OPCODE.ping);
  const large = outcomeOf(client.setData("/a", new Uint8Array(9000)));
  const data = new Uint8Array(100);
  const beyond: Promise<unknown>[] = [
    client.create("/a", data),
    client.setData("/a", data),
    client.setAcl("/a", []),
    client.multi([op.create("/a", data)]),
    client.multiRead([read.data("/a")]),
    client.addAuth("digest", "a:b"),
  ];
  for (const one of beyond) {
    const error = await failureOf(one);
    assert.ok(error instanceof CoordinationError && error.code === "overloaded", String(error));
    assert.match(error.message, /no more than 5000 bytes \(backlogBytesMax\)/);
  }
  await world.clock.run(5);
  assert.equal(large.isSettled, false);
  await world.end();
});

test("whatever became of a request, its room is given back: a thousand of every kind in turn, through room for two", async () => {
  const world = new World();
  const client = await world.connected({ backlogRequestsMax: 2, requestBytesMax: 2000 });
  let replies = 0;
  world.script((peer, { opcode, xid }) => {
    if (opcode !== OPCODE.setData) return false;
    replies += 1;
    if (replies % 50 === 0) peer.hangUp();
    else if (replies % 3 === 0) peer.reply(xid, -101);
    else peer.reply(xid, 0, (writer) => writer.bytes.fill(0, writer.reserve(68), 68));
    return true;
  });
  for (let i = 0; i < 500; i++) {
    const asked = [
      outcomeOf(client.setData("/a", i % 7 === 0 ? new Uint8Array(5000) : "x")),
      outcomeOf(client.exists("/a", { timeoutMs: 500 })),
    ];
    await world.clock.run(i % 50 === 0 ? 2000 : 5);
    for (const { isSettled, error } of asked) {
      assert.ok(isSettled, `round ${i}`);
      assert.notEqual((error as CoordinationError | undefined)?.code, "overloaded", `round ${i}`);
    }
  }
  await world.end();
});

test("a request longer than servers take is refused here, and the next goes on", async () => {
  const world = new World();
  const client = await world.connected({ requestBytesMax: 1000 });
  const long = outcomeOf(client.setData("/a", "x".repeat(1000)));
  const next = outcomeOf(client.create("/b"));
  await world.clock.run(10);
  assert.ok(long.error instanceof ZooKeeperError);
  assert.equal(long.error.reason, "bad-arguments");
  assert.match(long.error.message, /1022 bytes long, 1000 are allowed \(requestBytesMax\)/);
  assert.equal(next.value, "/b");
  await world.end();
});

test("what no server would take is refused before it is sent", async () => {
  const world = new World();
  const client = await world.connected();
  const paths = ["", "a", "/a/", "/a//b", "/a/./b", "/a/..", "/a\0b", "/\u{1F600}", "/\ud800"];
  for (const path of paths) {
    for (const call of [client.create(path), client.getData(path), client.delete(path), client.addWatch(path)]) {
      assert.equal(await refusalOf(call), "bad-arguments", JSON.stringify(path));
    }
  }
  assert.equal(await refusalOf(client.multi([op.create("/a"), op.delete("b")])), "bad-arguments");
  const wrong = (value: unknown) => value as never; // as programs without types do
  const calls = [
    client.create(wrong(undefined)),
    client.create("/a", wrong(7)),
    client.create("/a", "", { mode: wrong("eternal") }),
    client.create("/a", "", wrong({ mode: "persistent-with-ttl" })),
    client.create("/a", "", wrong({ mode: "ephemeral", ttlMs: 10 })),
    client.create("/a", "", { mode: "persistent-with-ttl", ttlMs: 0 }),
    client.create("/a", "", { mode: "persistent-with-ttl", ttlMs: 2 ** 40 }),
    client.setData("/a", wrong({ object: true })),
    client.setData("/a", "", { version: 1.5 }),
    client.delete("/a", { version: 2 ** 31 }),
    client.getEphemerals("a"),
  ];
  for (const call of calls) assert.equal(await refusalOf(call), "bad-arguments");
  await world.clock.run(10);
  assert.deepEqual(world.serving.peer.opcodes, []);
  await world.end();
});
