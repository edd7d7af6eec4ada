// Service discovery and groups in two languages: Curator's ServiceDiscovery and GroupMember on the paths of ours, each
// finding the other's.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../src/index.ts";
import { Program } from "../support/program.ts";
import { java } from "./java.ts";
import { prepareStage } from "./stage.ts";

const stage = await prepareStage({ runtime: java });

/** Asks again until the answer is the one that is waited for. */
async function says(program: Program, wish: string, answer: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const from = program.lines.length;
    program.say(wish);
    const line = await program.line(new RegExp(`^${wish} `), { from });
    if (line === `${wish} ${answer}`) return;
    assert.ok(performance.now() < deadline, `${line}, not ${answer}\n${program.transcript()}`);
    await sleep(50);
  }
}

stage.scenario("Curator's instances and members are found by ours, and ours by Curator's", async (actors) => {
  const { runtime, ensemble } = actors;
  const servers = ensemble.connectString;
  await using program = new Program(
    runtime.program("SharedDiscovery", servers, "/shared/services", "/shared/group"),
    [],
  );
  await program.line("ready");
  await using c = await connect(`zookeeper://${servers}`);
  const service = c.service("/shared/services/api");
  await using provider = await service.provider();

  const [theirs] = await service.instances();
  assert.ok(theirs !== undefined && Math.abs(theirs.registeredAt - Date.now()) < 60_000);
  const { token, registeredAt, payload, ...said } = theirs;
  assert.deepEqual(said, {
    name: "api",
    id: "java",
    address: "10.0.0.9",
    port: 99,
    sslPort: null,
    meta: { zone: "a" },
    weight: 1,
    enabled: true,
  });
  assert.equal((await provider.wait({ timeoutMs: 5000 })).id, "java");

  const java = "java=10.0.0.9:99/null {zone=a} DYNAMIC true";
  await says(program, "instances", `{${java}}`);
  const ours = await service.register({
    id: "ours",
    address: "10.0.0.1",
    port: 80,
    sslPort: 443,
    weight: 5,
    meta: { zone: "b", count: 2, deep: { list: [1, "x"] } },
  });
  const shown = "{zone=b, count=2, deep={list=[1, x]}}";
  for (const wish of ["instances", "provider"]) {
    await says(program, wish, `{${java}, ours=10.0.0.1:80/443 ${shown} DYNAMIC true}`);
  }
  await ours.update({ port: 81, enabled: false });
  await says(program, "instances", `{${java}, ours=10.0.0.1:81/443 ${shown} DYNAMIC false}`);
  await says(program, "provider", `{${java}}`);
  await ours.leave();
  await says(program, "instances", `{${java}}`);

  const group = c.group("/shared/group");
  assert.deepEqual(
    (await group.members()).map(({ id, text }) => `${id}: ${text}`),
    ["java: from java"],
  );
  const member = await group.join({ id: "ours", data: "from here" });
  await says(program, "members", "{java=from java, ours=from here}");
  await member.update("still here");
  await says(program, "members", "{java=from java, ours=still here}");
  await member.leave();
  await says(program, "members", "{java=from java}");

  program.say("leave");
  await program.line("left");
  const deadline = performance.now() + 10_000;
  while (provider.instances.length > 0 || (await group.members()).length > 0) {
    assert.ok(performance.now() < deadline, "what left is not seen any more");
    await sleep(20);
  }
});
