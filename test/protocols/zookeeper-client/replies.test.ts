// Replies: out of turn, in pieces, or many at once; and their order among events.

import assert from "node:assert/strict";
import { test } from "node:test";
import { writeString } from "../../../src/protocols/zookeeper/codec/jute.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { assertFailed } from "./support/calls.ts";
import { outcomeOf, World } from "./support/stage.ts";
import { statesOf } from "./support/story.ts";
import type { Peer } from "./support/virtual-servers.ts";

test("a server that answers out of turn, or what cannot be read, is left", async () => {
  const oddities: [string, (peer: Peer, xid: number) => void, RegExp][] = [
    ["another's number", (peer, xid) => peer.reply(xid + 1), /answered request 2 where 1 was due/],
    ["a number of none", (peer) => peer.reply(77), /answered request 77/],
    ["half a stat", (peer, xid) => peer.reply(xid, 0, (writer) => writer.int32(1)), /cannot be read/],
    [
      "a frame without end",
      (peer) => peer.events.onData(new Uint8Array([0x7f, 0xff, 0xff, 0xff])),
      /announced a frame/,
    ],
    ["an event of no type", (peer) => peer.event(99, "/a"), /no known type/],
  ];
  for (const [what, answer, why] of oddities) {
    const world = new World();
    const client = await world.connected();
    const states = statesOf(client);
    let isOdd = true;
    world.script((peer, { opcode, xid }) => {
      if (opcode !== OPCODE.setData || !isOdd) return false;
      isOdd = false;
      answer(peer, xid);
      return true;
    });
    const write = outcomeOf(client.setData("/a", ""));
    await world.clock.run(1000);
    assertFailed(write.error, "connection-lost", "unknown");
    assert.ok(
      world.logged.some((line) => why.test(line)),
      `${what}: ${world.logged.join("; ")}`,
    );
    assert.deepEqual(states, ["unsure", "connected"], what);
    await world.end();
  }
});

test("a server's own doubt is passed on: a write that it cannot answer for is unknown, a read is not", async () => {
  const world = new World();
  const client = await world.connected();
  for (const [code, outcome] of [
    [-1, "unknown"],
    [-7, "unknown"],
    [-127, "not-applied"],
    [-125, "not-applied"],
    [-999, "unknown"],
  ] as const) {
    world.script((peer, { opcode, xid }) => {
      if (opcode === OPCODE.closeSession || opcode === OPCODE.ping) return false;
      peer.reply(xid, code);
      return true;
    });
    const write = outcomeOf(client.setData("/a", ""));
    const reading = outcomeOf(client.getData("/a"));
    await world.clock.run(5);
    assertFailed(write.error, "rejected", outcome);
    assertFailed(reading.error, "rejected", "not-applied");
  }
  await world.end();
});

test("a reply in many pieces, and many replies in one, are one to each caller", async () => {
  const world = new World();
  const client = await world.connected();
  const { peer } = world.serving;
  const onData = peer.events.onData.bind(peer.events);
  peer.events.onData = (chunk) => {
    for (const byte of chunk) onData(new Uint8Array([byte]));
  };
  const data = outcomeOf(client.getData("/a"));
  await world.clock.run(5);
  assert.deepEqual([...data.value!.data!], [1, 2, 3]);
  peer.events.onData = onData;
  peer.isHeld = true;
  const calls = Array.from({ length: 500 }, (_, i) => client.create(`/${i}`));
  await world.clock.run(5);
  peer.release();
  await world.clock.run(5);
  assert.deepEqual(
    await Promise.all(calls),
    calls.map((_, i) => `/${i}`),
  );
  await world.end();
});

test("an event is told after the reply before it was seen, and before the reply behind it is", async () => {
  const world = new World();
  const client = await world.connected();
  const { peer } = world.serving;
  const story: string[] = [];
  peer.isHeld = true;
  world.script((_peer, { opcode }) => opcode === OPCODE.getData);
  const readTwice = async () => {
    await client.exists("/a", { watch: ({ type }) => story.push(`event ${type}`) });
    story.push("first reply");
  };
  const first = readTwice();
  const second = client.create("/b").then(() => story.push("second reply"));
  world.script((from, { opcode, xid, path }) => {
    if (opcode !== OPCODE.create) return false;
    from.event(3, "/a");
    from.reply(xid, 0, (writer) => writeString(writer, path));
    return true;
  });
  await world.clock.run(5);
  peer.release();
  await world.clock.run(5);
  await Promise.all([first, second]);
  assert.deepEqual(story, ["first reply", "event data-changed", "second reply"]);
  await world.end();
});
