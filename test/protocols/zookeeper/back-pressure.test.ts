// A transport takes what is written as it likes: all at once, nothing, or a byte. Whatever it does, each request is answered,
// in order, and whoever is not fetched from holds little.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BOUNDS } from "../../../src/protocols/zookeeper/limits.ts";
import * as ask from "./support/requests.ts";
import { frameOf, type TestClient } from "./support/test-client.ts";
import { World } from "./support/world.ts";

const high = 10_000;
const valueBytes = 400;
const reads = 100;

interface Transport {
  readonly name: string;
  readonly takesAtOnce: number;
  /** How much of what waits leaves in a turn. */
  readonly leaves: number;
}

const transports: readonly Transport[] = [
  { name: "everything", takesAtOnce: Number.POSITIVE_INFINITY, leaves: 0 },
  { name: "nothing, and everything a turn later", takesAtOnce: 0, leaves: Number.POSITIVE_INFINITY },
  { name: "nothing, and then a byte a turn", takesAtOnce: 0, leaves: 1 },
  { name: "one byte, and then a byte a turn", takesAtOnce: 1, leaves: 1 },
  { name: "all but a byte", takesAtOnce: high + valueBytes, leaves: 1 },
];

const heads: readonly (readonly [name: string, request: ask.Request])[] = [
  ["a sync", ask.sync("/")],
  ["a ping", ask.ping],
  ["a write", ask.setData("/a", new Uint8Array(valueBytes))],
];

/** All replies that come in so many turns; the transport's bytes leave meanwhile. */
function answers(world: World, client: TestClient, transport: Transport, count: number): number[] {
  const xids: number[] = [];
  for (let turns = 0; xids.length < count; turns++) {
    assert(turns < 100_000, `${xids.length} replies of ${count} came`);
    client.port.leave(transport.leaves);
    world.clock.turn();
    xids.push(...client.takeReplies().map(({ xid }) => xid));
    assert(client.port.unsentBytes <= high + 2 * valueBytes, `${client.port.unsentBytes} bytes pile up`);
  }
  return xids;
}

function pipelined(requests: readonly ask.Request[]): { bytes: Uint8Array; xids: number[] } {
  const xids = requests.map(([, , xid], i) => xid ?? 100 + i);
  return { bytes: Buffer.concat(requests.map(([opcode, encode], i) => frameOf(xids[i]!, opcode, encode))), xids };
}

for (const transport of transports) {
  for (const [name, head] of heads) {
    test(`reads behind ${name} are all answered where the transport takes ${transport.name}`, () => {
      const world = new World({ bounds: { ...BOUNDS, unsentBytesHigh: high } });
      const client = world.client();
      client.call(...ask.create("/a", { data: new Uint8Array(valueBytes) }));
      client.port.takesAtOnce = transport.takesAtOnce;
      const { bytes, xids } = pipelined([head, ...Array.from({ length: reads }, () => ask.getData("/a"))]);
      client.write(bytes);
      assert.deepEqual(answers(world, client, transport, xids.length), xids);
      client.port.leave(Number.POSITIVE_INFINITY);
      world.clock.turn();
      assert.equal(client.port.isPaused, false);
      assert.equal(client.call(...ask.exists("/a")).error, 0, "it is served on");
    });
  }

  test(`reads, writes and syncs in turn are all answered where the transport takes ${transport.name}`, () => {
    const world = new World({ bounds: { ...BOUNDS, unsentBytesHigh: high } });
    const client = world.client();
    client.call(...ask.create("/a", { data: new Uint8Array(valueBytes) }));
    client.port.takesAtOnce = transport.takesAtOnce;
    const turns = [ask.getData("/a"), ask.getData("/a"), ask.setData("/a"), ask.getData("/a"), ask.sync("/")];
    const { bytes, xids } = pipelined(Array.from({ length: 200 }, (_, i) => turns[i % turns.length]!));
    client.write(bytes);
    assert.deepEqual(answers(world, client, transport, xids.length), xids);
  });
}

test("a drain that nobody waits for does no harm", () => {
  const world = new World();
  const client = world.dial();
  client.connection.onDrain();
  assert.notEqual(client.connect(), null);
  client.connection.onDrain();
  client.send(...ask.create("/a"));
  client.connection.onDrain();
  assert.deepEqual(client.takeStory(), ["reply 1"]);
});
