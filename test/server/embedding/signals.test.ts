// `closeOn`: what a process does that is asked to end, with real processes and signals.

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { connect } from "../../../src/index.ts";
import { startCluster } from "../../../src/testing/index.ts";
import { repository } from "../../support/cache.ts";
import { freePort } from "../../support/ports.ts";
import { reap } from "../../support/reaper.ts";

const folder = await mkdtemp(join(tmpdir(), "cabildo-signals-"));
after(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly tookMs: number;
}

class Program {
  readonly #child: ChildProcess;
  readonly #exit: Promise<[number | null, NodeJS.Signals | null]>;
  #output = "";

  constructor(source: string, environment: Readonly<Record<string, string>>, wrapper: readonly string[] = []) {
    const node = [process.execPath, "--conditions=source", "--import", "tsx", "--input-type=module", "-e", source];
    const [command, ...args] = [...wrapper, ...node];
    this.#child = spawn(command!, args, {
      cwd: repository,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    reap(this.#child);
    this.#child.stdout!.on("data", (chunk) => {
      this.#output += chunk;
    });
    this.#exit = once(this.#child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  }

  async said(line: string): Promise<void> {
    while (!this.#output.includes(`${line}\n`)) {
      assert.equal(this.#child.exitCode, null, `it ended before it said ${line}: ${this.#output}`);
      await sleep(10);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async ended(): Promise<Ended> {
    const begun = performance.now();
    const [code, signal] = await this.#exit;
    return { code, signal, output: this.#output, tookMs: performance.now() - begun };
  }
}

const HOLDER = `
import { connect } from "cabildo";
const c = await connect(process.env.CONNECT, { closeOn: ["SIGTERM", "SIGINT"], sessionTimeoutMs: 30_000 });
const held = await c.lock("billing").acquire();
held.signal.addEventListener("abort", () => console.log("told", held.signal.reason.lossCause ?? "released"));
console.log("holds");
setInterval(() => {}, 1000);
`;

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal}: what a connection holds is released at once, and the process ends by the signal`, async () => {
    await using cluster = await startCluster();
    const program = new Program(HOLDER, { CONNECT: cluster.connectString });
    await program.said("holds");
    await using c = await cluster.connect();
    assert.equal(await c.lock("billing").tryAcquire(), null);
    program.signal(signal);
    await using _mine = await c.lock("billing").acquire({ timeoutMs: 3000 });
    const { code, signal: by, output } = await program.ended();
    assert.deepEqual([code, by], [null, signal]);
    assert.match(output, /^told closed$/m);
  });
}

test("a signal that is not named ends the process as always, and the lock lives until its session expires", async () => {
  await using cluster = await startCluster({ members: 1 });
  const program = new Program(HOLDER, { CONNECT: cluster.connectString });
  await program.said("holds");
  program.signal("SIGHUP");
  assert.equal((await program.ended()).signal, "SIGHUP");
  await using c = await cluster.connect();
  assert.equal(await c.lock("billing").tryAcquire(), null);
});

test("a program that listens as well ends itself, once it likes", async () => {
  await using cluster = await startCluster({ members: 1 });
  for (const order of ["before", "after"]) {
    const own = `process.once("SIGTERM", () => { console.log("mine"); setTimeout(() => process.exit(7), 700); });`;
    const source = order === "before" ? own + HOLDER : HOLDER + own;
    const imports = /import .*;/.exec(HOLDER)![0];
    const program = new Program(`${imports}\n${source.replace(imports, "")}`, { CONNECT: cluster.connectString });
    await program.said("holds");
    program.signal("SIGTERM");
    const { code, output } = await program.ended();
    assert.equal(code, 7, `its own listener was set ${order} the connection`);
    assert.match(output, /^mine$/m);
    assert.match(output, /^told closed$/m);
  }
});

test("servers that do not answer: closing ends within its limit, and a second signal ends the process at once", async () => {
  const port = await freePort();
  const serving = new Program(
    `
    import { startMember } from "cabildo/server";
    const member = await startMember({ data: process.env.DATA, zookeeper: { port: Number(process.env.PORT), address: "127.0.0.1" } });
    await member.ready();
    console.log("serves");
  `,
    { DATA: join(folder, "stopped"), PORT: String(port) },
  );
  await serving.said("serves");
  const CONNECT = `zookeeper://127.0.0.1:${port}`;
  const programs = [new Program(HOLDER, { CONNECT }), new Program(HOLDER.replace("billing", "other"), { CONNECT })];
  for (const program of programs) await program.said("holds");
  serving.signal("SIGSTOP");
  for (const program of programs) program.signal("SIGTERM");
  await programs[0]!.said("told closed");
  programs[0]!.signal("SIGTERM");
  const [hurried, patient] = await Promise.all(programs.map((program) => program.ended()));
  serving.signal("SIGKILL");
  assert.deepEqual([hurried!.signal, patient!.signal], ["SIGTERM", "SIGTERM"]);
  assert.ok(hurried!.tookMs < 1000, `a second signal took ${hurried!.tookMs} ms`);
  assert.ok(patient!.tookMs > hurried!.tookMs && patient!.tookMs < 6000, `closing took ${patient!.tookMs} ms`);
});

const MEMBER = `
import { connect } from "cabildo";
import { startMember } from "cabildo/server";
const { ID, MEMBERS, DATA } = process.env;
const member = await startMember({ id: Number(ID), data: DATA, members: JSON.parse(MEMBERS), closeOn: ["SIGTERM"], zookeeper: { session: { timeoutMax: "60s" } } });
await member.ready();
const c = await member.connect({ sessionTimeoutMs: 30_000 });
console.log("ready");
if (member.status.role === "leader") console.log("leads");
const held = await c.lock("billing").acquire();
console.log("holds");
await new Promise((resolve) => held.signal.addEventListener("abort", resolve));
console.log("told");
setInterval(() => {}, 1000);
`;

test("three processes with a member each: the one that is asked to end hands its lock and its leadership over", async () => {
  const members: Record<number, object> = {};
  for (const id of [1, 2, 3]) members[id] = { host: "127.0.0.1", peerPort: await freePort() };
  const start = (id: number): Program =>
    new Program(MEMBER, { ID: String(id), MEMBERS: JSON.stringify(members), DATA: join(folder, `three-${id}`) });
  const programs = [1, 2, 3].map(start);
  await Promise.all(programs.map((program) => program.said("ready")));
  const holder = await Promise.race(programs.map((program) => program.said("holds").then(() => program)));
  const others = programs.filter((program) => program !== holder);
  const next = Promise.race(others.map((program) => program.said("holds").then(() => program)));
  next.catch(() => {});
  const begun = performance.now();
  holder.signal("SIGTERM");
  const second = await next;
  const tookMs = performance.now() - begun;
  assert.ok(tookMs < 5000, `the next holder came after ${tookMs} ms; the session would have lived for 30 s`);
  assert.equal((await holder.ended()).signal, "SIGTERM");
  second.signal("SIGTERM");
  assert.equal((await second.ended()).signal, "SIGTERM");
  // One alone has no quorum: it ends within its limit all the same.
  const last = others.find((program) => program !== second)!;
  last.signal("SIGTERM");
  const { signal, tookMs: took } = await last.ended();
  assert.equal(signal, "SIGTERM");
  assert.ok(took < 7000, `it took ${took} ms`);
});

test("process number 1 of a container ends too, though it cannot be ended by a signal of its own", async (t) => {
  const unshare = ["unshare", "--pid", "--fork", "--kill-child"];
  if (spawnSync(unshare[0]!, [...unshare.slice(1), "true"]).status !== 0) return t.skip("needs unshare and root");
  await using cluster = await startCluster({ members: 1 });
  const program = new Program(
    `${HOLDER}\nconsole.log("number", process.pid);`,
    { CONNECT: cluster.connectString },
    unshare,
  );
  await program.said("number 1");
  const [inside] = spawnSync("pgrep", ["-P", String(program.pid)], { encoding: "utf8" }).stdout.split("\n");
  process.kill(Number(inside), "SIGTERM");
  assert.equal((await program.ended()).code, 128 + 15);
});

test("nothing is listened to any more once all are closed, and a worker is told that it hears no signals", async () => {
  const before = process.listenerCount("SIGTERM");
  await using cluster = await startCluster({ members: 1 });
  const connections = await Promise.all(
    Array.from({ length: 12 }, () => connect(cluster.connectString, { closeOn: ["SIGTERM"] })),
  );
  assert.equal(process.listenerCount("SIGTERM"), before + 1);
  for (const connection of connections) await connection.close();
  assert.equal(process.listenerCount("SIGTERM"), before);
  await assert.rejects(
    connect(cluster.connectString, { closeOn: ["SIGKILL" as "SIGTERM"] }),
    /closeOn is a list of SIGTERM/,
  );
  const source = `
    const { parentPort } = require("node:worker_threads");
    import("tsx/esm/api").then(({ register }) => register()).then(() => import("cabildo")).then(({ connect }) => connect("zookeeper://127.0.0.1:1", { closeOn: ["SIGTERM"] }))
      .catch((error) => parentPort.postMessage(error.message));
  `;
  const worker = new Worker(source, { eval: true, execArgv: ["--conditions=source"] });
  const [message] = await once(worker, "message");
  assert.match(message, /^connect: closeOn cannot be had in a worker thread/);
  await worker.terminate();
});
