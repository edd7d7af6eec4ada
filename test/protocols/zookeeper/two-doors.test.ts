// Two doors of one member: what the member can do for its clients is shared by both, not given to each.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CAPACITY, type CapacityBounds, ClientCapacity } from "../../../src/transport/client-capacity.ts";
import { VirtualClock } from "./support/fake-member.ts";
import * as ask from "./support/requests.ts";
import { frameOf, type TestClient } from "./support/test-client.ts";
import { World } from "./support/world.ts";

function memberWith(capacity: Partial<CapacityBounds>): World {
  const clock = new VirtualClock();
  return new World({ capacity: new ClientCapacity(clock, { ...CAPACITY, ...capacity }) }, clock);
}

function write(client: TestClient, requests: readonly ask.Request[]): void {
  client.write(Buffer.concat(requests.map(([opcode, encode], i) => frameOf(100 + i, opcode, encode))));
}

test("replies that are not fetched count together, and the connection with the least progress goes, of either door", () => {
  const world = memberWith({ heldBytesMax: 100_000 });
  const writer = world.client();
  writer.call(...ask.create("/a", { data: new Uint8Array(60_000) }));
  const slow = [world.client(), world.client({}, world.openDoor())];
  for (const client of slow) {
    client.port.isStuck = true;
    client.send(...ask.getData("/a"));
    world.clock.advance(1000);
  }
  assert.deepEqual(
    [...slow, writer].map(({ isClosed }) => isClosed),
    [true, false, false],
  );
  assert.equal(world.service.capacity.memory.bytes, slow[1]!.port.unsentBytes);
});

test("watches count together, and the connection with most of them goes, of either door", () => {
  const world = memberWith({ watchBytesMax: 20_000 });
  const [many, few] = [world.client(), world.client({}, world.openDoor())];
  const watch = (client: TestClient, n: number) => client.call(...ask.exists(`/${n}-${"w".repeat(1000)}`, true));
  for (let i = 0; i < 12; i++) watch(many, i);
  for (let i = 0; i < 10 && !many.isClosed; i++) watch(few, i);
  world.clock.turn();
  assert.deepEqual([many.isClosed, few.isClosed], [true, false]);
});

test("a turn has one share of work for both, and each client its turn", () => {
  const world = memberWith({ turnWorkMax: 1000 });
  const clients = [world.client(), world.client({}, world.openDoor())];
  clients[0]!.call(...ask.create("/many"));
  for (const client of clients)
    for (let i = 0; i < 100; i++) client.call(...ask.create(`/many/${client.sessionId}-${i}`, { flags: 1 }));
  for (const client of clients)
    write(
      client,
      Array.from({ length: 20 }, () => ask.getEphemerals("/none")),
    );
  const perTurn: number[] = [];
  for (let turns = 0; turns < 60; turns++) {
    world.clock.turnOnce();
    perTurn.push(clients.flatMap(({ port }) => port.received.splice(0)).length);
  }
  assert.equal(Math.max(...perTurn), 1, `answers in each turn: ${perTurn}`);
  assert.equal(
    perTurn.reduce((a, b) => a + b),
    40,
  );
});
