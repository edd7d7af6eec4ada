// Much is asked for in few bytes: multiReads of a large node, again and again, on many connections. What fits is answered,
// the rest is told; memory stays within a bound, and the other clients are served.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader } from "../../src/base/bytes.ts";
import { memoryOf } from "../support/processes.ts";
import { ZooKeeperClient } from "../support/zookeeper-client.ts";
import { frameOf, writeConnectRequest, writeText } from "../support/zookeeper-frames.ts";
import { root } from "./attacks.ts";
import { RawConnection } from "./raw-connection.ts";
import { isOurs, Scene } from "./scene.ts";

const valueBytes = 900_000;
const readsInOne = 300; // 270 MB, asked for in 7 kB
const connections = 20;
const requestsEach = 10;
const replyBytesMax = 4 * 0xfffff;
const growthMaxMb = 450; // what may be held for all clients, and as much again on its way to be collected
const p99BoundMs = 600; // while a member works through megabytes of a client, on a machine that other work shares

const multiRead = (xid: number) =>
  frameOf((w) => {
    w.int32(xid);
    w.int32(22);
    for (let i = 0; i < readsInOne; i++) {
      w.int32(4);
      w.boolean(false);
      w.int32(-1);
      writeText(w, `${root}/large`);
      w.boolean(false);
    }
    w.int32(-1);
    w.boolean(true);
    w.int32(-1);
  });

test("multiReads of a large node cost those who ask", { timeout: 120_000, skip: !isOurs }, async (t) => {
  await using scene = await Scene.open();
  const victim = await scene.victim();
  const client = await ZooKeeperClient.connect(victim.address);
  await client.create(`${root}/large`, new Uint8Array(valueBytes).fill(1));
  const quiet = memoryOf(victim.pid, "VmRSS");

  // One that fetches gets what fits, and an error for each read beyond it.
  const fetching = await greet(victim.clientPort);
  fetching.send(multiRead(1));
  const reply = await fetching.frame();
  assert.ok(reply !== null && reply.length < replyBytesMax + readsInOne * 20, `${reply?.length} bytes`);
  const reader = new ByteReader(reply);
  assert.equal(reader.int32(), 1);
  reader.int64();
  assert.equal(reader.int32(), 0);
  fetching.destroy();

  // Many that fetch nothing.
  const greedy = await Promise.all(Array.from({ length: connections }, () => greet(victim.clientPort)));
  for (const connection of greedy) {
    connection.socket.pause();
    for (let i = 0; i < requestsEach; i++) connection.send(multiRead(i + 1));
  }
  let peak = 0;
  for (let i = 0; i < 100; i++) {
    await client.sync("/"); // the member has had that many turns
    peak = Math.max(peak, memoryOf(victim.pid, "VmRSS"));
  }
  const asked = (connections * requestsEach * readsInOne * valueBytes) / 1e6;
  t.diagnostic(`quiet ${quiet.toFixed(0)} MB, ${asked} MB asked for, peak ${peak.toFixed(0)} MB`);
  assert.ok(peak - quiet < growthMaxMb, `${(peak - quiet).toFixed(0)} MB of ${asked} MB asked for`);
  t.diagnostic(`the others: ${await scene.assertUnharmed(p99BoundMs)}`);
  for (const connection of greedy) connection.destroy();
  await client.close();
});

async function greet(port: number): Promise<RawConnection> {
  const connection = await RawConnection.open(port, 60_000);
  connection.send(frameOf((w) => writeConnectRequest(w)));
  assert.ok(await connection.frame(), "a session");
  return connection;
}
