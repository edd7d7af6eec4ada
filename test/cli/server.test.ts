// One member as a process: how it starts, what it says when it cannot, and how it ends.

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { builtServer } from "../support/built-server.ts";
import { fourLetterWord } from "../support/four-letter-words.ts";
import { freePort } from "../support/ports.ts";
import { Program } from "../support/program.ts";
import { reap } from "../support/reaper.ts";
import { Stalls } from "../support/stalls.ts";

const directory = mkdtempSync(join(tmpdir(), "cabildo-test-"));
let main = "";
before(async () => {
  main = await builtServer();
});
after(() => rmSync(directory, { recursive: true, force: true }));

let last = 0;
/** A zoo.cfg of a member that stands alone, with a port and a data directory of its own. */
function alone(...more: readonly string[]): { readonly file: string; readonly port: number; readonly data: string } {
  last += 1;
  const port = 23_300 + last;
  const data = join(directory, `data-${last}`);
  const file = join(directory, `zoo-${last}.cfg`);
  const lines = [
    `dataDir=${data}`,
    `clientPort=${port}`,
    "clientPortAddress=127.0.0.1",
    "admin.enableServer=false",
    ...more,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return { file, port, data };
}

function server(file: string, ...args: readonly string[]): Program {
  return new Program({ command: process.execPath, args: [main] }, ["server", file, ...args]);
}

async function serving(port: number, mode = /^Mode: /m): Promise<string> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const answer = await fourLetterWord(port, "srvr").catch(() => "");
    if (mode.test(answer)) return answer;
    assert.ok(Date.now() < deadline, `port ${port} does not serve: ${answer}`);
    await sleep(30);
  }
}

interface Started {
  readonly program: Program;
  readonly port: number;
}

/** An ensemble of three, each with a zoo.cfg and a myid of its own. */
async function three(): Promise<Started[]> {
  const servers: string[] = [];
  for (let id = 1; id <= 3; id++) servers.push(`server.${id}=127.0.0.1:${await freePort()}:${await freePort()}`);
  return servers.map((_, i) => {
    const { file, port, data } = alone(...servers);
    mkdirSync(data);
    writeFileSync(join(data, "myid"), `${i + 1}\n`);
    return { program: server(file), port };
  });
}

async function pidOf(port: number): Promise<number> {
  return (JSON.parse(await fourLetterWord(port, "memb")) as { readonly pid: number }).pid;
}

async function said(program: Program, what: RegExp): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!what.test(program.transcript())) {
    assert.ok(Date.now() < deadline, `it did not say ${what}: ${program.transcript()}`);
    await sleep(5);
  }
}

test("it serves, alone as zoo.cfg has it, and ends in good order and in time when asked to", async () => {
  const { file, port } = alone();
  await using member = server(file);
  assert.match(await serving(port), /^Zookeeper version: 3\.9\.4-[\s\S]*\nMode: standalone\nNode count: 4\n$/);
  using stalls = new Stalls();
  const asked = performance.now();
  await member.kill("SIGTERM");
  assert.equal(await member.ended, 0, member.transcript());
  assert.ok(performance.now() - asked < 5000 + stalls.allowanceMs);
  assert.deepEqual(member.lines, [], "the log goes to stderr");
  await assert.rejects(fourLetterWord(port, "srvr"), "nobody listens any more");
});

test("a flag beats the file", async () => {
  const { file, port } = alone("4lw.commands.whitelist=srvr,conf");
  await using _member = server(file, "--client-port", String(port + 50), "-Dzookeeper.tickTime=1234");
  await serving(port + 50);
  assert.match(await fourLetterWord(port + 50, "conf"), /\ntickTime=1234\n/);
});

test("asked a second time while it ends, it ends at once", async (t) => {
  const members = await three();
  t.after(() => Promise.all(members.map(({ program }) => program.kill("SIGKILL"))));
  const leader = await Promise.any(
    members.map(async (member) => {
      await serving(member.port, /^Mode: leader$/m);
      return member;
    }),
  );
  // Nobody can take over from it, so that it is still about to hand over when it is asked again.
  for (const member of members) if (member !== leader) process.kill(await pidOf(member.port), "SIGSTOP");
  const pid = await pidOf(leader.port);
  process.kill(pid, "SIGTERM");
  await said(leader.program, /SIGTERM: stopping/);
  process.kill(pid, "SIGINT");
  assert.equal(await leader.program.ended, 128 + 2, leader.program.transcript());
  assert.match(leader.program.transcript(), /SIGINT again: stopping at once/);
});

test("a port that is taken is told in one line, with exit status 1", async () => {
  const { file, port } = alone();
  const other = createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
  await using member = server(file);
  assert.equal(await member.ended, 1, member.transcript());
  assert.match(member.transcript(), new RegExp(`error .*${port}.* in use`));
  assert.doesNotMatch(member.transcript(), /\n\s+at /, "no stack trace");
  other.close();
});

test("the data directory of a member that runs is not touched by another", async () => {
  const { file, port, data } = alone();
  await using _first = server(file);
  await serving(port);
  await using second = server(alone(`dataDir=${data}`).file);
  assert.equal(await second.ended, 1, second.transcript());
  assert.match(second.transcript(), new RegExp(`error .*${data}`));
  await serving(port);
});

test("it ends with the process that forked it", async () => {
  const { file, port } = alone();
  const child = fork(main, ["server", file], { silent: true });
  reap(child);
  await serving(port);
  child.disconnect();
  const [code] = (await once(child, "exit")) as [number | null];
  assert.equal(code, 0);
});
