// `cabildo lock`, as scripts use it: the command runs under the lock, with its token, and not a moment longer than it may.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { builtServer } from "../support/built-server.ts";
import { Program } from "../support/program.ts";
import { Stalls } from "../support/stalls.ts";
import { isAlive, servers } from "./support.ts";

const directory = mkdtempSync(join(tmpdir(), "cabildo-test-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const main = await builtServer();
const { url, cutUrl, network, c, cabildo, run } = await servers();

/** A command that says who it is and goes on until it is told to end, in a shell whose child must end with it. */
const WORK = ["sh", "-c", 'echo "working $$ $CABILDO_LOCK_NAME $CABILDO_LOCK_TOKEN"; sleep 60; echo never'];

test("the command has the lock, its name and a growing token, and its exit status is passed on", async () => {
  const script = 'echo "$CABILDO_LOCK_NAME $CABILDO_LOCK_TOKEN"; exit 7';
  const first = await run(["lock", "billing", "--", "sh", "-c", script]);
  const second = await run(["lock", "billing", "--", "sh", "-c", script]);
  assert.deepEqual([first.status, second.status], [7, 7], first.err);
  const [, before] = /^billing (\d+)\n$/.exec(first.out) ?? [];
  const [, behind] = /^billing (\d+)\n$/.exec(second.out) ?? [];
  assert.ok(BigInt(behind ?? 0) > BigInt(before ?? 0), `${first.out}${second.out}`);
});

test("two never run at once, and what stands on stdin is the command's", async () => {
  const inside = join(directory, "inside");
  const script = `set -e; mkdir ${inside}; sleep 0.1; rmdir ${inside}; cat`;
  const all = await Promise.all(
    ["a", "b", "c", "d"].map((stdin) => run(["lock", "alone", "--", "sh", "-c", script], { stdin })),
  );
  assert.deepEqual(
    all.map(({ status, out }) => [status, out]),
    ["a", "b", "c", "d"].map((text) => [0, `${text}\n`]),
    all.map(({ err }) => err).join(),
  );
});

test("it waits behind a program of ours, and is next as soon as that lets go", async () => {
  const held = await c.lock("shared").acquire();
  await using waiting = cabildo(["lock", "shared", "--", "echo", "mine"]);
  while ((await c.engine.client.getChildren("/locks/shared")).length < 2) await sleep(10);
  assert.deepEqual(waiting.lines, []);
  await held.release();
  await waiting.line("mine");
  assert.equal(await waiting.ended, 0);
});

test("who waits in vain is told so: 75, and nothing was run", async () => {
  const held = await c.lock("taken").acquire();
  for (const wait of ["0", "0.2"]) {
    const { status, out, err } = await run(["lock", "taken", "--wait", wait, "--", "echo", "ran"]);
    assert.deepEqual([status, out], [75, ""], err);
    assert.match(err, /^cabildo: lock "taken" was not acquired: .*try again later\n$/);
  }
  await held.release();
  assert.equal((await run(["lock", "taken", "--wait", "0", "--", "true"])).status, 0);
});

test("a signal is the command's: it ends as it likes, the exit status is its own, and the lock is free", async () => {
  const script = 'trap "echo cleaning; exit 9" TERM; echo ready; while :; do sleep 0.05; done';
  await using program = cabildo(["lock", "signals", "--", "sh", "-c", script]);
  await program.line("ready");
  program.signal("SIGTERM");
  await program.line("cleaning");
  assert.equal(await program.ended, 9, program.transcript());
  await using held = await c.lock("signals").tryAcquire();
  assert.ok(held);
});

test("a command that a signal ended: 128 and its number; who waits is ended by it too", async () => {
  await using working = cabildo(["lock", "sigint", "--", ...WORK]);
  await working.line(/^working/);
  await using waiting = cabildo(["lock", "sigint", "--", "echo", "ran"]);
  while ((await c.engine.client.getChildren("/locks/sigint")).length < 2) await sleep(10);
  waiting.signal("SIGINT");
  assert.equal(await waiting.ended, 128 + 2, waiting.transcript());
  assert.deepEqual(waiting.lines, []);
  working.signal("SIGTERM");
  assert.equal(await working.ended, 128 + 15, working.transcript());
  while ((await c.engine.client.exists("/locks/sigint"))?.numChildren) await sleep(10);
});

test("cut off from the servers, the command and all that it started are ended, and only then can another have come", {
  timeout: 30_000,
}, async () => {
  // One that ignores SIGTERM, with a child of its own: the whole group has to go.
  const script = 'trap "" TERM; sleep 60 & echo "child $!"; echo "working $$"; wait; wait; sleep 60';
  const args = ["lock", "cut", "--connect", cutUrl, "--session-timeout", "1", "--grace", "0.3"];
  await using program = cabildo([...args, "--", "sh", "-c", script]);
  const [command, child] = [await program.line(/^working/), await program.line(/^child/)].map((line) =>
    Number(line.split(" ")[1]),
  );
  assert.ok(isAlive(command!) && isAlive(child!));
  network.set(1, 0, "swallow");
  network.set(0, 1, "swallow");
  try {
    assert.equal(await program.ended, 76, program.transcript());
    assert.match(
      program.errors,
      /lock "cut" \(token \d+\) is lost: .*The command is sent SIGTERM, and SIGKILL in 0.3 s/,
    );
    while (isAlive(child!)) await sleep(10); // its zombie is init's to take
    assert.ok(!isAlive(command!));
    await using _next = await c.lock("cut").acquire({ timeoutMs: 5000 });
  } finally {
    network.heal("cut");
  }
});

test("somebody removes the lock's node: lost as well", { timeout: 30_000 }, async () => {
  await using program = cabildo(["lock", "removed", "--grace", "0", "--", ...WORK]);
  await program.line(/^working/);
  const { client } = c.engine;
  const [name] = await client.getChildren("/locks/removed");
  await client.delete(`/locks/removed/${name}`);
  assert.equal(await program.ended, 76, program.transcript());
  assert.match(program.errors, /somebody removed it on the servers\. The command is sent SIGKILL\n/);
});

test("when cabildo itself is killed, the command does not outlive it", async () => {
  await using program = cabildo(["lock", "killed", "--session-timeout", "1", "--grace", "1", "--", ...WORK]);
  const pid = Number((await program.line(/^working/)).split(" ")[1]);
  program.signal("SIGKILL");
  using stalls = new Stalls();
  const deadline = performance.now() + 5000;
  while (isAlive(pid)) {
    assert.ok(performance.now() < deadline + stalls.allowanceMs, "the command goes on without its lock");
    await sleep(10);
  }
});

const onLinux = {
  skip: process.platform === "linux" ? false : "only Linux lists the processes of a session",
  timeout: 60_000,
};

/** Ways to leave something running: what ends the command (a signal, or by itself once GO is there), and what its child makes of signals. */
const LEFT_BEHIND: readonly (readonly [what: string, script: string, signal: NodeJS.Signals | null, status: number])[] =
  [
    [
      "ends by itself, and its child ignores SIGTERM",
      '(trap "" TERM; echo "child $(sh -c \'echo $PPID\')"; while :; do sleep 0.05; done) & until [ -e GO ]; do sleep 0.02; done; exit 3',
      null,
      3,
    ],
    [
      "ends by itself, and its child would end at SIGTERM",
      'sleep 60 & echo "child $!"; until [ -e GO ]; do sleep 0.02; done; exit 3',
      null,
      3,
    ],
    [
      "is sent SIGTERM, and its child ignores it",
      '(trap "" TERM; echo "child $(sh -c \'echo $PPID\')"; while :; do sleep 0.05; done) & wait',
      "SIGTERM",
      143,
    ],
    // The child says that it is there: by then it ignores them.
    [
      "is sent SIGINT, which shells let their children ignore",
      "(echo \"child $(sh -c 'echo $PPID')\"; exec sleep 60) & wait",
      "SIGINT",
      130,
    ],
    [
      "is sent SIGQUIT, which shells let their children ignore",
      "ulimit -c 0; (echo \"child $(sh -c 'echo $PPID')\"; exec sleep 60) & wait",
      "SIGQUIT",
      131,
    ],
    [
      "is sent SIGHUP, and its child ignores it",
      '(trap "" HUP; echo "child $(sh -c \'echo $PPID\')"; sleep 60) & wait',
      "SIGHUP",
      129,
    ],
  ];
for (const command of ["lock", "elect"] as const) {
  for (const [what, script, signal, expected] of LEFT_BEHIND) {
    test(`${command}: a command ${what}: nothing is let go before that child is gone`, onLinux, async () => {
      const name = `left-${command}-${what.length}`;
      const go = join(directory, `go-${command}-${what.length}`);
      const started = script.replaceAll("GO", go);
      await using program = cabildo([command, name, "--grace", "0.5", "--", "sh", "-c", started]);
      const child = Number((await program.line(/^child/)).split(" ")[1]);
      assert.ok(isRunning(child));
      const next = command === "lock" ? c.lock(name).acquire() : firstTerm(name);
      const alive = next.then(() => isRunning(child));
      while ((await standing(name, command)) < 2) await sleep(10);
      if (signal !== null) program.signal(signal);
      else writeFileSync(go, "");
      assert.equal(await alive, false, "another holds it, and the child runs");
      assert.equal(await program.ended, expected, program.transcript());
      assert.match(
        program.errors,
        /the command has ended and left process(es)? [\d, ]+ running, sent SIGTERM, and SIGKILL in 0\.5 s/,
      );
      await (await next).release();
    });
  }
}

async function firstTerm(name: string) {
  for await (const term of c.election(name).campaign({ id: "next" })) return { release: () => term.release() };
  throw new Error("it never led");
}

/** How many stand in line, or for election. */
async function standing(name: string, command: "lock" | "elect"): Promise<number> {
  return (await c.engine.client.getChildren(`/${command === "lock" ? "locks" : "elections"}/${name}`)).length;
}

test("what a shell with job control puts into groups of its own ends too", onLinux, async () => {
  const script = 'set -m; sleep 60 & echo "child $!"; exit 0';
  await using program = cabildo(["lock", "groups", "--grace", "0.5", "--", "bash", "-c", script]);
  const child = Number((await program.line(/^child/)).split(" ")[1]);
  assert.equal(await program.ended, 0, program.transcript());
  assert.equal(isRunning(child), false);
});

test("who begins a session of its own has left, and is let be", onLinux, async () => {
  const go = join(directory, "go-leavers");
  const script = `setsid sh -c 'echo "child $$"; sleep 60' & until [ -e ${go} ]; do sleep 0.02; done; exit 0`;
  await using program = cabildo(["lock", "leavers", "--grace", "0.5", "--", "sh", "-c", script]);
  const child = Number((await program.line(/^child/)).split(" ")[1]);
  writeFileSync(go, "");
  await c.lock("leavers").acquire({ timeoutMs: 10_000 });
  assert.equal(isRunning(child), true);
  process.kill(-child, "SIGKILL");
  assert.equal(await program.ended, 0, program.transcript());
});

test("what ends by itself at the end of a pipe is not sent anything", onLinux, async () => {
  const script = "exec 3>&1; { echo begun; exec 1>&3; (sleep 0.2; echo late) & }; exit 0";
  const { status, out, err } = await run(["lock", "pipes", "--", "sh", "-c", script]);
  assert.deepEqual([status, out, err], [0, "begun\nlate\n", ""]);
});

test("at a terminal, where the command shares it: what it left running ends too", onLinux, async () => {
  const script = 'sleep 60 & echo "child $!"; exit 5';
  await using program = atTerminal(["lock", "terminal", "--grace", "0.5", "--", "sh", "-c", script]);
  const child = Number(/\d+/.exec(await program.line(/child \d+/))?.[0]);
  await using _next = await c.lock("terminal").acquire({ timeoutMs: 20_000 });
  assert.equal(isRunning(child), false);
  assert.equal(await program.ended, 5, program.transcript());
});

test(
  "a guardian that is killed is replaced: when cabildo is killed after it, the command ends all the same",
  onLinux,
  async () => {
    await using program = cabildo(["lock", "guardians", "--session-timeout", "2", "--grace", "1", "--", ...WORK]);
    const pid = Number((await program.line(/^working/)).split(" ")[1]);
    const [first] = guardiansOf(pid);
    process.kill(first!, "SIGKILL");
    while (guardiansOf(pid).filter((guardian) => guardian !== first).length === 0) await sleep(10);
    program.signal("SIGKILL");
    using stalls = new Stalls();
    const deadline = performance.now() + 10_000;
    while (isRunning(pid)) {
      assert.ok(performance.now() < deadline + stalls.allowanceMs, "the command goes on without its lock");
      await sleep(10);
    }
  },
);

test("what cannot be run: 127 where there is none, 126 where it may not; the lock is free again", async () => {
  const notExecutable = join(directory, "text");
  writeFileSync(notExecutable, "no program");
  const [none, mayNot] = await Promise.all([
    run(["lock", "x", "--", "no-such-command-here"]),
    run(["lock", "x", "--", notExecutable]),
  ]);
  assert.deepEqual([none.status, mayNot.status], [127, 126]);
  assert.match(none.err, /no-such-command-here: no such command\. Is it installed/);
  assert.match(mayNot.err, /text could not be run: .*EACCES/);
  await using held = await c.lock("x").acquire({ timeoutMs: 5000 });
  assert.equal(held.state, "held");
});

test("no servers, no name, no command: said with what to do, and nothing was run", async () => {
  const [, port] = /:(\d+)$/.exec(url)!;
  const cases: readonly (readonly [args: readonly string[], status: number, message: RegExp])[] = [
    [["lock", "a/b", "--", "echo"], 2, /^cabildo: lock "a\/b": a name holds no slash; an exact place begins with one/],
    [["lock", "x"], 2, /missing required argument 'command'/],
    [["lock", "x", "ls", "-l"], 2, /unknown option '-l'/],
    [["lock", "x", "--wait", "soon", "--", "echo"], 2, /number of seconds from 0/],
    [["lock", "x", "--connect", "etcd://h", "--", "echo"], 2, /"etcd" is no scheme of ZooKeeper/],
    [["lock", "x", "--auth", "me", "--", "echo"], 2, /have the form scheme:credential/],
    [["lock", "x", "--connect", `127.0.0.1:${port},127.0.0.1:1/a/../b`, "--", "echo"], 2, /is no path for a chroot/],
  ];
  await Promise.all(
    cases.map(async ([args, expected, message]) => {
      const { status, out, err } = await run(args);
      assert.match(err, message);
      assert.deepEqual([status, out], [expected, ""], err);
    }),
  );
});

test("servers that are not there: 69, and where it looked", { timeout: 30_000 }, async () => {
  const { status, out, err } = await run(["lock", "x", "--connect", "127.0.0.1:1", "--", "echo", "ran"]);
  assert.deepEqual([status, out], [69, ""], err);
  assert.match(err, /^cabildo: not connected: .*127\.0\.0\.1:1.*\. Is a server running at 127\.0\.0\.1:1\? --connect/);
});

/** Under a terminal of its own, as `script` makes one. */
function atTerminal(args: readonly string[]): Program {
  const words = [process.execPath, main, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return new Program(
    { command: "script", args: ["-qfec", words, "/dev/null"], environment: { CABILDO_CONNECT: url } },
    [],
  );
}

/** The shells that watch over the parent of a command, which is in a session of its own. */
function guardiansOf(command: number): number[] {
  const parentOf = (pid: number) => Number(statOf(pid).split(" ")[1]);
  const cabildoPid = parentOf(command);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== command && parentOf(pid) === cabildoPid && !statOf(pid).startsWith("Z"));
}

/** Not one that has ended and waits for its parent. */
function isRunning(pid: number): boolean {
  return /^[^ZX]/.test(statOf(pid));
}

/** From the state on. */
function statOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2);
  } catch {
    return "";
  }
}
