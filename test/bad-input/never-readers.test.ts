// Clients that ask and never fetch, watch without end, or greet a byte at a time: each holds little of a member, and all
// together no more than it has for them. Who reaches a bound is let go with a line in the log; the others are served.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Member } from "../support/ensemble.ts";
import { memoryOf } from "../support/processes.ts";
import { opcodes, ZooKeeperClient } from "../support/zookeeper-client.ts";
import { frameOf, writeConnectRequest, writeText } from "../support/zookeeper-frames.ts";
import { root } from "./attacks.ts";
import { RawConnection } from "./raw-connection.ts";
import { isOurs, logs, Scene } from "./scene.ts";

const valueBytes = 1_000_000;
const readsAhead = 128;
const connections = 100;
const rounds = 3; // what one leaves behind is collected in the next, if not before: memory does not grow with each
const growthMaxMb = 550; // 256 MiB are for all clients; what was let go is collected in its own time
const p99BoundMs = 600; // while a member works through megabytes of a client, on a machine that other work shares

const onlyOurs = { timeout: 120_000, skip: !isOurs };
let scene: Scene;
let victim: Member;

before(async () => {
  if (!isOurs) return;
  scene = await Scene.open({ config: ["maxClientCnxns=0"] });
  victim = await scene.victim();
});

after(async () => {
  await scene?.[Symbol.asyncDispose]();
});

async function greet(): Promise<RawConnection> {
  const connection = await RawConnection.open(victim.clientPort, 60_000);
  connection.send(frameOf((w) => writeConnectRequest(w)));
  assert.ok(await connection.frame(), "a session");
  return connection;
}

const get = (xid: number) =>
  frameOf((w) => {
    w.int32(xid);
    w.int32(opcodes.getData);
    writeText(w, `${root}/large`);
    w.boolean(false);
  });

const set = (xid: number) =>
  frameOf((w) => {
    w.int32(xid);
    w.int32(opcodes.setData);
    writeText(w, `${root}/small`);
    w.int32(0);
    w.int32(-1);
  });

test(
  `${connections} clients that ask for ${readsAhead} large reads between writes, and fetch nothing`,
  onlyOurs,
  async (t) => {
    const client = await ZooKeeperClient.connect(victim.address);
    await client.create(`${root}/large`, new Uint8Array(valueBytes).fill(1));
    await client.create(`${root}/small`, "");
    const quiet = memoryOf(victim.pid, "VmRSS");
    for (let round = 1; round <= rounds; round++) {
      const greedy: RawConnection[] = [];
      let peak = 0;
      for (let i = 0; i < connections; i++) {
        const connection = await greet();
        connection.socket.pause();
        const reads = Array.from({ length: readsAhead }, (_, n) => get(n + 2));
        connection.send(Buffer.concat([set(1), ...reads, set(readsAhead + 2), get(readsAhead + 3)]));
        greedy.push(connection);
        if (i % 10 === 0) await client.sync("/");
        peak = Math.max(peak, memoryOf(victim.pid, "VmRSS"));
      }
      for (let i = 0; i < 50; i++) await client.sync("/");
      peak = Math.max(peak, memoryOf(victim.pid, "VmRSS"));
      const asked = (connections * readsAhead * valueBytes) / 1e6;
      t.diagnostic(`quiet ${quiet.toFixed(0)} MB, ${asked} MB asked for, peak ${peak.toFixed(0)} MB`);
      assert.ok(peak - quiet < growthMaxMb, `${(peak - quiet).toFixed(0)} MB of ${asked} MB asked for`);
      t.diagnostic(`the others: ${await scene.assertUnharmed(p99BoundMs)}`);
      for (const connection of greedy) connection.destroy();
    }
    await client.close();
  },
);

test("a client that watches without end is let go with its watches", onlyOurs, async () => {
  const from = victim.log().length;
  const watcher = await greet();
  const longPath = `/${"w".repeat(900_000)}`;
  for (let i = 0; i < 200 && !watcher.closed; i++) {
    watcher.send(
      frameOf((w) => {
        w.int32(i + 1);
        w.int32(opcodes.exists);
        writeText(w, `${longPath}${i}`);
        w.boolean(true);
      }),
    );
    if (i % 10 === 0) await sleep(10);
  }
  await watcher.closing();
  await logs(victim, /connection closed: its watches take \d+ bytes, \d+ at most/, from);
  watcher.destroy();
  await scene.assertUnharmed(p99BoundMs);
});

test("greetings that come a byte at a time are not waited for", onlyOurs, async () => {
  const from = victim.log().length;
  const greeting = frameOf((w) => writeConnectRequest(w));
  const slow = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(victim.clientPort, 60_000)));
  const until = performance.now() + 30_000;
  for (let i = 0; slow.some((one) => !one.closed && !one.socket.readableEnded); i++) {
    assert.ok(performance.now() < until, "all are let go");
    for (const one of slow) if (i < greeting.length - 1) one.send(greeting.subarray(i, i + 1));
    await sleep(400);
  }
  for (const one of slow) one.destroy();
  await logs(victim, /connection closed: no handshake came/, from);
  await scene.assertUnharmed(p99BoundMs);
});
