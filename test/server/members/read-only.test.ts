// Read-only mode: one of three is left. Those who can do with what it last knew are served, and nobody else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionLost, ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { codeOf, until, withEnsemble } from "./story.ts";

const notReadOnly = -119;

test("without a quorum only read-only clients are served, and only with reads", async () => {
  const config = ["readonlymode.enabled=true", "tickTime=500"];
  await withEnsemble({ members: 3, config }, async (ensemble) => {
    const [left, ...others] = ensemble.members;
    const writer = await ZooKeeperClient.connect(left!.address);
    await writer.create("/known", "before");
    for (const other of others) await other.kill("SIGKILL");
    await writer.ended; // it is let go once the quorum is missed for a while
    await until("it reads only", async () => (await left!.mode()) === "read-only");
    assert.equal(await left!.ask("isro"), "ro");

    const reader = await ZooKeeperClient.connect(left!.address, { readOnly: true });
    assert.equal((await reader.getData("/known")).data, "before");
    assert.equal(await codeOf(reader.setData("/known", "after")), notReadOnly);
    assert.equal(await codeOf(reader.create("/new")), notReadOnly);
    assert.equal(await codeOf(reader.sync()), notReadOnly);
    await assert.rejects(ZooKeeperClient.connect(left!.address, { patienceMs: 3000 }), ConnectionLost);
    assert.equal((await reader.getData("/known")).data, "before");

    await others[0]!.restart();
    await reader.ended; // it may be served whole again
    await until("it serves all", async () => (await left!.ask("isro")) === "rw");
    const whole = await ZooKeeperClient.connect(left!.address, { readOnly: true });
    assert.equal(await codeOf(whole.setData("/known", "after")), 0);
    await whole.close();
  });
});

test("where it is not enabled, nobody is served without a quorum", async () => {
  await withEnsemble({ members: 3, config: ["tickTime=500"] }, async (ensemble) => {
    const [left, ...others] = ensemble.members;
    const client = await ZooKeeperClient.connect(left!.address);
    for (const other of others) await other.kill("SIGKILL");
    await client.ended;
    await assert.rejects(ZooKeeperClient.connect(left!.address, { readOnly: true, patienceMs: 3000 }), ConnectionLost);
    assert.match(await left!.ask("srvr"), /not currently serving requests/);
  });
});
