// Operators change the members of a running ensemble, and its leader, while clients write.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Member } from "../../support/ensemble.ts";
import { freePort } from "../../support/ports.ts";
import { ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { cabildo, mustDo } from "./commands.ts";
import { adminPorts, adminSettings, startLoad } from "./load.ts";
import { assertHoldsAll, until, withEnsemble } from "./story.ts";

interface Listed {
  readonly leader: number | null;
  readonly members: readonly { readonly id: number; readonly role: string; readonly counts: boolean }[];
}

async function listed(member: Member): Promise<Listed> {
  return JSON.parse(await mustDo("member", "list", "-o", "json", "--config", member.configFile)) as Listed;
}

function roleOf({ members }: Listed, id: number): string | undefined {
  const found = members.find((member) => member.id === id);
  return found === undefined
    ? undefined
    : found.role === "voter" && !found.counts
      ? "voter that does not count"
      : found.role;
}

test("a member is added as an observer, promoted, leads, and is removed, and nothing acknowledged is lost", async () => {
  const ports = await adminPorts(3);
  await withEnsemble({ members: 3, configOf: adminSettings(ports) }, async (ensemble) => {
    const [one] = ensemble.members as [Member];
    const load = await startLoad(ensemble);
    await load.more(200);
    const port = await freePort();
    const fourth = await ensemble.add(() => ["admin.enableServer=true", `admin.serverPort=${port}`]);
    const line = `server.4=${fourth.peerAddress}:observer;127.0.0.1:${fourth.clientPort}`;
    await until("every member understands such changes", async () => {
      return (await cabildo("member", "add", "--config", one.configFile, line)).status === 0;
    });
    await until("it is there", async () => roleOf(await listed(one), 4) === "learner");
    const again = await cabildo("member", "add", "--config", one.configFile, line);
    assert.deepEqual([again.status, /already.*It was not done/.test(again.err)], [1, true], again.err);

    assert.match(await mustDo("member", "promote", "--config", one.configFile, "4"), /server\.4=.*:participant/);
    await until("it votes", async () => roleOf(await listed(one), 4) === "voter");
    await load.more(200);

    const leader = await ensemble.leader();
    const follower = ensemble.members.find(({ id }) => id !== leader.id)!;
    const wrong = await cabildo("leader", "transfer", "--config", follower.configFile);
    assert.match(wrong.err, new RegExp(`member ${leader.id} leads: ask that one. It was not done`));
    assert.equal(await mustDo("leader", "transfer", "--config", leader.configFile, "--to", "4"), "member 4 leads");
    await until("all know", async () => (await listed(one)).leader === 4);
    await load.more(200);
    assert.match(await mustDo("leader", "transfer", "--config", fourth.configFile), /member [123] leads/);

    assert.doesNotMatch(await mustDo("member", "remove", "--config", one.configFile, "4"), /server\.4/);
    assert.equal(roleOf(await listed(one), 4), undefined);
    await load.more(200);
    await load.stop();
    const client = await ZooKeeperClient.connect(one.address);
    await client.sync();
    await assertHoldsAll(client, "/load", load.acknowledged());
  });
});

test("what cannot be is refused, and said to be not done", async () => {
  const ports = await adminPorts(3);
  await withEnsemble({ members: 3, configOf: adminSettings(ports) }, async (ensemble) => {
    const [one, two, three] = ensemble.members as [Member, Member, Member];
    const at = ["--config", one.configFile] as const;
    await until("every member understands such changes", async () => {
      const { err } = await cabildo("member", "remove", ...at, "9");
      return /there is no member of this number. It was not done/.test(err);
    });
    const wrong = await cabildo("member", "add", ...at, "server.4=nowhere");
    assert.deepEqual([wrong.status, /must have the form.*It was not done/.test(wrong.err)], [2, true], wrong.err);
    assert.equal((await cabildo("member", "add", ...at, "nothing")).status, 2);
    const promoted = await cabildo("member", "promote", ...at, "9");
    assert.match(promoted.err, /there is no member of this number. It was not done/);
    const json = await cabildo("member", "promote", ...at, "9", "-o", "json");
    const { error } = JSON.parse(json.err) as { error: { code: string; outcome: string } };
    assert.deepEqual([error.code, error.outcome], ["rejected", "not-applied"]);

    const leader = await ensemble.leader();
    const [dead] = [one, two, three].filter(({ id }) => id !== leader.id) as [Member];
    await dead.kill();
    const refused = await cabildo("leader", "transfer", "--config", leader.configFile, "--to", String(dead.id));
    assert.match(refused.err, new RegExp(`member ${dead.id} .*It was not done`));
    const other = [one, two, three].find(({ id }) => id !== leader.id && id !== dead.id)!;
    const impossible = await cabildo("member", "remove", "--config", leader.configFile, String(other.id));
    assert.match(impossible.err, /no majority.*It was not done/);
    await mustDo("member", "remove", "--config", leader.configFile, String(dead.id));
    assert.deepEqual(
      (await listed(leader)).members.map(({ id }) => id),
      [leader.id, other.id].sort(),
    );
  });
});
