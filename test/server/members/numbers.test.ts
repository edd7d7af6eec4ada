// Members of any number that ZooKeeper's users give them: from 0, and beyond one byte.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as ask from "../../protocols/zookeeper/support/requests.ts";
import { ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { assertHoldsAll, codeOf, until, withEnsemble } from "./story.ts";

test("members 0, 256 and 70000 are an ensemble that elects, fails over and restarts as any other", async () => {
  const config = ["reconfigEnabled=true", "tickTime=500"];
  await withEnsemble({ members: 3, ids: [0, 256, 70_000], config }, async (ensemble) => {
    const ids = new Set<string>();
    const names: string[] = [];
    for (const member of ensemble.members) {
      const client = await ZooKeeperClient.connect(member.address);
      ids.add(String(client.session.id));
      await client.create(`/by-${member.id}`);
      names.push(`by-${member.id}`);
      await client.close();
    }
    assert.equal(ids.size, 3, "sessions of members with the same low byte differ");
    // Each leads in its turn, so that each is voted for, and acknowledges.
    for (let round = 0; round < 3; round++) {
      const leader = await ensemble.leader();
      await leader.kill();
      const other = ensemble.members.find(({ id }) => id !== leader.id)!;
      await until("a write by two", async () => {
        const client = await ZooKeeperClient.connect(other.address, { patienceMs: 2000 });
        const code = await codeOf(client.create(`/round-${round}`));
        await client.close();
        return code === 0 || code === -110;
      });
      names.push(`round-${round}`);
      await leader.restart();
      await ensemble.waitReady();
    }
    for (const member of ensemble.members) {
      const client = await ZooKeeperClient.connect(member.address);
      await client.sync();
      await assertHoldsAll(client, "/", names);
      const { data } = await client.getData("/zookeeper/config");
      assert.match(data, /^server\.0=.*\nserver\.256=.*\nserver\.70000=.*\nversion=0$/);
      // As the C client's suite asks: what it may not do is told, whatever the number.
      const refused = await client.request(...ask.reconfig({ joining: "server.999=127.0.0.1:1:2:participant;3" }));
      assert.equal(refused.error, -102);
      await client.close();
    }
  });
});

test("a member alone may be number 0", async () => {
  await withEnsemble({ members: 1, ids: [0] }, async (ensemble) => {
    const [alone] = ensemble.members;
    const client = await ZooKeeperClient.connect(alone!.address);
    await client.create("/a");
    await client.close();
    await alone!.kill();
    await alone!.restart();
    await ensemble.waitReady();
    const again = await ZooKeeperClient.connect(alone!.address);
    assert.ok(await again.exists("/a"));
    await again.close();
  });
});
