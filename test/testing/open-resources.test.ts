// A process that does not end: what keeps it open is told, with the place where the program opened it.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, openResources } from "../../src/index.ts";
import { startMember } from "../../src/server/index.ts";
import { startCluster } from "../../src/testing/index.ts";
import { repository } from "../support/cache.ts";
import { reap } from "../support/reaper.ts";

const folder = await mkdtemp(join(tmpdir(), "cabildo-open-"));
after(() => rm(folder, { recursive: true }));

test("what is open is listed with its call, and struck off when it is closed", async () => {
  const before = openResources().length;
  const cluster = await startCluster({ members: 1 });
  const c = await connect(cluster.connectString);
  const own = await cluster.connect();
  const member = await startMember({ data: join(folder, "member") });
  await member.ready();
  const inside = await member.connect();
  const listed = openResources().slice(before);
  assert.deepEqual(
    listed.map(({ kind, what }) => `${kind}: ${what}`),
    [
      "member: member 1, data in /member-1",
      `connection: connect ${cluster.connectString}`,
      `connection: connect ${cluster.connectString}`,
      `member: member 1, data in ${join(folder, "member")}`,
      "connection: member.connect",
    ],
  );
  for (const { openedAt, openForMs } of listed) {
    assert.match(openedAt ?? "", /open-resources\.test\.ts:\d+:\d+$/);
    assert.ok(openForMs >= 0 && openForMs < 60_000);
  }
  await c.close();
  await own.close();
  await inside.close();
  await member.close();
  await cluster.close();
  assert.equal(openResources().length, before);
});

test("what could not be opened is not listed", async () => {
  const before = openResources().length;
  await assert.rejects(connect("zookeeper://127.0.0.1:1"));
  await assert.rejects(startMember({ data: join(folder, "wrong"), zookeeper: { port: 70_000 } }));
  assert.equal(openResources().length, before);
});

async function play(
  source: string,
  environment: Readonly<Record<string, string>>,
): Promise<[ChildProcess, () => string]> {
  const file = join(folder, "program.mjs");
  await writeFile(file, source);
  const child = spawn(process.execPath, ["--conditions=source", "--import", "tsx", file], {
    cwd: repository,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  reap(child);
  let output = "";
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  return [child, () => output];
}

const from = (entry: string): string => JSON.stringify(join(repository, "src", entry));

test("a forgotten connection keeps its process alive, and NODE_DEBUG=cabildo tells which", async () => {
  await using cluster = await startCluster({ members: 1 });
  const source = `import { connect } from ${from("index.ts")};

const c = await connect(process.env.CONNECT);
await c.counter("n").get();
console.log("done");
`;
  const [child, output] = await play(source, { CONNECT: cluster.connectString, NODE_DEBUG: "cabildo" });
  const deadline = performance.now() + 20_000;
  while (!output().includes("still open") && performance.now() < deadline) await sleep(50);
  assert.equal(child.exitCode, null);
  assert.match(
    output(),
    /CABILDO \d+: still open for \d+ s: connection, connect zookeeper:\/\/127\.0\.0\.1:\d+, opened at .*program\.mjs:3:17/,
  );
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
});

test("a program that closes all ends by itself, and a locked handle that is forgotten does not keep it", async () => {
  await using cluster = await startCluster({ members: 1 });
  const source = `import { connect } from ${from("index.ts")};
import { startMember } from ${from("server/index.ts")};

const member = await startMember({ data: process.env.DATA });
await member.ready();
for (const c of [await connect(process.env.CONNECT), await member.connect()]) {
  await c.lock("forgotten").acquire();
  await c.close();
}
await member.close();
console.log("done");
`;
  const environment = { CONNECT: cluster.connectString, DATA: join(folder, "ends"), NODE_DEBUG: "cabildo" };
  const [child, output] = await play(source, environment);
  const exited = once(child, "exit");
  while (!output().includes("done")) await sleep(20);
  const begun = performance.now();
  assert.deepEqual(await exited, [0, null], output());
  assert.ok(performance.now() - begun < 2000, "no timer and no socket is left");
  await using c = await cluster.connect();
  assert.notEqual(await c.lock("forgotten").tryAcquire(), null);
});

test("a member keeps its process alive, also one that listens at no port", async () => {
  const source = `import { startMember } from ${from("server/index.ts")};
const member = await startMember({ data: process.env.DATA });
await member.ready();
console.log("ready");
`;
  const [child, output] = await play(source, { DATA: join(folder, "alive") });
  while (!output().includes("ready")) await sleep(20);
  await sleep(1500);
  assert.equal(child.exitCode, null);
  child.kill("SIGKILL");
});
