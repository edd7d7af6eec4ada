// `cabildo elect`: of several candidates one runs its command, and when it goes the next does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive, servers } from "./support.ts";

const { cutUrl, network, c, cabildo, run } = await servers();

const LEAD = ["sh", "-c", 'echo "leading $$ $CABILDO_ELECTION_NAME $CABILDO_ELECTION_TOKEN"; sleep 60'];

async function standing(name: string, count: number): Promise<readonly string[]> {
  for (;;) {
    const candidates = await c.election(name).candidates();
    if (candidates.length === count) return candidates.map(({ id }) => id);
    await sleep(10);
  }
}

test("one term, then its end: the command's exit status", async () => {
  const { status, out, err } = await run(["elect", "once", "--", "sh", "-c", 'echo "$CABILDO_ELECTION_NAME"; exit 4']);
  assert.deepEqual([status, out], [4, "once\n"], err);
  assert.deepEqual(await standing("once", 0), []);
});

test("the next in line leads when the first is killed, with a larger token; observers know who they are", async () => {
  await using first = cabildo(["elect", "cron", "--id", "first", "--session-timeout", "1", "--", ...LEAD]);
  const [, firstPid, , before] = (await first.line(/^leading/)).split(" ");
  await using second = cabildo(["elect", "cron", "--id", "second", "--value", "10.0.0.2", "--", ...LEAD]);
  assert.deepEqual(await standing("cron", 2), ["first", "second"]);
  assert.deepEqual(second.lines, []);
  first.signal("SIGKILL");
  const [, , name, behind] = (await second.line(/^leading/)).split(" ");
  assert.equal(name, "cron");
  assert.ok(BigInt(behind!) > BigInt(before!));
  while (isAlive(Number(firstPid))) await sleep(10);
  const [leader] = await c.election("cron").candidates();
  assert.deepEqual([leader?.id, leader?.value], ["second", "10.0.0.2"]);
  second.signal("SIGTERM");
  assert.equal(await second.ended, 128 + 15, second.transcript());
});

test("a term that is lost ends the command, and without --forever the program: 76", { timeout: 30_000 }, async () => {
  const args = ["elect", "cut", "--connect", cutUrl, "--session-timeout", "1", "--grace", "1"];
  await using once = cabildo([...args, "--", ...LEAD]);
  const pid = Number((await once.line(/^leading/)).split(" ")[1]);
  network.set(0, 1, "swallow");
  network.set(1, 0, "swallow");
  try {
    assert.equal(await once.ended, 76, once.transcript());
    assert.ok(!isAlive(pid));
  } finally {
    network.heal("cut");
  }
});

test("with --forever it stands again after a loss, and after a command that ended, until it is asked to end", async () => {
  const args = ["elect", "ever", "--forever", "--connect", cutUrl, "--session-timeout", "1", "--grace", "1"];
  await using program = cabildo([...args, "--", ...LEAD]);
  const [, pid, , token] = (await program.line(/^leading/)).split(" ");
  network.set(0, 1, "swallow");
  network.set(1, 0, "swallow");
  while (isAlive(Number(pid))) await sleep(10);
  network.heal("cut");
  const [, again, , next] = (await program.line(/^leading/, { from: 1 })).split(" ");
  assert.ok(BigInt(next!) > BigInt(token!));
  process.kill(-Number(again), "SIGKILL"); // the command by itself
  await program.line(/^leading/, { from: 2 });
  assert.match(program.errors, /the command ended with 137\. It stands for election "ever" again\n/);
  program.signal("SIGTERM");
  assert.equal(await program.ended, 128 + 15, program.transcript());
  assert.deepEqual(await standing("ever", 0), []);
});
