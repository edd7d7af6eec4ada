// Sessions over the life and death of the member that they are on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Stalls } from "../../support/stalls.ts";
import { SessionExpired, ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { until, withEnsemble } from "./story.ts";

const ephemeral = 1;
const config = ["tickTime=500"]; // sessions of a second and more

test("a session moves to another member when its own is killed, and what it holds lives on", async () => {
  await withEnsemble({ members: 3, config }, async (ensemble) => {
    const leader = await ensemble.leader();
    const [own, other] = [leader, ensemble.members.find(({ id }) => id !== leader.id)!];
    const client = await ZooKeeperClient.connect(own.address, { sessionTimeoutMs: 3000 });
    await client.create("/held", "mine", ephemeral);
    const { session, lastZxid } = client;
    await own.kill("SIGKILL");
    await client.ended;

    const moved = await ZooKeeperClient.connect(other.address, { session, lastZxidSeen: lastZxid });
    assert.equal(moved.session.id, session.id);
    const began = performance.now();
    while (performance.now() - began < 4500) {
      await moved.ping();
      await sleep(300);
    }
    assert.equal((await moved.getData("/held")).stat.ephemeralOwner, session.id, "longer than its timeout after");

    const observer = await ZooKeeperClient.connect(ensemble.members.find(({ id }) => id !== own.id)!.address);
    await moved.close();
    await observer.sync();
    assert.equal(await observer.exists("/held"), null, "closed, it holds nothing");
    await assert.rejects(ZooKeeperClient.connect(other.address, { session }), SessionExpired);
    await observer.close();
  });
});

test("a session that nobody hears from expires in time, never early, also when its leader is lost", async (t) => {
  await withEnsemble({ members: 3, config }, async (ensemble) => {
    const timeoutMs = 2000;
    for (const isLeaderLost of [false, true]) {
      const leader = await ensemble.leader();
      const other = ensemble.members.find(({ id }) => id !== leader.id)!;
      let goneAt = 0;
      const watcher = await ZooKeeperClient.connect(other.address, {
        onEvent: ({ type, path }) => {
          if (type === 2 && path === "/held") goneAt = performance.now();
        },
      });
      const client = await ZooKeeperClient.connect(other.address, { sessionTimeoutMs: timeoutMs });
      assert.equal(client.session.timeoutMs, timeoutMs);
      await client.create("/held", "mine", ephemeral);
      assert.ok(await watcher.exists("/held", true));
      await sleep(700);
      using stalls = new Stalls();
      const heardAt = performance.now();
      await client.ping();
      client.destroy();
      if (isLeaderLost) await leader.kill("SIGKILL");
      await until("it expires", () => goneAt > 0);
      const lived = goneAt - heardAt;
      t.diagnostic(
        `${isLeaderLost ? "its leader lost" : "undisturbed"}: gone ${lived.toFixed(0)} ms after its last word`,
      );
      assert.ok(lived >= timeoutMs, `early: ${lived}`);
      assert.ok(lived < timeoutMs * (isLeaderLost ? 2 : 1) + 2500 + stalls.allowanceMs, `late: ${lived}`);
      const { session } = client;
      await assert.rejects(ZooKeeperClient.connect(other.address, { session }), SessionExpired);
      await watcher.close();
    }
  });
});
