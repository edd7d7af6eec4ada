// A whole cluster by one command: ready, reachable, honest about who leads, and gone without a trace.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterView } from "../../src/cli/status.ts";
import { builtServer } from "../support/built-server.ts";
import { Program } from "../support/program.ts";

let main = "";
before(async () => {
  main = await builtServer();
});

function cabildo(...args: readonly string[]): Program {
  return new Program({ command: process.execPath, args: [main] }, args);
}

/** From a member's client port to its management's. */
const MANAGEMENT_OFFSET = 5899;

async function status(port: number): Promise<{ readonly view: ClusterView; readonly exit: number | NodeJS.Signals }> {
  const addresses = [0, 1, 2].map((offset) => `127.0.0.1:${port + MANAGEMENT_OFFSET + offset}`);
  await using asked = cabildo("status", "-o", "json", ...addresses);
  const exit = await asked.ended;
  return { view: JSON.parse(asked.lines.join("\n")) as ClusterView, exit };
}

function pidOf(view: ClusterView, id: number): number {
  for (const member of view.members) if ("pid" in member && member.id === id) return member.pid;
  throw new Error(`member ${id} is not there`);
}

async function untilGone(pids: readonly number[]): Promise<void> {
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const deadline = Date.now() + 10_000;
  while (pids.some(isAlive)) {
    assert.ok(Date.now() < deadline, `still there: ${pids.filter(isAlive)}`);
    await sleep(20);
  }
}

const leads = /member (\d) leads \(term (\d+)\)/;

test("ready, told who leads; the leader dies, another leads; without a second member there is no quorum; Ctrl-C", async () => {
  const port = 23_400;
  await using dev = cabildo("dev", "--port", String(port));
  const leader = Number(leads.exec(await dev.line(leads))?.[1]);
  for (const kind of ['connect("zookeeper://', "CABILDO_CONNECT=zookeeper://", "ZooKeeper's clients"]) {
    assert.ok(
      dev.lines.some((line) => line.includes(kind) && line.includes(`127.0.0.1:${port + 2}`)),
      kind,
    );
  }
  await dev.line(new RegExp(`cabildo status .*127\\.0\\.0\\.1:${port + MANAGEMENT_OFFSET + 2}`));
  const directory = /\/\S*cabildo-dev-\w+/.exec(await dev.line(/data .*removed at the end/))![0];
  const first = await status(port);
  assert.deepEqual([first.exit, first.view.hasQuorum, first.view.leader], [0, true, leader]);
  for (const args of [[`127.0.0.1:${port + MANAGEMENT_OFFSET + 1}`], ["--connect", `zookeeper://127.0.0.1:${port}`]]) {
    await using asked = cabildo("status", "-o", "json", ...args);
    assert.equal(await asked.ended, 0);
    const { members } = JSON.parse(asked.lines.join("\n")) as ClusterView;
    assert.deepEqual(members.map((member) => ("pid" in member ? member.id : null)).sort(), [1, 2, 3], args.join(" "));
  }
  await using doctor = cabildo("doctor", "-o", "json", `127.0.0.1:${port + MANAGEMENT_OFFSET}`);
  assert.equal(await doctor.ended, 0, doctor.transcript());
  assert.equal((JSON.parse(doctor.lines.join("\n")) as { members: number }).members, 3);
  const pids = first.view.members.map((_, position) => pidOf(first.view, position + 1));

  const before = dev.lines.length;
  process.kill(pidOf(first.view, leader), "SIGKILL");
  await dev.line(/member \d was killed \(SIGKILL\); cabildo server .*zoo\.cfg starts it again/, { from: before });
  const next = Number(leads.exec(await dev.line(leads, { from: before, withinMs: 10_000 }))?.[1]);
  assert.notEqual(next, leader);
  const second = await status(port);
  assert.deepEqual([second.exit, second.view.leader], [0, next]);

  process.kill(pidOf(second.view, next), "SIGKILL");
  await dev.line(/nobody leads/, { withinMs: 10_000 });
  const third = await status(port);
  assert.deepEqual([third.exit, third.view.hasQuorum], [1, false]);
  await using ill = cabildo("doctor", ...[0, 1, 2].map((offset) => `127.0.0.1:${port + MANAGEMENT_OFFSET + offset}`));
  assert.equal(await ill.ended, 1);
  assert.match(ill.lines.join("\n"), /problem: the cluster: no quorum: nothing can be written\n {2}start the members/);

  await dev.kill("SIGINT");
  assert.equal(await dev.ended, 0, dev.transcript());
  assert.match(dev.lines.at(-2)!, /ending 1 member; Ctrl-C again kills it/);
  assert.match(dev.lines.at(-1)!, /all members have ended; their data was temporary, and is removed/);
  await untilGone(pids);
  assert.ok(!existsSync(directory), "what was temporary is gone");
});

test("on a terminal a key kills a member and starts it again, and Ctrl-C is told what it does", async (context) => {
  if (process.platform !== "linux") return context.skip("util-linux's `script` makes the terminal");
  const port = 23_420;
  const line = `${process.execPath} ${main} dev --port ${port} --members 1`;
  await using dev = new Program(
    { command: "script", args: ["-qec", line, "/dev/null"], environment: { NO_COLOR: "1" } },
    [],
  );
  await dev.line(leads);
  await dev.line(/keys .*1: kill that member, or start it again/);
  const before = dev.lines.length;
  dev.say("1");
  await dev.line(/member 1 was killed \(SIGKILL\).*; key 1 starts it again/, { from: before });
  await dev.line(/nobody leads/, { from: before });
  dev.say("1");
  await dev.line(/member 1 is started again \(pid \d+\)/, { from: before });
  await dev.line(leads, { from: before, withinMs: 20_000 });
  dev.say("\u0003");
  assert.equal(await dev.ended, 0, dev.transcript());
  assert.ok(
    dev.lines.some((each) => each.includes("all members have ended")),
    dev.transcript(),
  );
});

test("in the background of a terminal it takes no keys, and is not stopped for asking", async (context) => {
  if (process.platform !== "linux") return context.skip("util-linux's `script` makes the terminal");
  const port = 23_430;
  const line = `bash -c 'set -m; ${process.execPath} ${main} dev --port ${port} --members 1 & wait'`;
  const environment = { NO_COLOR: "1" };
  await using dev = new Program({ command: "script", args: ["-qec", line, "/dev/null"], environment }, []);
  await dev.line(/break .*kill -9 PID/, { withinMs: 20_000 });
  await dev.line(leads);
  const pid = Number(/pid (\d+)/.exec(await dev.line(/pid \d+/))![1]);
  process.kill(pid, "SIGKILL");
  await dev.line(/no member is left/);
  await dev.ended;
});

test("an old Node is told so, without a stack", async () => {
  const old =
    "data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'18.20.4'}})";
  await using asked = new Program({ command: process.execPath, args: ["--import", old, main] }, ["dev"]);
  assert.equal(await asked.ended, 1);
  assert.equal(asked.errors, "cabildo: this is Node 18.20.4, and Node 20.19 or newer is needed\n");
});

test("a port that is taken is told without a stack", async () => {
  const { server, port } = await listening();
  try {
    await using dev = cabildo("dev", "--port", String(port), "--members", "1");
    assert.equal(await dev.ended, 1);
    assert.match(dev.errors, new RegExp(`^cabildo: port ${port}, the client port of member 1, is in use: .*\\n$`));
  } finally {
    server.close();
  }
});

async function listening() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, port };
}

test("members end when the command that started them is killed", async () => {
  const port = 23_410;
  await using dev = cabildo("dev", "--port", String(port), "--members", "3");
  await dev.line(leads);
  const { view } = await status(port);
  const pids = view.members.map((_, position) => pidOf(view, position + 1));
  const directory = /\/\S*cabildo-dev-\w+/.exec(await dev.line(/data .*removed at the end/))![0];
  await dev.kill("SIGKILL");
  await untilGone(pids);
  rmSync(directory, { recursive: true }); // what was killed could not tidy up
});
