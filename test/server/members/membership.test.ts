// Who belongs to a running ensemble: members join, observe, leave, and come back without their data.
import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as ask from "../../protocols/zookeeper/support/requests.ts";
import type { Member } from "../../support/ensemble.ts";
import { ConnectionLost, ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { assertHoldsAll, codeOf, until, untilTold, withEnsemble } from "./story.ts";

const config = ["reconfigEnabled=true", "skipACL=yes", "tickTime=500"];

function line({ id, peerAddress, clientPort }: Member, role: string): string {
  return `server.${id}=${peerAddress}:${role};127.0.0.1:${clientPort}`;
}

/** How many vote, as a member sees it. */
async function voters(member: Member): Promise<number> {
  return Number(/zk_quorum_size\t(\d+)/.exec(await member.ask("mntr"))?.[1]);
}

async function configText(client: ZooKeeperClient): Promise<string> {
  return (await client.getData("/zookeeper/config")).data;
}

test("a fourth member and an observer join a running ensemble, serve, and leave it", async () => {
  await withEnsemble({ members: 3, config }, async (ensemble) => {
    const [first, second] = ensemble.members;
    const client = await ZooKeeperClient.connect(first!.address);
    await client.create("/before", "x".repeat(1000));
    const before = await configText(client);
    assert.match(
      before,
      /^server\.1=127\.0\.0\.1:\d+:\d+:participant.*\nserver\.2=.*\nserver\.3=.*\nversion=[0-9a-f]+$/,
    );

    const fourth = await ensemble.add();
    const joined = await client.request(...ask.reconfig({ joining: line(fourth, "participant") }));
    assert.equal(joined.error, 0);
    assert.ok(Buffer.from(joined.body).includes(`server.4=${fourth.peerAddress}:participant;127.0.0.1:`));
    const text = await configText(client);
    assert.ok(text.startsWith(before.slice(0, before.indexOf("version="))), "the others stand as before");
    assert.ok(text.includes(`${line(fourth, "participant")}\nversion=`), text);
    await until("it votes", async () => (await voters(fourth)) === 4);
    const onFourth = await ZooKeeperClient.connect(fourth.address);
    await onFourth.sync();
    assert.equal((await onFourth.getData("/before")).data.length, 1000);

    const observer = await ensemble.add(({ id, peerAddress }) => [`server.${id}=${peerAddress}:observer`]);
    assert.equal((await client.request(...ask.reconfig({ joining: line(observer, "observer") }))).error, 0);
    await until("it observes", async () => (await observer.mode()) === "observer");
    assert.equal(await voters(first!), 4);
    const onObserver = await ZooKeeperClient.connect(observer.address);
    await onObserver.create("/by-the-observer");

    await second!.kill("SIGKILL"); // of four, three remain: only with the fourth one's vote are they enough
    await until("a write", async () => (await codeOf(onFourth.setData("/before", "by three"))) === 0);
    await second!.restart();
    await ensemble.waitReady();

    assert.equal((await client.request(...ask.reconfig({ leaving: "4,5" }))).error, 0);
    assert.doesNotMatch(await configText(client), /server\.[45]=/);
    assert.equal(await voters(first!), 3);
    await Promise.all([onFourth.ended, onObserver.ended]); // whoever was on them is let go
    for (const { address } of [fourth, observer]) {
      await assert.rejects(ZooKeeperClient.connect(address, { patienceMs: 5000 }), ConnectionLost);
    }
    assert.ok(await client.exists("/by-the-observer"));
    await client.close();
  });
});

test("a reconfiguration that cannot be is refused, and changes nothing", async () => {
  await withEnsemble({ members: 3, config }, async (ensemble) => {
    const client = await ZooKeeperClient.connect(ensemble.members[0]!.address);
    const before = await configText(client);
    assert.equal((await client.request(...ask.reconfig({ joining: "server.4=nonsense" }))).error, -8);
    assert.equal((await client.request(...ask.reconfig({ leaving: "1,2,3" }))).error, -8);
    assert.equal((await client.request(...ask.reconfig({ leaving: "3", version: 12345 }))).error, -103);
    assert.equal(await configText(client), before);
    await client.close();
  });
});

test("a member whose data directory was emptied comes back by itself, and votes again", async () => {
  await withEnsemble({ members: 3 }, async (ensemble) => {
    const leader = await ensemble.leader();
    const [wiped, other] = ensemble.members.filter(({ id }) => id !== leader.id);
    const client = await ZooKeeperClient.connect(leader.address);
    const names = Array.from({ length: 300 }, (_, i) => `n${i}`);
    await Promise.all(names.map((name) => client.create(`/${name}`, "x".repeat(500))));

    await wiped!.kill("SIGKILL");
    for (const name of readdirSync(wiped!.dataDirectory)) {
      if (name !== "myid") rmSync(join(wiped!.dataDirectory, name), { recursive: true });
    }
    await wiped!.restart();
    await untilTold(leader, new RegExp(`member ${wiped!.id} came back with an empty disk: it learns before it votes`));
    await untilTold(leader, new RegExp(`member ${wiped!.id} has caught up: it votes from now on`));
    await until("all three vote, and the change is over", async () => {
      const { joint } = JSON.parse(await leader.ask("memb")) as { joint: boolean };
      return !joint && (await voters(leader)) === 3;
    });

    await other!.kill("SIGKILL"); // now nothing is written without the one that had lost everything
    await client.create("/after");
    const reader = await ZooKeeperClient.connect(wiped!.address);
    await reader.sync();
    await assertHoldsAll(reader, "/", [...names, "after"]);
    await Promise.all([client.close(), reader.close()]);
  });
});

for (const role of ["observer", "participant"]) {
  test(`a joiner that lists itself as ${role} follows and serves before any reconfiguration`, async () => {
    await withEnsemble({ members: 3, config }, async (ensemble) => {
      const client = await ZooKeeperClient.connect(ensemble.members[0]!.address);
      await client.create("/before");
      const before = await configText(client);
      const joiner = await ensemble.add(({ id, peerAddress }) => [`server.${id}=${peerAddress}:${role}`]);
      await until("it serves", async () => {
        const { hasQuorum, appliedIndex } = JSON.parse(await joiner.ask("memb"));
        return hasQuorum && appliedIndex > 0;
      });
      const onJoiner = await ZooKeeperClient.connect(joiner.address);
      assert.ok(await onJoiner.exists("/before"));
      await onJoiner.create("/through-it");
      assert.ok(await client.exists("/through-it"));
      assert.equal(await configText(onJoiner), before, "it belongs to nothing yet");
      assert.equal(await voters(ensemble.members[0]!), 3);
      assert.equal((await client.request(...ask.reconfig({ joining: line(joiner, role) }))).error, 0);
      await onJoiner.sync();
      assert.ok((await configText(onJoiner)).includes(line(joiner, role)), "and stays connected when it does");
      await Promise.all([client.close(), onJoiner.close()]);
    });
  });
}
