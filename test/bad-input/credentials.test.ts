// Writes that are larger than they look, and writes as large as they may be: credentials of a megabyte each, commands at
// the limit, many of them at once. The connections between members carry them, nobody else has to lead, and what is too
// long is refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { opcodes, ZooKeeperClient } from "../support/zookeeper-client.ts";
import { frameOf, writeConnectRequest, writeText } from "../support/zookeeper-frames.ts";
import { root } from "./attacks.ts";
import { RawConnection } from "./raw-connection.ts";
import { isOurs, logs, Scene } from "./scene.ts";

const p99BoundMs = 600; // while a member works through megabytes of a client, on a machine that other work shares
const largeWritesBoundMs = 10_000; // members that each sync tens of megabytes do hold up everybody; nobody may be cut off

const auth = (name: string) =>
  frameOf((w) => {
    w.int32(-4);
    w.int32(100);
    w.int32(0);
    writeText(w, "digest");
    writeText(w, `${name}:pw`);
  });

const create = (xid: number, path: string, bytes = 0) =>
  frameOf((w) => {
    w.int32(xid);
    w.int32(opcodes.create);
    writeText(w, path);
    w.int32(bytes);
    w.raw(new Uint8Array(bytes));
    w.int32(1);
    w.int32(31);
    writeText(w, "world");
    writeText(w, "anyone");
    w.int32(0);
  });

/** How much each member has logged by now: what the beginning of an ensemble says of its links is no matter here. */
function logged(scene: Scene): number[] {
  return scene.ensemble.members.map((member) => member.log().length);
}

function assertLinksHeld(scene: Scene, since: readonly number[]): void {
  for (const [i, member] of scene.ensemble.members.entries()) {
    assert.doesNotMatch(
      member.log().slice(since[i]),
      /bytes wait to be sent|the connection to member \d+ closed/,
      `member ${member.id}`,
    );
  }
}

test("credentials of a megabyte are refused, and not written with each write", {
  timeout: 120_000,
  skip: !isOurs,
}, async (t) => {
  await using scene = await Scene.open();
  const victim = await scene.victim();
  const since = logged(scene);
  const from = victim.log().length;
  for (let round = 0; round < 5; round++) {
    const connection = await RawConnection.open(victim.clientPort, 60_000);
    connection.send(frameOf((w) => writeConnectRequest(w)));
    assert.ok(await connection.frame(), "a session");
    for (let i = 0; i < 63; i++) connection.send(auth(`${i}${"u".repeat(900_000)}`));
    for (let i = 0; i < 50; i++) connection.send(create(i + 1, `${root}/c${round}-${i}`));
    await connection.closing();
    connection.destroy();
  }
  await logs(victim, /authentication failed: more than \d+ identities, or than \d+ bytes of them/, from);
  t.diagnostic(`the others: ${await scene.assertUnharmed(p99BoundMs)}`);
  assertLinksHeld(scene, since);
});

test("writes as large as jute.maxbuffer may be pass, one and many, on a follower", {
  timeout: 180_000,
  skip: !isOurs,
}, async (t) => {
  const frameBytesMax = 32 << 20;
  await using scene = await Scene.open({ config: [`jute.maxbuffer=${frameBytesMax}`] });
  const victim = await scene.victim();
  const since = logged(scene);
  const connection = await RawConnection.open(victim.clientPort, 120_000);
  connection.send(frameOf((w) => writeConnectRequest(w, { sessionTimeoutMs: 40_000 })));
  assert.ok(await connection.frame(), "a session");
  connection.send(create(1, `${root}/largest`, frameBytesMax - 1000));
  const largest = await connection.frame();
  assert.ok(largest !== null, "it is answered");
  assert.equal(new DataView(largest.buffer, largest.byteOffset).getInt32(12), 0);
  for (let i = 0; i < 12; i++) connection.send(create(i + 2, `${root}/many-${i}`, 8 << 20));
  for (let i = 0; i < 12; i++) {
    const reply = await connection.frame();
    assert.ok(reply !== null, `write ${i} is answered`);
    assert.equal(new DataView(reply.buffer, reply.byteOffset).getInt32(12), 0);
  }
  connection.send(create(99, `${root}/too-long`, frameBytesMax + 1));
  await connection.closing();
  connection.destroy();
  const client = await ZooKeeperClient.connect(victim.address);
  assert.ok(await client.exists(`${root}/many-11`));
  assert.equal(await client.exists(`${root}/too-long`), null);
  await client.close();
  t.diagnostic(`the others: ${await scene.assertUnharmed(largeWritesBoundMs, { mayChangeLeader: true })}`);
  assertLinksHeld(scene, since);
});
