// Rolling upgrades with real processes, in both orders: members of the previous landed build and of this tree's serve one
// ensemble, under load.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { violations } from "../failover/ledger.ts";
import type { Scene } from "../failover/scene.ts";
import { readBack } from "../failover/writers.ts";
import * as ask from "../protocols/zookeeper/support/requests.ts";
import { until } from "../server/members/story.ts";
import type { Member } from "../support/ensemble.ts";
import { ReconnectingClient } from "../support/reconnecting-client.ts";
import { ZooKeeperClient } from "../support/zookeeper-client.ts";
import {
  assertNothingLost,
  type Build,
  explained,
  hint,
  move,
  names,
  openPrevious,
  programs,
  replace,
  skip,
  timeout,
  wipe,
  writesBetween,
} from "./stage.ts";

const largeNodes = 4;
const largeBytes = 1_000_000; // a file of the log has 64 MiB
const largeRoundsMax = 100;
const abandonedTimeoutMs = 4000;

test("one after another goes from the previous build to this tree's, and back while both are mixed: nothing is lost", {
  timeout,
  skip,
}, async (t) => {
  await using scene = await openPrevious([], 3);
  const [first, second, third] = scene.ensemble.members as readonly [Member, Member, Member];
  const abandoned = await abandonedNode(scene);
  await scene.progress(writesBetween);
  await move(scene, first, "present");
  await move(scene, second, "present");
  await move(scene, first, "previous");
  await move(scene, first, "present", { signal: "SIGKILL" });
  await move(scene, third, "present");
  const isBack = await tryBack(scene, third);
  t.diagnostic(`the previous build ${isBack ? "still serves" : "refuses what was written"} after the upgrade`);
  const client = await ZooKeeperClient.connect(first.address);
  await until("a session that nobody keeps ends", async () => (await client.exists(abandoned)) === null);
  await client.close();
  await assertNothingLost(scene);
  if (isBack) await replace(third, "present");
  await scene.verify("once all are of this tree's build");
  t.diagnostic(`${scene.ledger.acknowledged} writes acknowledged, ${scene.ledger.unknown} without a reply`);
});

/** The ephemeral node of a session that its client abandons before the upgrade: it ends in the midst of it. */
async function abandonedNode({ ensemble }: Scene): Promise<string> {
  const addresses = ensemble.members.map(({ address }) => address);
  const client = new ReconnectingClient(addresses, { sessionTimeoutMs: abandonedTimeoutMs });
  const path = await (await client.attached()).create("/abandoned", "", 1);
  client.abandon();
  return path;
}

/**
 * Once all members are of this tree's build, they may use what the previous one does not read: then it says so and ends, and
 * the member goes on as before. Otherwise it serves, and holds what the others hold.
 */
async function tryBack(scene: Scene, member: Member): Promise<boolean> {
  const from = member.log().length;
  await replace(member, "previous");
  const serves = async () => (await member.mode().catch(() => undefined)) !== undefined;
  const isRefused = () => /no version of the protocol is common/.test(member.log().slice(from));
  await until("it serves, is refused or ends", async () => member.pid === undefined || isRefused() || (await serves()));
  if (member.pid !== undefined && !isRefused()) {
    await scene.ensemble.waitReady();
    await scene.spread(writesBetween);
    return true;
  }
  const said = member.log().slice(from);
  const says = /feature level|format|no version of the protocol is common/i;
  assert.match(said, says, `the previous build does not say why it cannot go on:\n${said}`);
  await move(scene, member, "present");
  return false;
}

test("a fresh member of this tree's build joins an ensemble of the previous one, and votes in it", {
  timeout,
  skip,
}, async () => {
  await using scene = await openPrevious(["reconfigEnabled=true", "skipACL=yes", "snapCount=100"], 1);
  await scene.progress(writesBetween);
  const fresh = await scene.ensemble.add(undefined, programs.present);
  const client = await ZooKeeperClient.connect(scene.ensemble.members[0]!.address);
  const joining = `server.${fresh.id}=${fresh.peerAddress}:participant;127.0.0.1:${fresh.clientPort}`;
  try {
    assert.equal((await client.request(...ask.reconfig({ joining }))).error, 0);
    await scene.ensemble.waitReady();
    await scene.progress(writesBetween);
    await assertNothingLost(scene);
    assert.deepEqual(violations(scene.ledger, await readBack(fresh.address)), []);
  } catch (error) {
    throw explained(`a fresh member of this tree's build does not join ${names.previous}`, error);
  }
  await client.close();
});

test("snapshots cross between the builds, in both directions", { timeout, skip }, async () => {
  await using scene = await openPrevious(["snapCount=1000"], 1);
  const { members } = scene.ensemble;
  const oldLeader = await scene.ensemble.leader();
  await outgrowLog(oldLeader);
  await scene.progress(writesBetween);

  const learner = members.find((member) => member !== oldLeader)!;
  const other = members.find((member) => member !== oldLeader && member !== learner)!;
  await move(scene, learner, "present", { signal: "SIGKILL", whileDown: () => wipe(learner) });
  assertInstalled(learner, "previous", "present");

  // The other member stays what it is; one of the two that are of this tree's build comes to lead.
  await move(scene, oldLeader, "present");
  if ((await scene.ensemble.leader()) === other) await move(scene, other, "previous");
  assert.notEqual(await scene.ensemble.leader(), other);
  await move(scene, other, "previous", { signal: "SIGKILL", whileDown: () => wipe(other) });
  assertInstalled(other, "present", "previous");
  await assertNothingLost(scene);
});

/** Until the log's first file is gone from the member's disk: who begins with nothing needs a snapshot. */
async function outgrowLog(member: Member): Promise<void> {
  // Their names tell where they begin.
  const firstFile = () =>
    readdirSync(member.dataDirectory)
      .filter((name) => /^log-[0-9]+$/.test(name))
      .sort()[0];
  const began = firstFile();
  assert.ok(began !== undefined, "the log's files are named by where they begin");
  const client = await ZooKeeperClient.connect(member.address);
  const paths = Array.from({ length: largeNodes }, (_, i) => `/large-${i}`);
  for (const path of paths) await client.create(path);
  for (let round = 0; firstFile() === began; round++) {
    assert.ok(round < largeRoundsMax, `the log still begins with ${began}`);
    await Promise.all(paths.map((path) => client.setData(path, `${round}`.padEnd(largeBytes, "x"))));
  }
  await client.close();
}

function assertInstalled(member: Member, from: Build, to: Build): void {
  const said = member.log().slice(member.log().lastIndexOf("started as process"));
  assert.match(said, /installed .*snapshot/, `${names[to]} took no snapshot of ${names[from]}. ${hint}\n${said}`);
}
