// What is left on the servers when nobody wants anything any more: nothing, not even a directory.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Coordination, ZooKeeperEngine } from "../../src/index.ts";
import { ScenarioCluster } from "../../src/testing/index.ts";

type C = Coordination<ZooKeeperEngine>;

/** The servers sweep once in a minute what has been used and is empty, one level at a time. */
const SWEPT_MS = 5 * 60_000;

const waits: Readonly<Record<string, (c: C, name: string, signal: AbortSignal) => Promise<unknown>>> = {
  lock: (c, name, signal) => c.lock(name).acquire({ signal }),
  "read lock": (c, name, signal) => c.rwLock(name).read({ signal }),
  semaphore: (c, name, signal) => c.semaphore(name, { permits: 3 }).acquire({ count: 2, signal }),
  election: (c, name, signal) => c.election(name).campaign({ signal }).next(),
  "double barrier": (c, name, signal) => c.doubleBarrier(name, { members: 2 }).enter({ signal }),
  queue: (c, name, signal) => c.queue(name).take({ signal }),
  group: (c, name, signal) => c.group(name).join({ signal }),
  partition: (c, name, signal) => c.partition(name, { items: ["x"] }).join({ signal }),
};

for (const [what, wait] of Object.entries(waits)) {
  test(`${what}: a wait that is given up, at whatever instant, leaves no node and no directory`, async () => {
    const cluster = await ScenarioCluster.start();
    await cluster.play(async () => {
      await using stage = cluster.stage();
      const { c } = await stage.program();
      const look = await stage.program();
      for (let i = 0; i < 24; i++) {
        const giveUp = new AbortController();
        const waiting = wait(c, `/at-${i}/deep/down`, giveUp.signal);
        await stage.sleep(i * 0.5);
        giveUp.abort();
        const got = await waiting.catch(() => null);
        await letGo(got);
      }
      await stage.sleep(SWEPT_MS);
      const left = await look.c.engine.client.getChildren("/stage-1").catch(() => []);
      assert.deepEqual(left, []);
    });
  });
}

test("those who all leave a double barrier without waiting leave no open door, and no directory", async () => {
  const cluster = await ScenarioCluster.start();
  await cluster.play(async () => {
    await using stage = cluster.stage();
    const programs = [await stage.program(), await stage.program(), await stage.program()];
    const enter = () => Promise.all(programs.map(({ c }) => c.doubleBarrier("/d", { members: 3 }).enter()));
    for (let round = 0; round < 5; round++) await Promise.all((await enter()).map((inside) => inside.release()));
    await stage.sleep(SWEPT_MS);
    assert.deepEqual(await programs[0]!.c.engine.client.getChildren("/stage-1").catch(() => []), []);
  });
});

async function letGo(got: unknown): Promise<void> {
  if (typeof got !== "object" || got === null) return;
  const held = "value" in got ? got.value : got;
  if (typeof held === "object" && held !== null && Symbol.asyncDispose in held) {
    await (held as AsyncDisposable)[Symbol.asyncDispose]();
  }
}
