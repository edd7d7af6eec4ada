// What happens when there is too much: of requests, of replies, of notifications, of everything.

import assert from "node:assert/strict";
import { test } from "node:test";
import { UNSENT_BYTES_HIGH, UNSENT_NOTIFICATION_BYTES_MAX } from "../../../src/transport/limits.ts";
import * as ask from "./support/requests.ts";
import { frameOf } from "./support/test-client.ts";
import { World } from "./support/world.ts";

function many(count: number, request: (i: number) => ask.Request): Uint8Array {
  const frames = Array.from({ length: count }, (_, i) => {
    const [opcode, encode] = request(i);
    return frameOf(i + 1, opcode, encode);
  });
  return Buffer.concat(frames);
}

test("a busy member leaves writes in the client's socket, and takes them when it has room, none lost", () => {
  const world = new World();
  const client = world.client();
  world.member.become({ state: "busy" });
  client.send(...ask.exists("/a"));
  client.send(...ask.create("/a"));
  client.send(...ask.exists("/a"));
  world.clock.turn();
  assert.deepEqual(client.takeStory(), ["reply 1 error -101"]);
  assert.equal(client.port.isPaused, true);
  assert.equal(world.member.proposed, 0);
  world.member.become({ state: "open" });
  assert.deepEqual(client.takeStory(), ["reply 2", "reply 3"]);
  assert.equal(client.port.isPaused, false);
});

test("a full disk is told to who writes; reads go on", () => {
  const world = new World();
  const client = world.client();
  world.member.become({ state: "no-space" });
  assert.equal(client.call(...ask.create("/a")).error, -1);
  assert.equal(client.call(...ask.exists("/")).error, 0);
  assert.equal(world.dial().connect(), null);
  world.member.become({ state: "open" });
  assert.equal(client.call(...ask.create("/a")).error, 0);
});

test("beyond globalOutstandingLimit requests stay in the sockets; each session still has one on its way", () => {
  const world = new World({ globalOutstandingLimit: 10 });
  const [first, second] = [world.client(), world.client()];
  world.member.isHeld = true;
  first.write(many(50, (i) => ask.create(`/f${i}`)));
  second.write(many(50, (i) => ask.create(`/s${i}`)));
  assert.equal(world.member.proposed, 11);
  assert.equal(first.port.isPaused, true);
  for (let rounds = 0; world.member.proposed > 0; rounds++) {
    assert(rounds < 100, "they come to an end");
    assert(world.service.outstanding <= 11);
    world.member.agree();
    world.clock.turn();
  }
  for (const client of [first, second]) {
    assert.deepEqual(
      client.takeReplies().map(({ xid, error }) => [xid, error]),
      Array.from({ length: 50 }, (_, i) => [i + 1, 0]),
    );
    assert.equal(client.port.isPaused, false);
  }
});

test("whoever does not fetch replies is not served further, and goes on where it was when it fetches", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.create("/big", { data: new Uint8Array(100_000) }));
  client.port.isStuck = true;
  for (let i = 0; i < 20; i++) {
    client.write(many(5, () => ask.getData("/big")));
    world.clock.turn();
  }
  assert(client.port.unsentBytes < UNSENT_BYTES_HIGH + 200_000, `${client.port.unsentBytes} bytes pile up`);
  assert.equal(client.port.isPaused, true);
  let replies = client.takeReplies().length;
  for (let rounds = 0; replies < 100; rounds++) {
    assert(rounds < 20);
    client.port.drain();
    replies += client.takeReplies().length;
  }
  assert.equal(replies, 100);
  assert.equal(client.port.isPaused, false);
});

test("reads behind a write are answered little by little to who fetches slowly", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.create("/big", { data: new Uint8Array(100_000) }));
  world.member.isHeld = true;
  client.send(...ask.setData("/big", new Uint8Array(100_000)));
  client.write(many(100, () => ask.getData("/big")));
  client.port.isStuck = true;
  world.member.agree();
  world.clock.turn();
  assert(client.port.unsentBytes < UNSENT_BYTES_HIGH + 200_000, `${client.port.unsentBytes} bytes pile up`);
  let replies = client.takeReplies().length;
  for (let rounds = 0; replies < 101; rounds++) {
    assert(rounds < 20);
    client.port.drain();
    replies += client.takeReplies().length;
  }
  assert.equal(replies, 101);
});

test("a read in front of a write is answered before it, however slowly its client fetches", () => {
  const world = new World();
  const client = world.client();
  const large = new Uint8Array(0.6 * UNSENT_BYTES_HIGH);
  client.call(...ask.create("/big"));
  world.member.isHeld = true;
  client.send(...ask.setData("/big", large));
  for (let i = 0; i < 4; i++) client.send(...ask.getData("/big"));
  client.send(...ask.setData("/big", ask.text("after")));
  client.port.isStuck = true;
  world.member.agree();
  const replies = client.takeReplies();
  assert.equal(replies.length, 6);
  for (const { body } of replies.slice(1, 5)) assert(body.remaining > large.length, "it saw what was there before");
});

test("a client that reads without end in front of its writes waits on its own socket", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.create("/a"));
  world.member.isHeld = true;
  client.send(...ask.setData("/a"));
  client.write(many(500, () => ask.getData("/a")));
  client.send(...ask.setData("/a"));
  assert.equal(world.member.proposed, 1, "the second write is not taken yet");
  world.member.agree();
  world.clock.turn();
  assert.equal(world.member.proposed, 1);
  world.member.agree();
  assert.equal(client.takeReplies().length, 502);
});

test("notifications that nobody fetches end the connection before they fill the memory", () => {
  const world = new World();
  const watcher = world.client();
  const writer = world.client();
  watcher.call(...ask.addWatch("/", 1));
  watcher.port.isStuck = true;
  const name = `/${"n".repeat(60_000)}`;
  writer.call(...ask.create(name));
  for (let i = 0; i < UNSENT_NOTIFICATION_BYTES_MAX / 60_000 + 2 && !watcher.isClosed; i++)
    writer.call(...ask.setData(name));
  assert.equal(watcher.port.isDestroyed, true);
  assert.equal(world.service.watches.size, 0);
  assert.equal(writer.isClosed, false);
});

test("a client that fetches its notifications may have any number of them", () => {
  const world = new World();
  const watcher = world.client();
  const writer = world.client();
  watcher.call(...ask.addWatch("/", 1));
  const name = `/${"n".repeat(60_000)}`;
  writer.call(...ask.create(name));
  for (let i = 0; i < UNSENT_NOTIFICATION_BYTES_MAX / 60_000 + 2; i++) {
    writer.call(...ask.setData(name));
    watcher.takeBytes();
  }
  assert.equal(watcher.isClosed, false);
});
