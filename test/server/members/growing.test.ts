// Ensembles that grow as ZooKeeper's operators make them grow: by editing every member's zoo.cfg and starting them again.
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { Ensemble, Member } from "../../support/ensemble.ts";
import { ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { assertHoldsAll, codeOf, until, untilTold, withEnsemble } from "./story.ts";

/** The file of each lists them all. */
function listAll(members: readonly Member[]): void {
  for (const { configFile } of members) {
    const others = readFileSync(configFile, "utf8").replaceAll(/^server\..*\n/gm, "");
    writeFileSync(configFile, others);
    for (const { id, peerAddress } of members) appendFileSync(configFile, `server.${id}=${peerAddress}\n`);
  }
}

async function writeNames(member: Member, names: readonly string[]): Promise<void> {
  const client = await ZooKeeperClient.connect(member.address);
  for (const name of names) await client.create(`/${name}`);
  await client.close();
}

/** More machines, as yet without data and stopped. */
async function addBlank(ensemble: Ensemble, count: number): Promise<Member[]> {
  const added: Member[] = [];
  for (let i = 0; i < count; i++) {
    const member = await ensemble.add();
    await member.kill();
    added.push(member);
  }
  return added;
}

/** Whether it follows a leader that a majority hears, or is that leader. */
async function hasQuorum(member: Member): Promise<boolean> {
  return (JSON.parse(await member.ask("memb")) as { hasQuorum: boolean }).hasQuorum;
}

const names = Array.from({ length: 50 }, (_, i) => `n${i}`);

for (const order of [
  [1, 2, 3],
  [2, 3, 1],
]) {
  test(`a member alone becomes one of three by the files, started in the order ${order}`, async () => {
    await withEnsemble({ members: 1 }, async (ensemble) => {
      const [alone] = ensemble.members;
      await writeNames(alone!, names);
      await alone!.kill("SIGTERM");
      const members = [alone!, ...(await addBlank(ensemble, 2))];
      listAll(members);
      const byId = (id: number): Member => members.find((member) => member.id === id)!;
      const last = byId(order[2]!);
      for (const id of order.slice(0, 2)) await byId(id).restart();
      for (const id of order.slice(0, 2)) {
        await untilTold(byId(id), new RegExp(`member ${last.id} does not answer.*--found-without ${last.id}`));
        assert.equal(await hasQuorum(byId(id)), false);
      }
      await last.restart();
      for (const member of members) await until("all serve", () => hasQuorum(member));
      const clients = await Promise.all(members.map(({ address }) => ZooKeeperClient.connect(address)));
      for (const client of clients) {
        await client.sync();
        await assertHoldsAll(client, "/", names);
      }
      await (await ensemble.leader()).kill();
      const another = clients.find((_, i) => members[i]!.pid !== undefined)!;
      await until("a write by two", async () => (await codeOf(another.create("/after"))) === 0);
      const config = await another.getData("/zookeeper/config");
      assert.match(config.data, /server\.1=.*\nserver\.2=.*\nserver\.3=.*\nversion=0/);
    });
  });
}

test("three become five by rolling restarts with a new file, and serve all the while", async () => {
  await withEnsemble({ members: 3 }, async (ensemble) => {
    const three = ensemble.members;
    await writeNames(three[0]!, names);
    const five = [...three, ...(await addBlank(ensemble, 2))];
    listAll(five);
    for (const member of five.slice(3)) await member.restart();
    for (const member of three) {
      await member.kill("SIGTERM");
      const other = three.find(({ id }) => id !== member.id)!;
      await writeNames(other, [`while-${member.id}`]);
      await member.restart();
      await until(`member ${member.id} serves`, () => hasQuorum(member));
    }
    await until("all five vote", async () =>
      (await Promise.all(five.map((member) => member.ask("mntr")))).every((text) => /zk_quorum_size\t5\n/.test(text)),
    );
    await Promise.all(three.slice(0, 2).map((member) => member.kill()));
    const client = await ZooKeeperClient.connect(five[4]!.address);
    await until("a write by three", async () => (await codeOf(client.create("/after"))) === 0);
    await assertHoldsAll(client, "/", [...names, "while-1", "while-2", "while-3", "after"]);
    await client.close();
  });
});

test("a member told so begins an ensemble without another that never was; that one is refused nothing later", async () => {
  await withEnsemble({ members: 1 }, async (ensemble) => {
    const [alone] = ensemble.members;
    await writeNames(alone!, names);
    await alone!.kill("SIGTERM");
    const [second, third] = await addBlank(ensemble, 2);
    listAll([alone!, second!, third!]);
    appendFileSync(alone!.configFile, "foundWithout=3\n");
    await second!.restart();
    await alone!.restart();
    await until("two of three serve", () => hasQuorum(second!));
    await writeNames(second!, ["by-two"]);
    await third!.restart();
    await until("the third serves", () => hasQuorum(third!));
    const client = await ZooKeeperClient.connect(third!.address);
    await client.sync();
    await assertHoldsAll(client, "/", [...names, "by-two"]);
    await client.close();
  });
});
