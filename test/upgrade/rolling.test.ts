// Rolling upgrades with real processes: members of the previous landed build (previous.json) and of this tree's serve one
// ensemble, under load, in both orders. Every acknowledged write is there once and in order, and every session survives.
import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { violations } from "../failover/ledger.ts";
import { type Cast, careful, pipelining, Scene } from "../failover/scene.ts";
import { readBack } from "../failover/writers.ts";
import * as ask from "../protocols/zookeeper/support/requests.ts";
import { until } from "../server/members/story.ts";
import { builtServer } from "../support/built-server.ts";
import type { Member } from "../support/ensemble.ts";
import { ReconnectingClient } from "../support/reconnecting-client.ts";
import { ZooKeeperClient } from "../support/zookeeper-client.ts";
import { previousCommit, previousServer } from "./previous-build.ts";
import { EphemeralWriter, TransactionWriter, Watcher } from "./writers.ts";

type Build = "previous" | "present";

const writesBetween = 12; // by each writer
const largeNodes = 4;
const largeBytes = 1_000_000; // a file of the log has 64 MiB
const largeRoundsMax = 100;
const abandonedTimeoutMs = 4000;
const timeout = 120_000;

const cast: Cast = {
  careful: [3, careful],
  pipelining: [3, pipelining],
  transactions: [3, (name, connect, ...rest) => new TransactionWriter(name, connect(), ...rest)],
  ephemerals: [3, (name, connect, ...rest) => new EphemeralWriter(name, connect(), ...rest)],
  watcher: [3, (name, connect, ...rest) => new Watcher(name, "careful0", connect, ...rest)],
};

const names: Readonly<Record<Build, string>> = {
  previous: `the previous build (${previousCommit})`,
  present: "this tree's build",
};
const hint =
  "Members of both have to serve one ensemble, each on what the other wrote to disk and wire: a format is read one version " +
  "back, and a new one is not written before every member of the configuration has announced that it reads it.";

let programs: Readonly<Record<Build, string>>;

before(async () => {
  programs = { previous: await previousServer(), present: await builtServer() };
});

/** An ensemble of the previous build, and writers at work. */
function openPrevious(config: readonly string[] = []): Promise<Scene> {
  return Scene.open({ flavour: "cabildo", members: 3, program: programs.previous, config }, cast);
}

interface Move {
  readonly signal?: NodeJS.Signals;
  readonly whileDown?: () => void;
}

/** Starts the member again as the other build, and waits until all serve and every writer has got on at it. */
async function move(scene: Scene, member: Member, to: Build, { signal = "SIGTERM", whileDown }: Move = {}) {
  await member.kill(signal);
  whileDown?.();
  await member.restart(programs[to]);
  try {
    await scene.ensemble.waitReady();
    await scene.spread(writesBetween);
  } catch (error) {
    throw new Error(`member ${member.id} does not serve as ${names[to]} beside the others. ${hint}`, { cause: error });
  }
}

/** Ends the load, and finds the same on all members, with nothing lost, doubled or swapped. */
async function assertNothingLost(scene: Scene): Promise<void> {
  try {
    await scene.stopWriters();
    await scene.verify("after the upgrade");
    for (const { name, client } of scene.writers) assert.equal(client.sessions, 1, `${name} lost its session`);
  } catch (error) {
    throw new Error(`members of two builds do not keep what they acknowledged. ${hint}`, { cause: error });
  }
}

test("one after another goes from the previous build to this tree's, and back while both are mixed: nothing is lost", {
  timeout,
}, async (t) => {
  await using scene = await openPrevious();
  const [first, second, third] = scene.ensemble.members as readonly [Member, Member, Member];
  const abandoned = await abandonedNode(scene);
  await scene.progress(writesBetween);
  await move(scene, first, "present");
  await move(scene, second, "present");
  await move(scene, first, "previous");
  await move(scene, first, "present", { signal: "SIGKILL" });
  await move(scene, third, "present");
  t.diagnostic(await tryBack(scene, third));
  const client = await ZooKeeperClient.connect(first.address);
  await until("a session that nobody keeps ends", async () => (await client.exists(abandoned)) === null);
  await client.close();
  await assertNothingLost(scene);
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

/** Once all members are of this tree's build, they may use what the previous one does not read: then it says so and ends. */
async function tryBack(scene: Scene, member: Member): Promise<string> {
  await member.kill("SIGTERM");
  const from = member.log().length;
  await member.restart(programs.previous);
  let isBack = true;
  await until("it serves or ends", async () => {
    if (member.pid === undefined) isBack = false;
    return !isBack || (await member.mode()) !== undefined;
  });
  if (isBack) {
    await move(scene, member, "present");
    return "the previous build still serves after the upgrade";
  }
  const said = member.log().slice(from);
  assert.match(said, /feature level|format/i, `the previous build does not say why it cannot go on:\n${said}`);
  await move(scene, member, "present");
  return "the previous build refuses what was written since the upgrade";
}

test("a fresh member of this tree's build joins an ensemble of the previous one, and votes in it", {
  timeout,
}, async () => {
  await using scene = await openPrevious(["reconfigEnabled=true", "skipACL=yes", "snapCount=100"]);
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
    throw new Error(`a fresh member of this tree's build does not join ${names.previous}. ${hint}`, { cause: error });
  }
  await client.close();
});

test("snapshots cross between the builds, in both directions", { timeout }, async () => {
  await using scene = await openPrevious(["snapCount=1000"]);
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

/** What a new disk has: the member's number. */
function wipe({ dataDirectory }: Member): void {
  for (const name of readdirSync(dataDirectory)) {
    if (name !== "myid") rmSync(join(dataDirectory, name), { recursive: true });
  }
}

function assertInstalled(member: Member, from: Build, to: Build): void {
  const said = member.log().slice(member.log().lastIndexOf("started as process"));
  assert.match(said, /installed .*snapshot/, `${names[to]} took no snapshot of ${names[from]}. ${hint}\n${said}`);
}
