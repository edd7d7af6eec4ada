// Sessions over the life and death of the member that they are on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SessionExpired, ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { until, withEnsemble } from "./story.ts";

const ephemeral = 1;
const config = ["tickTime=500"]; // sessions of a second and more

test("a session moves to another member when its own is killed, and what it holds lives on", async () => {
  await withEnsemble({ members: 3, config }, async (ensemble) => {
    const leader = await ensemble.leader();
    const [own, other] = [leader, ensemble.members.find(({ id }) => id !== leader.id)!];
    const timeouts = { sessionTimeoutMs: 6000 };
    const client = await ZooKeeperClient.connect(own.address, timeouts);
    await client.create("/held", "mine", ephemeral);
    const { session, lastZxid } = client;
    await own.kill("SIGKILL");
    await client.ended;

    const moved = await ZooKeeperClient.connect(other.address, { session, lastZxidSeen: lastZxid });
    assert.equal(moved.session.id, session.id);
    // A session of the same timeout that nobody renews ends meanwhile.
    const observer = await ZooKeeperClient.connect(ensemble.members.find(({ id }) => id !== own.id)!.address);
    const silent = await ZooKeeperClient.connect(other.address, timeouts);
    await silent.create("/silent", "", ephemeral);
    silent.destroy();
    const silentExpired = async () => {
      await moved.ping();
      return (await observer.exists("/silent")) === null;
    };
    await until("the silent session expires", silentExpired, 60_000);
    assert.equal((await moved.getData("/held")).stat.ephemeralOwner, session.id, "longer than its timeout after");

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
    const latestMs = 4500; // the timeout of another session, which is to outlive it: members count both by one clock
    for (const isLeaderLost of [false, true]) {
      const leader = await ensemble.leader();
      const other = ensemble.members.find(({ id }) => id !== leader.id)!;
      const gone: string[] = [];
      let goneAt = 0;
      const watcher = await ZooKeeperClient.connect(other.address, {
        onEvent: ({ type, path }) => {
          if (type !== 2) return;
          gone.push(path);
          if (path === "/held") goneAt = performance.now();
        },
      });
      const client = await ZooKeeperClient.connect(other.address, { sessionTimeoutMs: timeoutMs });
      const longer = await ZooKeeperClient.connect(other.address, { sessionTimeoutMs: latestMs });
      assert.deepEqual([client.session.timeoutMs, longer.session.timeoutMs], [timeoutMs, latestMs]);
      await client.create("/held", "mine", ephemeral);
      await longer.create("/held-longer", "mine", ephemeral);
      for (const path of ["/held", "/held-longer"]) assert.ok(await watcher.exists(path, true));
      await sleep(700); // if the ping below did not count, the session would end early
      await longer.ping();
      const heardAt = performance.now();
      await client.ping();
      client.destroy();
      longer.destroy();
      if (isLeaderLost) await leader.kill("SIGKILL");
      const bothExpired = async () => {
        await watcher.ping();
        return gone.length === 2;
      };
      await until("both expire", bothExpired, 60_000);
      const lived = goneAt - heardAt;
      t.diagnostic(
        `${isLeaderLost ? "its leader lost" : "undisturbed"}: gone ${lived.toFixed(0)} ms after its last word`,
      );
      assert.ok(lived >= timeoutMs, `early: ${lived}`);
      assert.deepEqual(gone, ["/held", "/held-longer"], "late");
      const { session } = client;
      await assert.rejects(ZooKeeperClient.connect(other.address, { session }), SessionExpired);
      await watcher.close();
    }
  });
});
