// What is left when a program has closed its connection: nothing that would keep it from ending.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../src/index.ts";
import { startEnsemble } from "../support/ensemble.ts";

test("no timer, no socket and no listener is left after close, whatever was going on", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const before = resources();
  const caller = new AbortController();
  const { signal } = caller;
  const c = await connect(`zookeeper://${ensemble.connectString}/app`);
  const held = await c.lock("a").acquire({ signal });
  await (await c.lock("b").acquire({ signal, timeoutMs: 60_000 })).release();
  await c.barrier("b").set();
  await c.queue("q").put("later", { delayUntil: Date.now() + 60_000 });
  const waiting = [
    c.lock("a").acquire({ signal, timeoutMs: 60_000 }),
    c.semaphore("s", { permits: 1 }).acquire({ signal }),
    c.semaphore("s", { permits: 1 }).acquire({ signal, timeoutMs: 60_000 }),
    c.rwLock("rw").write({ signal }),
    c.rwLock("rw").read({ signal, timeoutMs: 60_000 }),
    c.election("e").campaign({ signal }).next(),
    c.election("e").campaign({ signal }).next(),
    c.election("e").latch({ signal }).wait({ timeoutMs: 60_000 }),
    c.barrier("b").wait({ signal, timeoutMs: 60_000 }),
    c.doubleBarrier("d", { members: 2 }).enter({ signal, timeoutMs: 60_000 }),
    c.queue("q").take({ signal, timeoutMs: 60_000 }),
    c.queue("q").consume({ signal }).next(),
    c.counter("n").observe({ signal }).next(),
  ];
  const observing = c.election("e").observe({ signal });
  await observing.next();
  const fates = Promise.allSettled([...waiting, observing.next(), observing.next()]);
  await sleep(400); // the holder is watched over by now
  assert.ok(resources().length > before.length, "something was going on");
  await c.close();
  assert.equal(held.signal.aborted, true);
  await fates;
  await sleep(50);
  assert.deepEqual(resources(), before);
});

function resources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => name !== "TTYWrap" && name !== "PipeWrap")
    .sort();
}
