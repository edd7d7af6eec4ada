// A majority that is lost for good: a new ensemble from one survivor, which nothing of the old one can enter.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Member } from "../../support/ensemble.ts";
import { ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { cabildo, mustDo } from "./commands.ts";
import { startLoad } from "./load.ts";
import { assertHoldsAll, codeOf, until, untilTold, withEnsemble } from "./story.ts";

const EPHEMERAL = 1;

interface Held {
  readonly term: number;
  readonly lastIndex: number;
  readonly cluster: number;
  readonly voters: readonly number[];
}

async function heldBy(member: Member): Promise<Held> {
  return JSON.parse(await mustDo("recover", "-o", "json", member.configFile)) as Held;
}

function wipe({ dataDirectory, id }: Member): void {
  rmSync(dataDirectory, { recursive: true });
  mkdirSync(dataDirectory);
  writeFileSync(join(dataDirectory, "myid"), `${id}\n`);
}

/** A member that has just taken a snapshot of the leader's lets its clients go once more. */
async function connected(address: string): Promise<ZooKeeperClient> {
  let client: ZooKeeperClient | null = null;
  await until(`a session at ${address}`, async () => {
    client = await ZooKeeperClient.connect(address);
    return true;
  });
  return client!;
}

test("the survivor that holds most begins a new ensemble with all that was acknowledged; an old member stays out", async () => {
  await withEnsemble({ members: 3 }, async (ensemble) => {
    const session = await ZooKeeperClient.connect(ensemble.members[0]!.address);
    await session.create("/lock");
    await session.create("/lock/holder", null, EPHEMERAL);
    const load = await startLoad(ensemble);
    await load.more(1000);
    await Promise.all(ensemble.members.map((member) => member.kill("SIGKILL")));
    await load.stop();
    const acknowledged = load.acknowledged();

    const held = await Promise.all(ensemble.members.map(heldBy));
    for (const { cluster, voters } of held) {
      assert.equal(cluster, held[0]!.cluster);
      assert.deepEqual(voters, [1, 2, 3]);
    }
    const order = ensemble.members.toSorted((a, b) => {
      const [one, other] = [held[a.id - 1]!, held[b.id - 1]!];
      return other.term - one.term || other.lastIndex - one.lastIndex;
    });
    const [survivor, stale, lost] = order as [Member, Member, Member];
    const before = readdirSync(survivor.dataDirectory);
    assert.match(await mustDo("recover", survivor.configFile), /Nothing was changed/);
    assert.deepEqual(readdirSync(survivor.dataDirectory).sort(), before.sort());

    wipe(lost);
    const told = await mustDo("recover", "--force-new-ensemble", survivor.configFile);
    assert.match(told, /[5-9] sessions have ended/);
    const aside = readdirSync(survivor.dataDirectory).find((name) => name.startsWith("before-recovery-"))!;
    assert.ok(existsSync(join(survivor.dataDirectory, aside, "identity")));
    for (const member of order) await member.restart();
    await untilTold(stale, /another ensemble/);
    for (const member of order) assert.doesNotMatch(String(await member.mode()), /leader|standalone/);

    await stale.kill();
    wipe(stale);
    await stale.restart();
    await ensemble.waitReady();
    for (const { address } of ensemble.members) {
      const client = await connected(address);
      await client.sync();
      await assertHoldsAll(client, "/load", acknowledged);
      assert.deepEqual(await client.getChildren("/lock"), []);
      await client.create(`/lock/again-${address}`, null, EPHEMERAL);
      assert.ok((await client.exists(`/lock/again-${address}`))!.czxid > 2 ** 36);
      await client.close();
    }
    await (await ensemble.leader()).kill();
    await until("two of three serve", async () => {
      const other = (await ensemble.leader()).address;
      const client = await ZooKeeperClient.connect(other);
      return (await codeOf(client.create("/after"))) === 0;
    });
  });
});

test("nothing is recovered from a running member, from an empty directory, or from a damaged one", async () => {
  await withEnsemble({ members: 1 }, async (ensemble) => {
    const [member] = ensemble.members as [Member];
    const client = await ZooKeeperClient.connect(member.address);
    await client.create("/kept", "x".repeat(1000));
    const running = await cabildo("recover", "--force-new-ensemble", member.configFile);
    assert.deepEqual([running.status, /is using this data directory/.test(running.err)], [2, true], running.err);
    await member.kill("SIGKILL");
    const [log] = readdirSync(member.dataDirectory).filter((name) => name.startsWith("log-"));
    const path = join(member.dataDirectory, log!);
    const bytes = readFileSync(path);
    bytes[bytes.indexOf("xxxxxxxxxx") + 500]! ^= 4;
    writeFileSync(path, bytes);
    const damaged = await cabildo("recover", "--force-new-ensemble", member.configFile);
    assert.deepEqual([damaged.status, /at offset \d+/.test(damaged.err)], [1, true], damaged.err);
    assert.deepEqual(readFileSync(path), bytes);
    wipe(member);
    const empty = await cabildo("recover", "--force-new-ensemble", member.configFile);
    assert.deepEqual([empty.status, /nothing to recover/.test(empty.err)], [2, true], empty.err);
  });
});
