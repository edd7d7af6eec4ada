// How long requests are said to have taken: as long as they did, whatever else happened in the turn in which they came.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as ask from "./support/requests.ts";
import { World } from "./support/world.ts";

const SYNC_MS = 50;

test("a write that the disks took 50 ms for is counted as 50, to the member and to its connection", () => {
  const world = new World();
  const client = world.client();
  world.member.isHeld = true;
  client.send(...ask.create("/a"));
  world.clock.turn();
  world.clock.advance(SYNC_MS);
  world.member.agree();
  client.takeReplies();
  const { writeLatency, connections } = world.service.counters;
  const [connection] = connections;
  assert.deepEqual(
    [writeLatency.last, writeLatency.max, connection!.traffic.latency.last],
    [SYNC_MS, SYNC_MS, SYNC_MS],
  );
});

test("so is one that came while another's chunk of the same turn was answered, and a read behind it", () => {
  const world = new World();
  const [writer, reader] = [world.client(), world.client()];
  world.member.isHeld = true;
  writer.send(...ask.create("/a"));
  writer.send(...ask.exists("/a"));
  reader.send(...ask.exists("/b"));
  world.clock.turn();
  world.clock.advance(SYNC_MS);
  world.member.agree();
  writer.takeReplies();
  const { writeLatency, readLatency } = world.service.counters;
  assert.deepEqual([writeLatency.last, readLatency.max], [SYNC_MS, SYNC_MS]);
});
