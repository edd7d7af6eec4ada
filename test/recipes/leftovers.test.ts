// What is left when a program has closed its connection: nothing that would keep it from ending.

import assert from "node:assert/strict";
import { setMaxListeners } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../src/index.ts";
import { startEnsemble } from "../support/ensemble.ts";

test("no timer, no socket and no listener is left after close, whatever was going on", async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1 });
  const before = resources();
  const caller = new AbortController();
  const { signal } = caller;
  setMaxListeners(0, signal); // it ends everything here
  const c = await connect(`zookeeper://${ensemble.connectString}/app`);
  const held = await c.lock("a").acquire({ signal });
  await (await c.lock("b").acquire({ signal, timeoutMs: 60_000 })).release();
  await c.barrier("b").set();
  await c.queue("q").put("later", { delayUntil: Date.now() + 60_000 });
  const waiting: Promise<unknown>[] = [
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
  await c.group("g").join({ id: "m", signal, timeoutMs: 60_000 });
  waiting.push(c.group("g").join({ id: "m", signal, timeoutMs: 60_000 }));
  const service = c.service("s");
  await service.register({ address: "here", signal });
  const provider = await service.provider({ filter: () => false, down: { errors: 1 }, signal });
  for (const instance of provider.instances) provider.noteError(instance);
  waiting.push(provider.wait({ signal, timeoutMs: 60_000 }));
  const tree = await c.tree("/anywhere").open({ signal });
  const following = [tree.changes({ signal }), c.group("g").watch({ signal }), service.watch({ signal })];
  for (const stream of following) await stream.next();
  waiting.push(...following.map((stream) => stream.next()));
  const partition = c.partition("p", { items: ["x", "y"] });
  const untilLost = (lost: AbortSignal) => new Promise<void>((done) => lost.addEventListener("abort", () => done()));
  waiting.push(partition.run((share) => untilLost(share.signal), { signal, yieldWithinMs: 60_000 }));
  const observing = c.election("e").observe({ signal });
  await observing.next();
  const fates = Promise.allSettled([...waiting, observing.next(), observing.next()]);
  await sleep(400); // the holder is watched over by now
  assert.ok(resources().length > before.length, "something was going on");
  await c.close();
  assert.equal(held.signal.aborted, true);
  await fates;
  // A socket is closed a while after it was asked to be; what else is left, is left.
  const sockets = (names: readonly string[]) => names.filter((name) => name === "TCPSocketWrap").length;
  for (let tries = 0; tries < 1000 && sockets(resources()) > sockets(before); tries++) await sleep(10);
  assert.deepEqual(resources(), before);
});

/** Without what the test's own output uses: the terminal, pipes, and the file that its results are written to. */
const OUTPUT = ["TTYWrap", "PipeWrap", "FSReqCallback"];

function resources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => !OUTPUT.includes(name))
    .sort();
}
