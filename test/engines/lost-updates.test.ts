// What two change at once, and what the servers refuse to say: nothing is overwritten unseen, and nothing ends in silence.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LockLostError } from "../../src/index.ts";
import { bytesOf, textOf } from "../../src/recipes/bytes.ts";
import { stateOf } from "../../src/testing/checks.ts";
import { ScenarioCluster, type ZooKeeperStage } from "../../src/testing/index.ts";

test("what a candidate publishes while another describes it is not lost", async () => {
  await played(async (stage) => {
    const [a, b] = [await stage.program(), await stage.program()];
    const campaign = a.c.election("x").campaign({ id: "a" });
    const { value: term } = await campaign.next();
    const election = b.c.engine.election("x", "latch");
    const [name] = await b.c.engine.client.getChildren("/stage-1/elections/x");
    const seen: string[] = [];
    const isThere = await election.describe(term!.token, (data) => {
      seen.push(textOf(data));
      // Sent before what this change comes to, on the same connection: so it arrives between the reading and the writing.
      if (seen.length === 1) void b.c.engine.client.setData(`/stage-1/elections/x/${name}`, "published");
      return bytesOf(`${textOf(data)}, described`);
    });
    assert.equal(isThere, true);
    assert.deepEqual(seen, ["a", "published"]);
    const { data } = await b.c.engine.client.getData(`/stage-1/elections/x/${name}`);
    assert.equal(textOf(data!), "published, described");
    assert.equal(await election.describe(1n, () => assert.fail("it is not there")), false);
    await campaign.return();
  });
});

test("of what a leader publishes the last stays, also where the first has to be tried again", async () => {
  await played(async (stage) => {
    const a = await stage.program();
    const campaign = a.c.election("x").campaign({ id: "a" });
    const { value: term } = await campaign.next();
    a.refuseWrites("overloaded", 1, 1);
    await Promise.all([term!.publish("first"), term!.publish("last")]);
    const [leader] = await a.c.election("x").candidates();
    assert.equal(leader!.value, "last");
    await campaign.return();
  });
});

test("a watch over a handle that the servers refuse is told, and is tried again until it stands", async () => {
  await played(async (stage) => {
    const warnings: string[] = [];
    const a = await stage.program({ logger: { info() {}, warn: (line) => warnings.push(line), error() {} } });
    const b = await stage.program();
    const held = await a.c.lock("x").acquire();
    const membership = await a.c.group("g").join({ id: "m" });
    await stage.sleep(200);
    a.transport.refuseReads(3);
    await stage.sleep(1000); // it is watched over from 250 ms on
    assert.equal(held.state, "held");
    assert.ok(
      warnings.some((line) => /\/locks\/x\/.* cannot be watched, and is tried again: .*system-error/.test(line)),
      warnings.join(),
    );
    const [name] = await b.c.engine.client.getChildren("/stage-1/locks/x");
    await b.c.engine.client.delete(`/stage-1/locks/x/${name}`);
    await stage.sleep(100);
    assert.ok(held.signal.reason instanceof LockLostError);
    assert.equal(held.signal.reason.lossCause, "deleted");
    await b.c.engine.client.delete("/stage-1/groups/g/m");
    await stage.sleep(500);
    assert.equal((await b.c.group("g").members()).length, 1, "it is entered again");
    await membership.leave();
  });
});

test("a guard of a transaction that the servers refuse says which step it was", async () => {
  await played(async (stage) => {
    const a = await stage.program();
    const held = await a.c.lock("x").acquire();
    const [name] = await a.c.engine.client.getChildren("/stage-1/locks/x");
    await a.c.engine.client.setAcl(`/stage-1/locks/x/${name}`, [{ perms: 31, scheme: "digest", id: "ana:hash" }]);
    const writing = stateOf(a.c.transaction().create("/row").guard(held).commit());
    await assert.rejects(writing.promise, /transaction: nothing was applied: step 1, guard: "x" was refused .*no-auth/);
    assert.equal(await a.c.engine.client.exists("/stage-1/row"), null);
    await held.release();
  });
});

async function played(play: (stage: ZooKeeperStage) => Promise<void>): Promise<void> {
  const cluster = await ScenarioCluster.start({ members: 1, sessionTimeoutMs: 10_000 });
  await cluster.play(async () => {
    await using stage = cluster.stage();
    await play(stage);
  });
}
