// The feature level with real processes: it is raised under load once all members run this tree's build, older programs are refused
// from then on, with a reason, and what needs the level is refused before and served after it.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { violations } from "../failover/ledger.ts";
import type { Scene } from "../failover/scene.ts";
import { readBack } from "../failover/writers.ts";
import * as ask from "../protocols/zookeeper/support/requests.ts";
import { until } from "../server/members/story.ts";
import type { Member } from "../support/ensemble.ts";
import { ZooKeeperClient } from "../support/zookeeper-client.ts";
import {
  assertNothingLost,
  move,
  openPrevious,
  programs,
  replace,
  skip,
  timeout,
  wipe,
  writesBetween,
} from "./stage.ts";

/** What the echo door of a member answers to one line. */
async function echo({ configFile }: Member, line: string): Promise<string> {
  const port = Number(readFileSync(join(dirname(configFile), "echo-port"), "utf8"));
  const socket = connect(port, "127.0.0.1");
  socket.write(`${line}\n`);
  let text = "";
  for await (const chunk of socket) {
    text += String(chunk);
    if (text.includes("\n")) break;
  }
  return text.trim();
}

/** Since it was started last. */
function lastLife(member: Member): string {
  return member.log().slice(member.log().lastIndexOf("started as process"));
}

const config = ["reconfigEnabled=true", "skipACL=yes", "snapCount=500"];

test("under load the level is raised when the last member is upgraded, and then holds for all", {
  timeout,
  skip,
}, async () => {
  await using scene = await openPrevious(config, 1);
  const members = scene.ensemble.members as readonly [Member, Member, Member];
  const [first, second, third] = members;
  await scene.progress(writesBetween);
  await move(scene, first, "echo");
  await move(scene, second, "echo");
  // 1. One member is of the previous build: the echo door answers reads and refuses writes.
  for (const member of [first, second]) {
    assert.equal(await echo(member, "put key early"), "refused feature-level");
    assert.match(await echo(member, "get key"), /^none \d+$/);
  }
  // 2. The last one is upgraded: the leader raises the level by itself.
  await move(scene, third, "echo");
  await until("the level is raised", async () => /^done/.test(await echo(first, "put key early")));
  const leader = await scene.ensemble.leader();
  assert.match(leader.log(), /the feature level is raised from 0 to 1/);
  assert.match(await echo(second, "put key late"), /^done \d+$/);
  for (const member of members) assert.match(await echo(member, "get key"), /^value \d+ late$/);
  await scene.progress(writesBetween);

  await refuseOlder(scene, third);
  // 4. What was written since is read again after every process was killed.
  for (const member of members) await move(scene, member, "echo", { signal: "SIGKILL" });
  for (const member of members) assert.match(await echo(member, "get key"), /^value \d+ late$/);
  const fresh = await grow(scene);
  await assertNothingLost(scene);
  assert.deepEqual(violations(scene.ledger, await readBack(fresh.address)), []);
});

/** 3. Started as the previous build a member says why it cannot go on, with its data and without; the others do not notice. */
async function refuseOlder(scene: Scene, member: Member): Promise<void> {
  await replace(member, "previous");
  await until("it ends", async () => member.pid === undefined);
  assert.match(
    lastLife(member),
    /this data directory has format 2, and this version reads 1. Start the version that wrote it/,
  );
  assert.deepEqual(
    readdirSync(member.dataDirectory).filter((name) => name.startsWith("damaged")),
    [],
    "nothing changed",
  );
  await replace(member, "previous", { whileDown: () => wipe(member) });
  await until("it is refused", async () => /no version of the protocol is common/.test(lastLife(member)));
  const others = scene.ensemble.members.filter((other) => other !== member);
  await until("the others say so", async () =>
    others.some((other) => /speaks no version|speaks version/.test(lastLife(other))),
  );
  await move(scene, member, "echo");
}

/** 5. A member joins an ensemble of level 1. */
async function grow(scene: Scene): Promise<Member> {
  const fresh = await scene.ensemble.add(undefined, programs.echo);
  const client = await ZooKeeperClient.connect(scene.ensemble.members[0]!.address);
  const joining = `server.${fresh.id}=${fresh.peerAddress}:participant;127.0.0.1:${fresh.clientPort}`;
  assert.equal((await client.request(...ask.reconfig({ joining }))).error, 0);
  await until("the new member votes", async () => (await fresh.mode().catch(() => undefined)) === "follower");
  await scene.progress(writesBetween);
  await until("it has what the echo door wrote", async () => /^value \d+ late$/.test(await echo(fresh, "get key")));
  await client.close();
  return fresh;
}
