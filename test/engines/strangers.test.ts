// Nodes beside a recipe's own that another program made for another purpose: they keep nobody waiting.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ScenarioCluster, type ZooKeeperStage } from "../../src/testing/index.ts";

const LOCK = "/stage-1/locks/x";
const ELECTION = "/stage-1/elections/x";

/** Plain ones, whatever they are called; and ephemeral ones that have no mark of a lock. */
const plain = [
  "0000000000",
  "0000000042",
  "x-0000000001",
  "x-lock-0000000000",
  "lock-0000000000",
  "__lock__0000000000",
];
const ephemeral = [
  "0000000000",
  "0000000042",
  "job-0000000000",
  "latch-0000000000",
  "lease-0000000000",
  "queue-0000000000",
];

for (const name of plain) {
  test(`a lock does not wait for a plain node ${name}`, async () => {
    await played(async (stage) => {
      const { c } = await stage.program();
      await strew(stage, LOCK, name, "persistent");
      await c.lock("x").run(() => {}, { timeoutMs: 1000 });
      const held = await c.lock("x").acquire({ timeoutMs: 1000 });
      const other = await stage.program();
      assert.equal(await other.c.lock("x").tryAcquire(), null);
      const waiting = other.c.lock("x").acquire({ timeoutMs: 5000 });
      await stage.sleep(100);
      await held.release();
      await (await waiting).release();
      await strew(stage, "/stage-1/rw-locks/x", name, "persistent");
      await c.rwLock("x").runWrite(() => {}, { timeoutMs: 1000 });
      await c.rwLock("x").runRead(() => {}, { timeoutMs: 1000 });
    });
  });
}

for (const name of ephemeral) {
  test(`a lock does not wait for ${name} of another program, which is no lock's`, async () => {
    await played(async (stage) => {
      await strew(stage, LOCK, name, "ephemeral");
      const { c } = await stage.program();
      await c.lock("x").run(() => {}, { timeoutMs: 1000 });
    });
  });
}

for (const name of ["lock-0000000000", "x-lock-0000000000", "f00d__lock__0000000000", "f00d__rlock__0000000000"]) {
  test(`a lock waits for ${name} of another program: so does Curator, or kazoo`, async () => {
    await played(async (stage) => {
      const other = await strew(stage, LOCK, name, "ephemeral");
      const { c } = await stage.program();
      await assert.rejects(c.lock("x").acquire({ timeoutMs: 1000 }), { code: "deadline" });
      await other.c.close();
      await c.lock("x").run(() => {}, { timeoutMs: 1000 });
    });
  });
}

for (const name of ["0000000000", "lock-0000000000", "x-latch-0000000000"]) {
  test(`an election has no candidate ${name} that no session owns`, async () => {
    await played(async (stage) => {
      const { c } = await stage.program();
      await strew(stage, ELECTION, name, "persistent");
      const election = c.election("x");
      const campaign = election.campaign({ id: "a" });
      await campaign.next();
      assert.deepEqual(
        (await election.candidates()).map(({ id }) => id),
        ["a"],
      );
      await campaign.return();
    });
  });
}

test("a plain node beside a semaphore's permits is none", async () => {
  await played(async (stage) => {
    const { c } = await stage.program();
    await strew(stage, "/stage-1/semaphores/x/leases", "0000000042", "persistent");
    await strew(stage, "/stage-1/semaphores/x/locks", "0000000000", "persistent");
    await c.semaphore("x", { permits: 1 }).run(() => {}, { timeoutMs: 1000 });
  });
});

async function strew(stage: ZooKeeperStage, directory: string, name: string, mode: "persistent" | "ephemeral") {
  const program = await stage.program();
  const { client } = program.c.engine;
  const parts = directory.slice(1).split("/");
  for (const [i] of parts.entries()) await client.create(`/${parts.slice(0, i + 1).join("/")}`).catch(() => {});
  await client.create(`${directory}/${name}`, "a stranger's", { mode });
  return program;
}

async function played(play: (stage: ZooKeeperStage) => Promise<void>): Promise<void> {
  const cluster = await ScenarioCluster.start({ members: 1 });
  await cluster.play(async () => {
    await using stage = cluster.stage();
    await play(stage);
  });
}
