// A client that may not read a node, and asks by every way there is whether it is there, whether it changed, and how.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ByteWriter } from "../../src/base/bytes.ts";
import { opcodes, type WatchedEvent, ZooKeeperClient } from "../support/zookeeper-client.ts";
import { writeText } from "../support/zookeeper-frames.ts";
import { root } from "./attacks.ts";
import { isOurs, Scene } from "./scene.ts";

const [setWatches, setWatches2, addWatch, getAllChildrenNumber, setAcl] = [101, 105, 106, 104, 7];
const setWatchesXid = -8;
const rounds = 200;
const p99BoundMs = 200; // quiet it is a few ms; the bound leaves room for a machine that other work shares
const secret = `${root}/secret`;

test("a node that a client may not read is kept from it by every way of asking, however often it asks", {
  timeout: 120_000,
  skip: isOurs ? false : "the reference tells by setWatches",
}, async (t) => {
  await using scene = await Scene.open();
  const victim = await scene.victim();
  const owner = await ZooKeeperClient.connect(victim.address);
  await owner.addAuth("digest", "ann:secret");
  await owner.create(secret);
  const guarded = await owner.request(setAcl, (w) => {
    writeText(w, secret);
    w.int32(1);
    w.int32(31);
    writeText(w, "auth");
    writeText(w, "");
    w.int32(-1);
  });
  assert.equal(guarded.error, 0);

  const events: WatchedEvent[] = [];
  const spy = await ZooKeeperClient.connect(victim.address, { onEvent: (event) => events.push(event) });
  const paths = (w: ByteWriter) => {
    w.int32(1);
    writeText(w, secret);
  };
  for (let round = 0; round < rounds; round++) {
    for (const opcode of [setWatches, setWatches2]) {
      const reply = await spy.request(
        opcode,
        (w) => {
          w.int64(round % 2 === 0 ? 0 : spy.lastZxid);
          for (let list = 0; list < (opcode === setWatches ? 3 : 5); list++) paths(w);
        },
        setWatchesXid,
      );
      assert.equal(reply.error, 0);
    }
    if (round % 20 > 0) continue;
    await spy.request(addWatch, (w) => {
      writeText(w, secret);
      w.int32(round % 40 === 0 ? 0 : 1);
    });
    for (const opcode of [opcodes.exists, opcodes.getData, opcodes.getChildren]) {
      const reply = await spy.request(opcode, (w) => {
        writeText(w, secret);
        w.boolean(true);
      });
      assert.equal(reply.error, -102);
    }
    assert.equal((await spy.request(getAllChildrenNumber, (w) => writeText(w, secret))).error, -102);
    await owner.setData(secret, String(round));
    await spy.sync(secret);
  }
  assert.deepEqual(events, [], "nothing was told");
  t.diagnostic(`the other clients: ${await scene.assertUnharmed(p99BoundMs)}`);
  await spy.close();
  await owner.close();
});
