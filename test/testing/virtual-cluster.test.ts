// `virtualCluster`: time passes while its calls are awaited, and at no other moment; equal seeds give equal histories.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CoordinationError, type Handle, LockLostError } from "../../src/index.ts";
import { virtualCluster } from "../../src/testing/index.ts";
import { repository } from "../support/cache.ts";

test("a lock goes to the next when its holder's session has ended, and the holder is told before", async () => {
  await using cluster = await virtualCluster();
  const [a, b] = [await cluster.connect({ sessionTimeoutMs: 4000 }), await cluster.connect()];
  const held = await a.lock("billing").acquire();
  const told: number[] = [];
  held.signal.addEventListener("abort", () => told.push(cluster.now));
  const cutAt = cluster.now;
  cluster.cut(a);
  const next = await b.lock("billing").acquire();
  assert.ok(next.token > held.token);
  assert.ok(held.signal.reason instanceof LockLostError);
  assert.equal(held.state, "lost");
  assert.ok(told[0]! <= cutAt + 4000 && told[0]! <= cluster.now, `told at ${told[0]}, taken at ${cluster.now}`);
  cluster.heal();
  await next.release();
  assert.equal(await a.lock("billing").run(() => "again"), "again");
});

test("equal seeds give equal histories, other seeds others", async () => {
  const history = async (seed: number): Promise<readonly unknown[]> => {
    await using cluster = await virtualCluster({ seed });
    const c = await cluster.connect();
    const seen: unknown[] = [cluster.now, cluster.leader];
    for (let i = 0; i < 3; i++) {
      seen.push(await c.counter("n").add(1n), cluster.now);
      await cluster.kill(cluster.leader!);
      seen.push(await c.lock("x").run(async ({ token }) => token), cluster.now, cluster.leader);
      for (const id of [1, 2, 3]) await cluster.restart(id);
      await cluster.advance(2000);
    }
    return seen;
  };
  const first = await history(7);
  assert.deepEqual(await history(7), first);
  assert.notDeepEqual(await history(8), first);
});

test("time stands still while something real is awaited, and while a call is not awaited", async () => {
  await using cluster = await virtualCluster();
  const [a, b] = [await cluster.connect(), await cluster.connect()];
  const held = await a.lock("x").acquire();
  const before = cluster.now;
  const waiting = b.lock("x").acquire();
  await sleep(50);
  assert.equal(cluster.now, before);
  assert.equal(held.state, "held");
  await cluster.advance(100);
  assert.equal(cluster.now, before + 100);
  await held.release();
  assert.equal((await waiting).state, "held");
});

test("advance takes exactly its time, however long, and hours take no time", async () => {
  await using cluster = await virtualCluster({ members: 1 });
  const c = await cluster.connect();
  const held = await c.lock("x").acquire();
  const begun = performance.now();
  const before = cluster.now;
  await cluster.advance(600_000);
  assert.equal(cluster.now, before + 600_000);
  assert.equal(held.state, "held", "its session was renewed all the while");
  assert.ok(performance.now() - begun < 20_000);
  await assert.rejects(async () => cluster.advance(-1), { code: "rejected" });
  await assert.rejects(async () => cluster.advance(Number.NaN), /a number of milliseconds from 0, not NaN/);
});

test("members die, come back and are parted; a majority goes on, and a minority does not", async () => {
  await using cluster = await virtualCluster();
  const c = await cluster.connect();
  const leader = cluster.leader!;
  const others = [1, 2, 3].filter((id) => id !== leader);
  cluster.partition([leader], others);
  assert.equal(await c.counter("n").get(), 0n);
  assert.equal(await c.lock("x").run(() => "done"), "done");
  assert.notEqual(cluster.leader, leader);
  cluster.heal();
  await cluster.advance(3000);
  await cluster.kill(1);
  await cluster.kill(1);
  await cluster.kill(2);
  const error: unknown = await c
    .counter("n")
    .add(1n, { timeoutMs: 5000 })
    .catch((error: unknown) => error);
  assert.ok(error instanceof CoordinationError);
  await cluster.restart(1);
  assert.ok((await c.counter("n").get()) <= 1n);
  await assert.rejects(cluster.kill(4), /there is no member 4: the cluster has the members 1 to 3/);
  assert.throws(() => cluster.partition([9]), /there is no member 9/);
  await assert.rejects(
    virtualCluster({ member: 3 } as never),
    /^CoordinationError: virtualCluster: there is no option "member"/,
  );
});

test("a program that stands still for longer than its session holds nothing when it goes on", async () => {
  await using cluster = await virtualCluster();
  const [a, b] = [await cluster.connect(), await cluster.connect()];
  const held = await a.lock("x").acquire();
  cluster.pause(a, 20_000);
  const next = await b.lock("x").acquire();
  assert.ok(next.token > held.token);
  assert.throws(() => held.assertHeld(), LockLostError);
  assert.throws(() => cluster.pause({} as never, 1), /this is no connection that the cluster's connect gave/);
});

test("what calls give lets time pass too: loops, handles as arguments, bodies, several at once", async () => {
  await using cluster = await virtualCluster();
  const [a, b] = [await cluster.connect({ root: "/app" }), await cluster.connect({ root: "/app" })];
  const terms: string[] = [];
  for await (const term of a.election("cron").campaign({ id: "a" })) {
    terms.push(term.state);
    await term.release();
    break;
  }
  assert.deepEqual(terms, ["held"]);
  await using held: Handle = await a.lock("x").acquire();
  await a.transaction().guard(held).create("/settings", "1").commit();
  const body = await b.lock("y").run(async (mine) => {
    await b.counter("n").add(2n);
    return mine.state;
  });
  assert.equal(body, "held");
  await Promise.all([a.queue("q").put({ order: 1 }), b.queue("q").put({ order: 2 })]);
  const job = await b.queue<{ order: number }>("q").take();
  assert.deepEqual(Object.keys(job.value), ["order"]);
  await job.ack();
  const controller = new AbortController();
  const waiting = b.lock("x").acquire({ signal: controller.signal });
  controller.abort();
  await assert.rejects(waiting, { code: "aborted" });
  assert.equal(await b.lock("x").tryAcquire(), null);
});

test("handles in a Map or a list let time pass too", async () => {
  await using cluster = await virtualCluster();
  const c = await cluster.connect();
  const both = await c.multiLock(["a", "b"]).acquire();
  assert.deepEqual([...both.all.keys()], ["a", "b"]);
  assert.equal(both.all.size, 2);
  const [a, b] = [both.all.get("a")!, [...both.all.values()][1]!];
  await a.release();
  await b.release();
  assert.deepEqual([a.state, b.state], ["released", "released"]);
  for (const [name, handle] of both.all) assert.equal(handle, name === "a" ? a : b);
  const nodes = await c.nodes.children("/");
  assert.ok(Array.isArray(nodes) && nodes.includes("locks"));
});

test("a program may have a label; who holds is named alike in every run", async () => {
  const named = async (): Promise<readonly string[]> => {
    await using cluster = await virtualCluster();
    const [a, b] = [await cluster.connect({ label: "billing" }), await cluster.connect()];
    await a.lock("x").acquire();
    await b.lock("y").acquire();
    const holders = [...(await b.lock("x").contenders()), ...(await b.lock("y").contenders())];
    assert.deepEqual(
      holders.map(({ label, host, pid }) => [label, host, pid]),
      [
        ["billing", "program-1", 1],
        [null, "program-2", 2],
      ],
    );
    return holders.map(({ who }) => who);
  };
  assert.deepEqual(await named(), ["billing@program-1:1", "program-2:2"]);
  assert.deepEqual(await named(), await named());
  await using cluster = await virtualCluster();
  await assert.rejects(cluster.connect({ label: "a\nb" }), { code: "configuration" });
});

test("closing while a program connects leaves no connection", async () => {
  for (const wait of [0, 1, 5]) {
    const cluster = await virtualCluster();
    const connecting = cluster.connect().then(
      ({ engine }) => engine,
      ({ code }: CoordinationError) => ({ status: { kind: code } }),
    );
    if (wait > 0) await cluster.advance(wait);
    await cluster.close();
    assert.equal((await connecting).status.kind, "closed");
  }
});

test("an event of a signal is waited for inside of run", async () => {
  await using cluster = await virtualCluster();
  const a = await cluster.connect();
  const held = await a.lock("x").acquire();
  cluster.cut(a);
  await cluster.run(() => once(held.signal, "abort"));
  assert.equal(held.state, "lost");
});

test("a call that never ends fails after two minutes of virtual time, and says so", async () => {
  await using cluster = await virtualCluster();
  const c = await cluster.connect();
  await using _held = await c.lock("x").acquire();
  const begun = performance.now();
  await assert.rejects(
    c.lock("x").acquire(),
    /^CoordinationError: Lock\.acquire was awaited for 120 s of virtual time in which no call of the virtual cluster ended/,
  );
  await assert.rejects(
    cluster.run(() => sleep(50)),
    /^CoordinationError: cluster\.run was awaited .* or it waits for something real/,
  );
  assert.ok(performance.now() - begun < 20_000);
});

test("awaiting outside of virtual time says so, instead of hanging in silence", () => {
  const program = `
    import { virtualCluster } from "cabildo/testing";
    const cluster = await virtualCluster();
    const c = await cluster.connect();
    const held = await c.lock("x").acquire();
    cluster.cut(c);
    await new Promise((resolve) => held.signal.addEventListener("abort", resolve));
  `;
  const node = ["--conditions=source", "--import", "tsx", "--input-type=module", "-e", program];
  const { stderr, status } = spawnSync(process.execPath, node, { cwd: repository, encoding: "utf8", timeout: 30_000 });
  assert.match(
    stderr,
    /CabildoVirtualTime: virtual time has stood still for 3 s\. .*await cluster\.advance\(milliseconds\)/,
  );
  assert.equal(status, 13, "Node's own: a promise that nothing will keep");
});

test("a cluster that is closed leaves nothing that keeps a process alive, and its calls fail", async () => {
  const cluster = await virtualCluster();
  const c = await cluster.connect();
  await cluster.close();
  await cluster.close();
  await assert.rejects(cluster.connect(), { code: "closed" });
  await assert.rejects(c.lock("x").acquire(), { code: "closed" });
  const program = `
    import { virtualCluster } from "cabildo/testing";
    const cluster = await virtualCluster();
    await (await cluster.connect()).counter("n").add(1n);
    await cluster.close();
    console.log(performance.now());
    process.on("exit", () => console.log(performance.now()));
  `;
  const node = ["--conditions=source", "--import", "tsx", "--input-type=module", "-e", program];
  const { stdout } = spawnSync(process.execPath, node, { cwd: repository, encoding: "utf8", timeout: 30_000 });
  const [done, exit] = stdout.split("\n").map(Number);
  assert.ok(exit! - done! < 1500, `${exit! - done!} ms`);
});
