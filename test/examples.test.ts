// The examples do what they say: each runs whole, as a user would run it, against the sources.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "./support/cache.ts";
import { run } from "./support/commands.ts";
import { startEnsemble } from "./support/ensemble.ts";
import { example } from "./support/example.ts";
import { freePort } from "./support/ports.ts";

test("each example runs alone, and examples/README.md names them all", async () => {
  const names = readdirSync(join(repository, "examples")).filter((name) => name.endsWith(".ts"));
  const page = readFileSync(join(repository, "examples", "README.md"), "utf8");
  const listed = await run(process.execPath, ["--import", "tsx", "scripts/example.ts"], { cwd: repository });
  for (const name of names) {
    assert.ok(page.includes(`](${name})`), `${name} in examples/README.md`);
    assert.match(listed, new RegExp(`^  ${name.slice(0, -3)} `, "m"));
  }
  const alone = (name: string) =>
    run(process.execPath, ["--import", "tsx", "scripts/example.ts", name], {
      cwd: repository,
      environment: { CABILDO_CONNECT: "" },
    });
  assert.match(await alone("lock"), /the next token is larger: true\n$/);
  assert.match(await alone("zookeeper-client"), /state: closed\n$/);
  await assert.rejects(alone("nosuch"), /there is no example "nosuch"/);
});

test("a service, and an object store, refuse a holder that comes too late", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const where = { CABILDO_CONNECT: `zookeeper://${ensemble.connectString}/example` };
  assert.equal(await example("fencing/http.ts", where), "the holder: 204\nthe late one: 412\nwithout a token: 428\n");
  assert.equal(
    await example("fencing/object-store.ts", where),
    [
      "the holder's object is stored: true",
      "the late one's object is stored: false",
      "two writes of the holder at once are both stored: true,true\n",
    ].join("\n"),
  );
});

test("a member runs inside a program, answers, and ends with it", async () => {
  const output = await example("embedded-member.ts", { PORT: String(await freePort()) });
  assert.match(output, /Zookeeper version: 3\.9/);
  assert.match(output, /Mode: standalone/);
});

test("the Raft core elects a leader and commits on all three, by hand", async () => {
  const output = await example("raft-by-hand.ts");
  assert.match(output, /is leader in term 1/);
  for (const id of [1, 2, 3]) assert.match(output, new RegExp(`member ${id} has committed 1 more`));
});

test("the client shows that it is there, and follows a setting", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const output = await example("zookeeper-client.ts", { CABILDO_CONNECT: ensemble.connectString });
  assert.match(output, /session 0x[1-9a-f]/);
  assert.match(output, /I am \/workers\/worker-0000000000, one of 1/);
  assert.match(output, /the setting is ""/);
  assert.match(output, /data-changed: the setting is "set by \/workers/);
  assert.match(output, /stop working: session 0x\w+ was closed by its client\nstate: closed\n$/);
});

test("two workers share a lock, and the one that closes its connection loses it", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const output = await example("lock.ts", { CABILDO_CONNECT: `zookeeper://${ensemble.connectString}/example` });
  assert.match(output, /one saves/);
  assert.match(output, /two saves/);
  assert.match(
    output,
    /held: held, for some seconds\nanother gets null\nlost: closed\nthe next token is larger: true\n$/,
  );
});

test("three stand for election on a member of their own process, and each leads in turn", async () => {
  const output = await example("election.ts", { PORT: String(await freePort()) });
  for (const id of ["ana", "ben", "eva"]) {
    assert.match(output, new RegExp(`${id} runs the job\\n(.*\\n)*${id} has done the job, and leaves`));
  }
  assert.match(output, /(ana|ben|eva) leads, \d stand/);
});

test("members of a group are seen as they come, change and go", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const output = await example("group.ts", { CABILDO_CONNECT: `zookeeper://${ensemble.connectString}/example` });
  assert.match(output, /there: ana at 10\.0\.0\.1, ben at 10\.0\.0\.[23]\n(there: .*\n)*left: ben\n/);
});

test("calls are spread over a service's instances, and switched from blue to green", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  for (const where of [{ PORT: String(await freePort()) }, { CABILDO_CONNECT: ensemble.connectString }]) {
    assert.equal(
      await example("service.ts", where),
      [
        "calls go to blue",
        "known: blue,green, calls go to blue",
        "calls go to green,blue,green,blue",
        "calls go to green, version 2",
        "calls go to nobody",
        "a moment later to green\n",
      ].join("\n"),
    );
  }
});

test("settings are followed as they change, and bad ones are told and not taken", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const servers = `zookeeper://${ensemble.connectString}/example`;
  for (const where of [{ PORT: String(await freePort()) }, { CABILDO_CONNECT: servers }]) {
    const output = await example("configuration.ts", where);
    assert.match(output, /the rate is 10\n(now it is .*\n)*now it is 40\n/);
    assert.match(output, /not written: configuration "flags": rate: Invalid value/);
    assert.match(output, /not taken: rate: Invalid type: Expected number but received "fast"\nstill 40\n$/);
  }
});

test("a tree is kept at hand, and its changes are told one by one", async () => {
  const output = await example("tree.ts", { PORT: String(await freePort()) });
  assert.match(output, /^mail goes by mx1, of mail,web\n(added .*\n)+all 5 are here\n/);
  assert.match(output, /\nchanged \/mail\/host mx2\n/);
  assert.match(output, /\nremoved \/web\/port 8080\n/);
  assert.match(output, /\nmail goes by mx2\n$/);
});

test("three programs count and number together", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const output = await example("counter.ts", { CABILDO_CONNECT: `zookeeper://${ensemble.connectString}/example` });
  assert.equal(output, "15 orders were taken\nthe next is 16\nstarted anew: true\n");
});

test("three programs work in rounds, and none begins one before all are through the last", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const output = await example("double-barrier.ts", {
    CABILDO_CONNECT: `zookeeper://${ensemble.connectString}/example`,
  });
  assert.match(output, /^(round 1: (ana|ben|eva) works\n){3}(round 2: (ana|ben|eva) works\n){3}all are through\n$/);
});

test("what one worker leaves undone the other does, the fire first and the plants in time", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const output = await example("queue.ts", { CABILDO_CONNECT: `zookeeper://${ensemble.connectString}/example` });
  assert.deepEqual(output.trim().split("\n"), [
    "5 pieces, first: put out the fire",
    "ana begins to put out the fire",
    "ana stops: true",
    "ben does it: put out the fire",
    "ben does it: sweep",
    "ben does it: cook",
    "ben does it: wash",
    "ben does it: water the plants",
    "0 are left",
  ]);
});

test("a transfer is made once, and accounts are closed under a lock", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const output = await example("transaction.ts", { CABILDO_CONNECT: `zookeeper://${ensemble.connectString}/example` });
  assert.equal(output, "ana has 70, ben 30\nagain: changed, at step 0\nclosed, by the one who may\n");
});

test("shards move when workers come and go, and none is worked on by two", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const output = await example("partition.ts", { CABILDO_CONNECT: `zookeeper://${ensemble.connectString}/example` });
  assert.equal(output, "ana 8\nana 4, ben 4\nben 8\n");
});

test("a cron that one of three leads, each for three ticks, and no tick is done twice", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  for (const where of [{ PORT: String(await freePort()) }, { CABILDO_CONNECT: ensemble.connectString }]) {
    const output = await example("cron-leader.ts", where);
    for (const tick of [1, 4, 7]) assert.match(output, new RegExp(`^(ana|ben|eva) leads from tick ${tick} on$`, "m"));
    assert.match(output, /\n9 ticks, each done once, by 3 leaders in turn\n$/);
  }
});

test("a pool of workers keeps to the rate, however many they are", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  for (const where of [{ PORT: String(await freePort()) }, { CABILDO_CONNECT: ensemble.connectString }]) {
    const output = await example("worker-pool.ts", where);
    assert.equal(output, "24 jobs by 6 workers, never more than 3 at once: true\nwithin the rate: true\n");
  }
});
