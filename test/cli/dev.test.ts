// A whole cluster by one command: ready, reachable, honest about who leads, and gone without a trace.

import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
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
  for (const kind of ["zkCli.sh -server", "KazooClient(", "new ZooKeeper(", "zk.Connect(", "createClient("]) {
    assert.ok(
      dev.lines.some((line) => line.includes(kind) && line.includes(`127.0.0.1:${port + 2}`)),
      kind,
    );
  }
  await dev.line(new RegExp(`cabildo status .*127\\.0\\.0\\.1:${port + MANAGEMENT_OFFSET + 2}`));
  const directory = /\/\S*cabildo-dev-\w+/.exec(await dev.line(/data .*gone in the end/))![0];
  const first = await status(port);
  assert.deepEqual([first.exit, first.view.hasQuorum, first.view.leader], [0, true, leader]);
  const pids = first.view.members.map((_, position) => pidOf(first.view, position + 1));

  const before = dev.lines.length;
  process.kill(pidOf(first.view, leader), "SIGKILL");
  await dev.line(/ended by SIGKILL; nobody restarts it/, { from: before });
  const next = Number(leads.exec(await dev.line(leads, { from: before, withinMs: 10_000 }))?.[1]);
  assert.notEqual(next, leader);
  const second = await status(port);
  assert.deepEqual([second.exit, second.view.leader], [0, next]);

  process.kill(pidOf(second.view, next), "SIGKILL");
  await dev.line(/nobody leads/, { withinMs: 10_000 });
  const third = await status(port);
  assert.deepEqual([third.exit, third.view.hasQuorum], [1, false]);

  await dev.kill("SIGINT");
  assert.equal(await dev.ended, 0, dev.transcript());
  await untilGone(pids);
  assert.ok(!existsSync(directory), "what was temporary is gone");
});

test("members end when the command that started them is killed", async () => {
  const port = 23_410;
  await using dev = cabildo("dev", "--port", String(port), "--members", "3");
  await dev.line(leads);
  const { view } = await status(port);
  const pids = view.members.map((_, position) => pidOf(view, position + 1));
  const directory = /\/\S*cabildo-dev-\w+/.exec(await dev.line(/data .*gone in the end/))![0];
  await dev.kill("SIGKILL");
  await untilGone(pids);
  rmSync(directory, { recursive: true }); // what was killed could not tidy up
});
