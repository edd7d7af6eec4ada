// What a call can come to, and what its error says of the operation: applied, not applied, or unknown.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { CoordinationError, op, read, ZooKeeperError } from "../../../src/protocols/zookeeper/client/index.ts";
import { writeString } from "../../../src/protocols/zookeeper/codec/jute.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { outcomeOf, type Peer, World } from "./support/stage.ts";
import { failureOf, refusalOf, statesOf } from "./support/story.ts";

process.on("unhandledRejection", (error) => {
  throw error; // no test of the client may leave one
});

function assertFailed(
  error: Error | undefined,
  code: CoordinationError["code"],
  outcome: CoordinationError["outcome"],
) {
  assert.ok(error instanceof CoordinationError, String(error));
  assert.deepEqual([error.code, error.outcome], [code, outcome], error.message);
}

/** Servers that hear everything and answer nothing but pings. */
function mute(world: World): void {
  world.script((_peer, { opcode }) => opcode !== OPCODE.ping && opcode !== OPCODE.closeSession);
}

function creates(world: World): number {
  return world.peers.reduce((sum, { asked }) => sum + asked.filter(({ opcode }) => opcode === OPCODE.create).length, 0);
}

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

const waits: Readonly<Record<string, (world: World) => void>> = {
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
