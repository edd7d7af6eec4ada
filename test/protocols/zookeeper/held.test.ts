// What a member holds for its clients is bounded: replies, requests that wait, watches. Whoever asks for more is told so,
// waits on its own socket, or is let go with a line in the log. The others are served.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BOUNDS,
  type Bounds,
  FRAME_BYTES_MAX,
  MULTI_READ_FRAMES_MAX,
} from "../../../src/protocols/zookeeper/limits.ts";
import { CAPACITY, type CapacityBounds, ClientCapacity } from "../../../src/transport/client-capacity.ts";
import { VirtualClock } from "./support/fake-member.ts";
import * as ask from "./support/requests.ts";
import { frameOf, type TestClient } from "./support/test-client.ts";
import { World } from "./support/world.ts";

const marshallingError = -5;

function worldWith(bounds: Partial<Bounds>): World {
  return new World({ bounds: { ...BOUNDS, ...bounds } });
}

/** The same, with less for all clients of the member together. */
function memberWith(capacity: Partial<CapacityBounds>, bounds: Partial<Bounds> = {}): World {
  const clock = new VirtualClock();
  return new World(
    { bounds: { ...BOUNDS, ...bounds }, capacity: new ClientCapacity(clock, { ...CAPACITY, ...capacity }) },
    clock,
  );
}

function write(client: TestClient, requests: readonly ask.Request[]): void {
  client.write(Buffer.concat(requests.map(([opcode, encode], i) => frameOf(100 + i, opcode, encode))));
}

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

function assertLogged(world: World, pattern: RegExp): void {
  assert.ok(
    world.log.some((line) => pattern.test(line)),
    `no line like ${pattern}:\n${world.log.join("\n")}`,
  );
}

// ---------------------------------------------------------------------------------------------------------- one reply

test("a multiRead is answered with what fits; the reads beyond that are errors, and can be asked for again", () => {
  const world = new World();
  const client = world.client();
  const bytes = 900_000;
  client.call(...ask.create("/big", { data: new Uint8Array(bytes) }));
  client.call(...ask.create("/small"));
  const { error, body } = client.call(
    ...ask.multiRead(...times(300, () => ask.inMulti.getData("/big")), ask.inMulti.getData("/small")),
  );
  assert.equal(error, 0);
  assert(body.remaining <= MULTI_READ_FRAMES_MAX * FRAME_BYTES_MAX + 301 * 20, `${body.remaining} bytes`);
  const results = times(301, () => {
    const type = body.int32();
    body.skip(1);
    const code = body.int32();
    if (type === -1) assert.equal(body.int32(), marshallingError);
    else body.skip(4 + bytes + 68);
    return code;
  });
  const fits = Math.floor((MULTI_READ_FRAMES_MAX * FRAME_BYTES_MAX) / bytes);
  assert.deepEqual(results, [...times(fits, () => 0), ...times(301 - fits, () => marshallingError)]);
});

test("lists that are longer than a reply may be are an error, and the client is served on", () => {
  const world = worldWith({ replyBytesMax: 5000 });
  const client = world.client();
  for (let i = 0; i < 100; i++) client.call(...ask.create(`/${"n".repeat(50)}${i}`, { flags: 1 }));
  assert.equal(client.call(...ask.getChildren("/")).error, marshallingError);
  assert.equal(client.call(...ask.getChildren2("/")).error, marshallingError);
  assert.equal(client.call(...ask.getEphemerals("/")).error, marshallingError);
  assert.equal(client.call(...ask.getEphemerals(`/${"n".repeat(50)}1`)).error, 0);
  assert.equal(client.call(...ask.getData(`/${"n".repeat(50)}1`)).error, 0);
});

// ------------------------------------------------------------------------------------------------------ reads and writes

const high = 10_000;
const valueBytes = 1000;

test("a write waits behind the large reads before it: what its client does not fetch is little", () => {
  const world = worldWith({ unsentBytesHigh: high });
  const client = world.client();
  client.call(...ask.create("/a", { data: new Uint8Array(valueBytes) }));
  client.port.isStuck = true;
  world.member.isHeld = true;
  write(client, [ask.setData("/b"), ...times(100, () => ask.getData("/a")), ask.setData("/b"), ask.getData("/a")]);
  assert.equal(world.member.proposed, 1, "the second is not proposed before the reads are answered");
  world.member.isHeld = false;
  world.member.agree();
  world.clock.turn();
  assert(client.port.unsentBytes <= high + 2 * valueBytes, `${client.port.unsentBytes} bytes pile up`);
  const replies = client.takeReplies();
  for (let turns = 0; replies.length < 103; turns++) {
    assert(turns < 100, `${replies.length} replies of 103`);
    client.port.drain();
    replies.push(...client.takeReplies());
  }
  assert.equal(client.isClosed, false);
});

test("reads before a write that others make large after it was proposed cost their client its connection", () => {
  const world = worldWith({ unsentBytesHigh: high, unsentBytesMax: 50 * valueBytes });
  const client = world.client();
  client.call(...ask.create("/a", { data: new Uint8Array(0) }));
  world.member.isHeld = true;
  client.port.isStuck = true;
  write(client, [
    ask.setData("/a", new Uint8Array(valueBytes)),
    ...times(100, () => ask.getData("/a")),
    ask.setData("/a"),
  ]);
  assert.equal(world.member.proposed, 2, "they were small when it was");
  world.member.isHeld = false;
  world.member.agree();
  world.clock.turn();
  assert.equal(client.port.isDestroyed, true);
  assertLogged(world, /connection closed: it has left \d+ bytes unread, 50000 at most/);
  assert.equal(world.service.outstanding, 0);
  assert.equal(world.client().call(...ask.exists("/a")).error, 0);
});

test("requests that wait for their turn are kept up to a bound, and the rest stays in the socket", () => {
  const world = worldWith({ requestBytesHigh: 5000 });
  const client = world.client();
  world.member.isHeld = true;
  write(
    client,
    times(100, () => ask.sync(`/${"p".repeat(1000)}`)),
  );
  assert(client.connection.outstanding <= 6, `${client.connection.outstanding} are in hand`);
  assert.equal(client.port.isPaused, true);
  const replies = client.takeReplies();
  for (let turns = 0; replies.length < 100; turns++) {
    assert(turns < 100, `${replies.length} replies of 100`);
    world.member.pass();
    replies.push(...client.takeReplies());
  }
  assert.equal(client.port.isPaused, false);
});

// ------------------------------------------------------------------------------------------------------- the member

test("when all clients together leave too much unread, those go that have made the least progress; who fetches stays", () => {
  const world = memberWith({ heldBytesMax: 100_000 }, { unsentBytesHigh: high });
  const honest = world.client();
  honest.call(...ask.create("/a", { data: new Uint8Array(valueBytes) }));
  const greedy = times(20, () => {
    const client = world.client();
    client.port.isStuck = true;
    write(
      client,
      times(50, () => ask.getData("/a")),
    );
    world.clock.advance(1000);
    assert(
      world.service.capacity.memory.bytes <= 100_000 + high + 2 * valueBytes,
      `${world.service.capacity.memory.bytes} bytes are held`,
    );
    assert.equal(honest.call(...ask.getData("/a")).error, 0);
    return client;
  });
  const gone = greedy.map(({ isClosed }) => isClosed);
  assert.equal(gone.indexOf(false), gone.filter(Boolean).length, "the longest silent went first");
  assert(gone.includes(true) && gone.includes(false));
  assertLogged(
    world,
    /connection closed: \d+ bytes are held for all clients, 100000 at most: it has made the least progress/,
  );
  for (const client of greedy) if (!client.isClosed) client.port.drain();
});

test("what is held counts requests and frames that are not whole, and is nothing once all is answered or gone", () => {
  const world = memberWith({ heldBytesMax: 100_000 });
  const [slow, waiting] = [world.client(), world.client()];
  const [opcode, encode] = ask.create("/whole", { data: new Uint8Array(50_000) });
  const frame = frameOf(7, opcode, encode);
  slow.write(frame.subarray(0, 40_000));
  assert(world.service.capacity.memory.bytes >= 40_000);
  world.member.isHeld = true;
  waiting.send(...ask.sync(`/${"p".repeat(30_000)}`));
  assert(world.service.capacity.memory.bytes >= 70_000);
  world.member.isHeld = false;
  world.member.pass();
  slow.write(frame.subarray(40_000));
  world.clock.turn();
  assert.equal(world.service.capacity.memory.bytes, 0);
  slow.write(frame.subarray(0, 40_000));
  slow.connection.onClosed();
  assert.equal(world.service.capacity.memory.bytes, 0);
});

test("a four-letter word's answer that nobody fetches counts too, until its connection is gone", () => {
  const world = new World({
    fourLetterWord: (_word, reply) => {
      reply("x".repeat(10_000));
      return true;
    },
  });
  const asking = world.dial();
  asking.port.isStuck = true;
  asking.write(ask.text("wchp"));
  world.clock.turn();
  assert(world.service.capacity.memory.bytes >= 10_000);
  asking.connection.onClosed();
  assert.equal(world.service.capacity.memory.bytes, 0);
});

// ---------------------------------------------------------------------------------------------------------- watches

test("watches are bounded in bytes for each connection", () => {
  const world = worldWith({ watchBytesPerConnectionMax: 10_000 });
  const [greedy, honest] = [world.client(), world.client()];
  assert.equal(honest.call(...ask.exists("/mine", true)).error, -101);
  for (let i = 0; i < 100 && !greedy.isClosed; i++) greedy.send(...ask.exists(`/${"w".repeat(1000)}${i}`, true));
  world.clock.turn();
  assert.equal(greedy.isClosed, true);
  assertLogged(world, /connection closed: its watches take \d+ bytes, 10000 at most/);
  assert.equal(world.service.watches.size, 1, "with it go its watches");
  honest.send(...ask.create("/mine"));
  assert.deepEqual(honest.takeStory(), ["event 1 /mine", "reply 2"]);
  assert.equal(world.service.watches.bytes, 0);
});

test("one request that sets too many watches leaves none behind", () => {
  const world = worldWith({ watchBytesPerConnectionMax: 10_000 });
  const client = world.client();
  const paths = times(200, (i) => `/${"w".repeat(100)}${i}`);
  client.send(...ask.setWatches2({ exist: paths, persistent: paths, recursive: paths }));
  world.clock.turn();
  assert.equal(client.isClosed, true);
  assert.equal(world.service.watches.size, 0);
  assert.equal(world.service.watches.bytes, 0);
});

test("notifications that are too many for one request's watches leave no watch of a closed connection", () => {
  const world = worldWith({ unsentNotificationBytesMax: 5000 });
  const client = world.client();
  const missing = times(100, (i) => `/${"gone".repeat(20)}${i}`);
  client.send(...ask.setWatches({ data: missing, exist: missing }));
  world.clock.turn();
  assert.equal(client.isClosed, true);
  assert.equal(world.service.watches.size, 0);
});

test("when all watches together are too many, the connection that has most of them goes", () => {
  const world = memberWith({ watchBytesMax: 20_000 });
  const clients = times(5, () => world.client());
  for (let i = 0; i < 100; i++) {
    for (const [n, client] of clients.entries()) {
      if (!client.isClosed && (n === 3 || i < 5)) client.call(...ask.exists(`/${n}-${i}-${"w".repeat(100)}`, true));
      if (clients[3]!.isClosed) break;
    }
    if (clients[3]!.isClosed) break;
    if (i === 98) assert.fail("nobody went");
    if (i > 60) clients[0]!.send(...ask.exists(`/more${i}`, true));
    world.clock.turn();
  }
  assert.deepEqual(
    clients.map(({ isClosed }) => isClosed),
    [false, false, false, true, false],
  );
  assertLogged(world, /connection closed: all watches take \d+ bytes, 20000 at most: it has most/);
});

test("a path that can never be is not watched", () => {
  const world = new World();
  const client = world.client();
  const impossible = ["", "a", "/a/", "//a", "/a//b", "/a/./b", "/..", "/a\u0001"];
  for (const path of impossible) {
    assert.equal(client.call(...ask.addWatch(path, 0)).error, 0, path);
    assert.equal(client.call(...ask.addWatch(path, 1)).error, 0, path);
    if (path !== "") client.call(...ask.exists(path, true));
  }
  client.call(...ask.setWatches2({ exist: impossible, persistent: impossible, recursive: impossible }));
  assert.equal(world.service.watches.size, 0);
});

// ------------------------------------------------------------------------------------------------------------- turns

test("requests that look at many nodes take a turn each, and others are answered in between", () => {
  const world = memberWith({ turnWorkMax: 1000 });
  const [busy, other] = [world.client(), world.client()];
  busy.call(...ask.create("/many"));
  ownHundred(busy);
  write(
    busy,
    times(50, () => ask.getEphemerals("/none")),
  );
  other.send(...ask.exists("/many"));
  const order: string[] = [];
  for (let turns = 0; order.length < 51; turns++) {
    assert(turns < 200);
    world.clock.turnOnce();
    order.push(...busy.port.received.splice(0).map(() => "busy"), ...other.port.received.splice(0).map(() => "other"));
  }
  assert(order.indexOf("other") <= 4, `the other was answered after ${order.indexOf("other")} turns`);
});

test("of many who ask for much each has its turn", () => {
  const world = memberWith({ turnWorkMax: 1000 });
  const busy = times(5, () => world.client());
  busy[0]!.call(...ask.create("/many"));
  for (const client of busy) ownHundred(client);
  for (const client of busy)
    write(
      client,
      times(20, () => ask.getEphemerals("/none")),
    );
  const answered = busy.map(() => 0);
  for (let turns = 0; turns < 25; turns++) {
    world.clock.turnOnce();
    for (const [n, client] of busy.entries()) answered[n]! += client.port.received.splice(0).length;
  }
  assert(Math.min(...answered) >= 3, `answers after 25 turns: ${answered}`);
});

test("reads that look at many nodes do not stand before a write that is proposed already", () => {
  const world = new World();
  const client = world.client();
  world.member.isHeld = true;
  write(client, [ask.create("/a"), ask.getEphemerals("/"), ask.create("/b")]);
  assert.equal(world.member.proposed, 1);
  world.member.isHeld = false;
  world.member.agree();
  assert.deepEqual(client.takeStory(), ["reply 100", "reply 101", "reply 102"]);
});

/** Each question for its ephemeral nodes looks at all of them. */
function ownHundred(client: TestClient): void {
  for (let i = 0; i < 100; i++) client.call(...ask.create(`/many/${client.sessionId}-${i}`, { flags: 1 }));
}
