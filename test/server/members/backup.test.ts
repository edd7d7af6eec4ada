// Backups of real members under load, and the new ensembles that begin from them.
import assert from "node:assert/strict";
import {
  appendFileSync,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { after, test } from "node:test";
import { verifyBackup } from "../../../src/adapters/backup/reader.ts";
import { type Member, startEnsemble } from "../../support/ensemble.ts";
import { ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { cabildo, mustDo } from "./commands.ts";
import { adminPorts, adminSettings, startLoad } from "./load.ts";
import { assertHoldsAll, codeOf, until, untilTold, withEnsemble } from "./story.ts";

const directory = mkdtempSync(join(tmpdir(), "cabildo-backups-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Restores into the directory that the first member of an ensemble in `root` will have. */
function restoreInto(root: string, file: string): Promise<string> {
  const data = join(root, "member-1", "data");
  return mustDo("restore", file, "--id", "1", "--data", data, "--client-port", "2181");
}

function tokenFile({ dataDirectory }: Member): string {
  return join(dataDirectory, "operator-token");
}

const EPHEMERAL = 1;

test("a backup of each member under load holds all that was acknowledged, and a new ensemble of three serves it", async () => {
  const ports = await adminPorts(3);
  const file = (id: number): string => join(directory, `under-load-${id}`);
  const acknowledged: string[][] = [];
  let tokenMax = 0;
  await withEnsemble({ members: 3, configOf: adminSettings(ports) }, async (ensemble) => {
    const session = await ZooKeeperClient.connect(ensemble.members[0]!.address);
    await session.create("/lock");
    await session.create("/lock/holder", null, EPHEMERAL);
    const load = await startLoad(ensemble);
    for (const member of ensemble.members) {
      await load.more(200);
      acknowledged[member.id] = load.acknowledged();
      await mustDo("backup", "--config", member.configFile, "--out", file(member.id));
    }
    await load.more(200);
    await load.stop();
    await session.create("/last");
    tokenMax = (await session.exists("/last"))!.czxid;
  });
  for (const id of [1, 2, 3]) {
    const { out } = { out: await mustDo("backup", "verify", "-o", "json", file(id)) };
    const facts = JSON.parse(out) as { member: number; sequence: number; znodes: number };
    assert.equal(facts.member, id);
    assert.ok(facts.znodes > acknowledged[id]!.length && facts.sequence <= tokenMax);
  }
  const dataRoot = mkdtempSync(join(directory, "restored-"));
  assert.match(await restoreInto(dataRoot, file(2)), /[5-9] sessions have ended/);
  await withEnsemble({ members: 3, dataRoot }, async (ensemble) => {
    for (const { address } of ensemble.members) {
      const client = await ZooKeeperClient.connect(address);
      await client.sync();
      await assertHoldsAll(client, "/load", acknowledged[2]!);
      assert.deepEqual(await client.getChildren("/lock"), []);
      await client.create(`/lock/again-${address}`, null, EPHEMERAL);
      const { czxid } = (await client.exists(`/lock/again-${address}`))!;
      assert.ok(czxid > tokenMax, `a token of ${czxid} after one of ${tokenMax}`);
      await client.close();
    }
    const leader = await ensemble.leader();
    await leader.kill();
    const other = ensemble.members.find(({ id }) => id !== leader.id)!;
    await until("two of three serve", async () => {
      const client = await ZooKeeperClient.connect(other.address);
      return (await codeOf(client.create("/after"))) === 0;
    });
  });
});

test("a member of the old ensemble has no part in the new one: neither leads, and both say so", async () => {
  const ports = await adminPorts(1);
  await withEnsemble({ members: 1, configOf: adminSettings(ports) }, async (ensemble) => {
    const [old] = ensemble.members as [Member];
    const client = await ZooKeeperClient.connect(old.address);
    await client.create("/kept");
    const file = join(directory, "of-one");
    await mustDo("backup", "--config", old.configFile, "--out", file);
    const dataRoot = mkdtempSync(join(directory, "beside-"));
    await mustDo("restore", file, "--id", "2", "--data", join(dataRoot, "member-2", "data"), "--client-port", "2181");
    await using restored = await startEnsemble({ flavour: "cabildo", members: 1, ids: [2], dataRoot });
    const [fresh] = restored.members as [Member];
    for (const member of [old, fresh]) {
      await member.kill("SIGTERM");
      const servers = [old, fresh].map(({ id, peerAddress }) => `server.${id}=${peerAddress}\n`);
      appendFileSync(member.configFile, servers.join(""));
    }
    for (const member of [old, fresh]) await member.restart();
    await untilTold(old, /member 2.* another ensemble/);
    await untilTold(fresh, /member 1.* another ensemble/);
    for (const member of [old, fresh]) assert.doesNotMatch(String(await member.mode()), /leader|standalone/);
  });
});

test("every sampled flipped bit is refused, by verify and by restore, and nothing is begun", async () => {
  const ports = await adminPorts(1);
  const file = join(directory, "to-damage");
  await withEnsemble({ members: 1, configOf: adminSettings(ports) }, async (ensemble) => {
    const load = await startLoad(ensemble);
    await load.more(500);
    await load.stop();
    await mustDo("backup", "--config", ensemble.members[0]!.configFile, "--out", file);
  });
  const whole = readFileSync(file);
  const damaged = join(directory, "damaged");
  const step = Math.max(1, Math.floor(whole.length / 400));
  for (let at = 0; at < whole.length; at += step) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 1 << (at % 8);
    writeFileSync(damaged, bytes);
    await assert.rejects(verifyBackup(damaged), /damaged/, `a flipped bit at ${at}`);
  }
  const verified = await cabildo("backup", "verify", damaged);
  assert.deepEqual([verified.status, /is damaged/.test(verified.err)], [1, true]);
  const data = join(directory, "never");
  const restored = await cabildo("restore", damaged, "--id", "1", "--data", data, "--client-port", "2181");
  assert.equal(restored.status, 1);
  assert.throws(() => readdirSync(data), /ENOENT/);
});

test("a restore goes into empty directories only, and one that was cut short is never started from", async () => {
  const ports = await adminPorts(1);
  await withEnsemble({ members: 1, configOf: adminSettings(ports) }, async (ensemble) => {
    const [member] = ensemble.members;
    const file = join(directory, "again");
    await mustDo("backup", "--config", member!.configFile, "--out", file);
    const refused = await cabildo("restore", file, member!.configFile);
    assert.deepEqual([refused.status, /is not empty \(.*nothing was changed/.test(refused.err)], [2, true]);
    const data = join(directory, "cut-short");
    mkdirSync(data);
    writeFileSync(join(data, "unfinished-restore"), "Remove everything here\n");
    const started = await cabildo("server", "--id", "1", "--data", data, "--client-port", "2181");
    assert.deepEqual([started.status, /a restore into this directory was cut short/.test(started.err)], [1, true]);
  });
});

test("without the token, from a page, or beside another backup: refused; without a quorum too", async () => {
  const ports = await adminPorts(3);
  await withEnsemble({ members: 3, configOf: adminSettings(ports) }, async (ensemble) => {
    const [one, two, three] = ensemble.members as [Member, Member, Member];
    const load = await startLoad(ensemble, { valueBytes: 32 * 1024 });
    await load.more(600);
    await load.stop();
    const foreign = ["--member", `127.0.0.1:${ports[0]}`, "--token-file", tokenFile(two)];
    const denied = await cabildo("backup", ...foreign, "--out", join(directory, "denied"));
    assert.deepEqual([denied.status, /token is missing or wrong.*It was not done/.test(denied.err)], [1, true]);
    assert.equal((await ask(ports[0]!, {})).status, 401);
    const token = readFileSync(tokenFile(one), "utf8").trim();
    assert.equal((await ask(ports[0]!, { authorization: `Bearer ${token}`, host: "evil.example" })).status, 421);
    const fromPage = { authorization: `Bearer ${token}`, origin: "http://evil.example" };
    assert.equal((await ask(ports[0]!, fromPage)).status, 403);

    const slow = await ask(ports[0]!, { authorization: `Bearer ${token}` });
    assert.equal(slow.status, 200);
    const own = [
      "--member",
      `127.0.0.1:${ports[0]}`,
      "--token-file",
      tokenFile(one),
      "--out",
      join(directory, "second"),
    ];
    assert.match((await cabildo("backup", ...own)).err, /another backup is being fetched/);
    slow.end();
    await until("the first is given up", async () => (await cabildo("backup", ...own)).status === 0);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.endsWith(".unfinished")),
      [],
    );

    await two.kill();
    await three.kill();
    const alone = await cabildo("backup", ...own.slice(0, -1), join(directory, "third"));
    assert.deepEqual([alone.status, /needs a quorum.*It was not done/.test(alone.err)], [1, true]);
  });
});

test("a backup that is fetched slowly stays whole while the member takes one snapshot after the other", async () => {
  const ports = await adminPorts(1);
  const configOf = (id: number) => [...adminSettings(ports)(id), "snapCount=200"];
  await withEnsemble({ members: 1, configOf }, async (ensemble) => {
    const [member] = ensemble.members as [Member];
    const load = await startLoad(ensemble, { valueBytes: 32 * 1024 });
    await load.more(600);
    const headers = { authorization: `Bearer ${readFileSync(tokenFile(member), "utf8").trim()}` };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request({ method: "POST", port: ports[0], path: "/operator/backup", headers, agent: false });
      asked.once("response", resolve).once("error", reject);
      asked.end();
    });
    const snapshots = () => readdirSync(member.dataDirectory).filter((name) => /^snapshot-\d+-\d+$/.test(name)).length;
    await load.more(1500); // nothing is read meanwhile
    assert.ok(snapshots() > 3, "the one that is read is kept beside the three newest");
    await load.stop();
    const file = join(directory, "slow");
    await pipeline(response, createWriteStream(file));
    assert.ok((await verifyBackup(file)).header.bytes > 600 * 32 * 1024);
  });
});

interface Asked {
  readonly status: number;
  end(): void;
}

/** An answer whose body is not read. */
function ask(port: number, headers: Readonly<Record<string, string>>): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const asked = request({ method: "POST", port, path: "/operator/backup", headers, agent: false });
    asked.once("response", (response) => {
      resolve({ status: response.statusCode ?? 0, end: () => asked.destroy() });
    });
    asked.on("error", reject);
    asked.end();
  });
}
