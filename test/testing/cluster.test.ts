// `startCluster`: real members in the test's own process, which leave nothing behind.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CoordinationError, connect, openResources } from "../../src/index.ts";
import { connectZooKeeper } from "../../src/protocols/zookeeper/client/index.ts";
import { ConfigurationError } from "../../src/server/index.ts";
import { startCluster } from "../../src/testing/cluster.ts";
import { repository } from "../support/cache.ts";

const canConnect = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

const portsOf = (connectString: string): number[] =>
  [...connectString.matchAll(/:(\d+)/g)].map(([, port]) => Number(port));

test("three members, one leads, and a lock survives the death of any of them", async () => {
  await using cluster = await startCluster();
  assert.deepEqual([...cluster.members.keys()], [1, 2, 3]);
  await using c = await cluster.connect();
  const held = await c.lock("billing").acquire();
  const leader = cluster.leader!;
  await cluster.kill(leader);
  assert.equal(cluster.members.has(leader), false);
  await c.counter("orders").add(1n);
  assert.equal(held.state, "held");
  assert.notEqual(cluster.leader, leader);
  await cluster.restart(leader);
  await cluster.ready();
  assert.equal(cluster.members.size, 3);
  // What it held in memory before it was killed is there still: it and one other are a majority.
  const other = [1, 2, 3].find((id) => id !== leader)!;
  await cluster.kill(other);
  assert.equal(await c.counter("orders").get(), 1n);
});

test("all members may die and come back: nothing that was acknowledged is lost", async () => {
  await using cluster = await startCluster();
  await using c = await cluster.connect({ sessionTimeoutMs: 20_000 });
  await c.counter("orders").add(7n);
  for (const id of [1, 2, 3]) await cluster.kill(id);
  assert.equal(cluster.leader, null);
  for (const id of [1, 2, 3]) await cluster.restart(id);
  await cluster.ready();
  assert.equal(await c.counter("orders").get(), 7n);
});

test("a rolling restart interrupts nobody", async () => {
  await using cluster = await startCluster();
  await using c = await cluster.connect();
  const held = await c.lock("billing").acquire();
  for (const id of [1, 2, 3]) {
    await cluster.restart(id);
    await cluster.ready();
  }
  await c.counter("orders").get(); // it has found another member
  assert.equal(held.state, "held");
  held.assertHeld();
});

test("one member; sessions as short as a test likes; settings; a logger", async () => {
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  await using cluster = await startCluster({
    members: 1,
    settings: { tree: { ttlNodes: true } },
    logger: { info: note, warn: note, error: note },
  });
  await using c = await cluster.connect({ sessionTimeoutMs: 300 });
  assert.equal(await c.lock("a").run(() => 1), 1);
  await using client = await connectZooKeeper(cluster.connectString, { sessionTimeoutMs: 300 });
  assert.equal(client.session?.timeoutMs, 300);
  await client.create("/ttl", "", { mode: "persistent-ttl" as never, ttlMs: 1000 }).catch((error: Error) => {
    assert.doesNotMatch(error.message, /unimplemented/);
  });
  assert.ok(lines.length > 0 && lines.every((line) => line.startsWith("member 1: ")), lines.join("\n"));
});

test("clusters side by side share nothing", async () => {
  const clusters = await Promise.all(Array.from({ length: 3 }, () => startCluster({ members: 1 })));
  for (const [i, cluster] of clusters.entries()) {
    const c = await cluster.connect();
    assert.equal(await c.counter("n").add(BigInt(i)), BigInt(i));
  }
  await Promise.all(clusters.map((cluster) => cluster.close()));
});

test("what cannot be is told, and closing frees every port, twice if asked", async () => {
  const refused = async (options: object, expected: RegExp): Promise<void> => {
    const error = await startCluster(options).then(
      () => assert.fail("it started"),
      (error) => error,
    );
    assert.ok(error instanceof CoordinationError);
    assert.equal(error.code, "configuration");
    assert.match(error.message, expected);
  };
  await refused({ member: 3 }, /^startCluster: there is no option "member": did you mean members\?/);
  await refused({ members: 0 }, /^startCluster: members is a whole number from 1 to 9, not 0/);
  await refused({ settings: { raft: { electionTimeout: 5 } } }, /raft\.electionTimeout must say its unit/);
  assert.ok(ConfigurationError.prototype instanceof CoordinationError);
  const cluster = await startCluster({ members: 1 });
  await assert.rejects(cluster.kill(2), /there is no member 2: the cluster has the members 1 to 1/);
  const [port] = portsOf(cluster.connectString);
  assert.equal(await canConnect(port!), true);
  await cluster.close();
  await cluster.close();
  assert.equal(await canConnect(port!), false);
  await assert.rejects(cluster.connect(), { code: "closed" });
  await assert.rejects(cluster.restart(1), { code: "closed" });
});

test("closing while a connection or a member begins leaves neither", async () => {
  for (const wait of [0, 5, 20, 60]) {
    const cluster = await startCluster({ members: 1 });
    const connecting = cluster.connect().then(
      ({ engine }) => engine,
      ({ code }: CoordinationError) => ({ status: { kind: code } }),
    );
    await sleep(wait);
    await cluster.close();
    assert.equal((await connecting).status.kind, "closed");
  }
  for (const kill of [true, false]) {
    const cluster = await startCluster({ members: 1 });
    if (kill) await cluster.kill(1);
    const restarting = cluster.restart(1).catch(({ code }: CoordinationError) => code);
    await cluster.close();
    const [port] = portsOf(cluster.connectString);
    assert.equal(await canConnect(port!), false);
    assert.equal(await restarting, "closed");
    assert.deepEqual([...cluster.members.keys()], []);
  }
  assert.deepEqual(openResources(), []);
});

test("a test process that is killed leaves no file, no process and no port behind", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "cabildo-killed-"));
  after(() => rmSync(temporary, { recursive: true }));
  const program = `
    import { startCluster } from "cabildo/testing";
    const cluster = await startCluster();
    await cluster.connect();
    console.log(cluster.connectString);
  `;
  const node = ["--conditions=source", "--import", "tsx", "--input-type=module", "-e", program];
  const child = spawn(process.execPath, node, {
    cwd: repository,
    env: { ...process.env, TMPDIR: temporary },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [told] = (await once(child.stdout, "data")) as [Buffer];
  const ports = portsOf(String(told));
  assert.equal(ports.length, 3);
  assert.equal(await canConnect(ports[0]!), true);
  await using c = await connect(String(told).trim());
  assert.equal(c.status.kind, "ready");
  const children = spawnSync("pgrep", ["-P", String(child.pid), "-f", "cabildo"], { encoding: "utf8" }).stdout;
  assert.equal(children, "", "it has no processes of its own");
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
  for (const port of ports) assert.equal(await canConnect(port), false);
  // What compiles the sources keeps its cache there.
  const left = readdirSync(temporary).filter((name) => !name.startsWith("tsx-"));
  assert.deepEqual(left, []);
});
