// A process whose event loop was blocked: it reads what has arrived first, and then finds its session lost or not.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CoordinationError,
  type Session,
  type ZooKeeperClient,
} from "../../../src/protocols/zookeeper/client/index.ts";
import { assertLost, T } from "./support/loss.ts";
import { outcomeOf, storyOf, World } from "./support/stage.ts";

test("a process that was blocked asks for a sign of life before it leaves a server that owes it nothing", async () => {
  const world = new World();
  const client = await world.connected();
  const story = storyOf(client);
  world.clock.block(T * 0.8);
  await world.clock.run(100);
  assert.deepEqual(story, []);
  assert.ok(client.session!.expiresInMs() > T * 0.9);
  await world.end();
});

test("a blocked process reads what has arrived before it thinks a server silent", async () => {
  const world = new World();
  const client = await world.connected();
  const story = storyOf(client);
  const { peer } = world.serving;
  peer.isHeld = true;
  const reading = outcomeOf(client.exists("/a"));
  await world.clock.run(5);
  world.clock.block(T * 0.8); // the reply came in the meantime; timers run first all the same
  await world.clock.run(0);
  peer.release();
  await world.clock.run(1);
  assert.deepEqual(story.length, 1, "with nothing arrived it is silent");
  await world.end();

  const second = new World();
  const other = await second.connected();
  const otherStory = storyOf(other);
  second.delayMs = 0;
  const answered = outcomeOf(other.exists("/a"));
  await second.clock.run(0);
  assert.equal(answered.isSettled, true);
  const { peer: link } = second.serving;
  second.clock.block(T * 0.8);
  const defer = second.clock.defer.bind(second.clock);
  let isFirst = true;
  second.clock.defer = (task) => {
    if (isFirst) link.event(1, "/x"); // what the loop brings before a deferred task
    isFirst = false;
    defer(() => defer(task));
  };
  await second.clock.run(0);
  assert.deepEqual(otherStory, []);
  await second.end();
  assert.equal(reading.isSettled, true);
});

test("a process blocked beyond the deadline finds its session lost before anything else", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  world.clock.block(T + 1);
  assert.equal(session.expiresInMs(), 0, "no timer has run");
  const write = outcomeOf(client.setData("/a", "x", { session }));
  assert.equal(session.signal.aborted, true);
  await world.clock.run(20);
  assert.ok(write.error instanceof CoordinationError);
  assert.deepEqual([write.error.code, write.error.outcome], ["session-expired", "not-applied"]);
  await world.end();
});

const looks: Readonly<Record<string, (client: ZooKeeperClient, session: Session) => unknown>> = {
  "session.signal": (_client, session) => assert.equal(session.signal.aborted, true),
  "session.expiresInMs()": (_client, session) => assert.equal(session.expiresInMs(), 0),
  "client.state": (client) => assert.equal(client.state.kind, "connecting", "the next one is begun"),
  "client.session": (client) => assert.equal(client.session, null),
};
for (const [what, look] of Object.entries(looks)) {
  test(`a process blocked beyond the deadline looks at ${what} first: all else says the same, and why`, async () => {
    const world = new World();
    const client = await world.connected();
    const session = client.session!;
    const { signal } = session;
    const story = storyOf(client);
    world.clock.block(T + 100);
    assert.equal(signal.aborted, false, "no timer has run");
    look(client, session);
    assert.equal(signal.aborted, true);
    assertLost(signal.reason, "deadline");
    assert.match(
      signal.reason.message,
      /in the last 9109 ms.* this process's event loop was blocked for at least 6\d{3} ms$/,
    );
    for (const other of Object.values(looks)) other(client, session);
    assert.deepEqual(story, ["lost: deadline", "connecting"]);
    await world.end();
  });
}

test("servers that are silent are not excused with this process: it ran all the time", async () => {
  const world = new World();
  const client = await world.connected();
  const { signal } = client.session!;
  world.clock.block(T * 0.8); // long ago
  await world.clock.run(T);
  for (const server of world.servers) server.behaviour = "silent";
  await world.clock.run(2 * T);
  assertLost(signal.reason, "deadline");
  assert.match(
    signal.reason.message,
    /was not confirmed by any server in the last 9000 ms, and its timeout is 9000 ms$/,
  );
  await world.end();
});

test("an answer that proves the session alive beyond its known deadline counts", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const { peer } = world.serving;
  await world.clock.run(2000);
  peer.isHeld = true;
  const ping = outcomeOf(client.ping());
  await world.clock.run(3);
  world.clock.block(session.expiresInMs() + 1); // the deadline known so far has passed, no timer has run
  peer.events.onData(new Uint8Array(Buffer.concat(takeHeld(peer))));
  assert.equal(session.signal.aborted, false);
  await world.clock.run(1);
  assert.equal(ping.isSettled, true);
  assert.equal(session.signal.aborted, false);
  await world.end();
});

test("an answer that comes after the deadline it could have moved is seen by nobody before the loss is", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const { peer } = world.serving;
  peer.isHeld = true;
  let wasAborted: boolean | null = null;
  const reading = client.exists("/a").then(() => {
    wasAborted = session.signal.aborted;
  });
  await world.clock.run(3);
  world.clock.block(T + 10); // no timer has run
  peer.events.onData(new Uint8Array(Buffer.concat(takeHeld(peer))));
  await reading;
  assert.equal(wasAborted, true);
  assertLost(session.signal.reason, "deadline");
  await world.end();
});

function takeHeld(peer: {
  isHeld: boolean;
  events: { onData(chunk: Uint8Array): void };
  release(): void;
}): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const { onData } = peer.events;
  const server = (peer as unknown as { server: { world: World } }).server;
  const after = server.world.clock.after.bind(server.world.clock);
  server.world.clock.after = (_milliseconds, task) => {
    peer.events.onData = (chunk) => void chunks.push(chunk);
    task();
    peer.events.onData = onData;
    return () => {};
  };
  peer.release();
  server.world.clock.after = after;
  return chunks;
}
