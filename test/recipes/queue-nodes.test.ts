// The nodes of a queue: Curator's names and bytes, and that nothing but the items stays.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compareItems, parseItem, prefixOf, unwrapItems, wrapItem } from "../../src/engines/zookeeper/queue-items.ts";
import { type CoordinationError, LockLostError } from "../../src/index.ts";
import { ScenarioCluster, type ZooKeeperStage } from "../../src/testing/index.ts";

test("items are named as Curator's queues name theirs", () => {
  const date = 0x19b7bf36c00;
  const names = [
    ["queue-", { priority: 0, dueAt: null }],
    ["queue-0FFFFFFFB", { priority: 5, dueAt: null }],
    ["queue-100000005", { priority: -5, dueAt: null }],
    ["queue-|19B7BF36C00|", { priority: 0, dueAt: date }],
    ["queue-|19B7BF36C00|0FFFFFFFB", { priority: 5, dueAt: date }],
    ["queue-|00000001|", { priority: 0, dueAt: 1 }],
  ] as const;
  for (const [prefix, order] of names) {
    assert.equal(prefixOf(order), prefix);
    const { priority, dueAt, sequence } = parseItem(`${prefix}0000000042`)!;
    assert.deepEqual({ priority, dueAt, sequence }, { ...order, sequence: 42 });
  }
  for (const name of ["queue-", "queue-7", "lock-0000000001", "queue-|x|0000000001", "queue-20000000010000000001"]) {
    assert.equal(parseItem(name), null, name);
  }
});

test("items keep their order across the end of the servers' counter", () => {
  const names = [
    "queue-2147483646",
    "queue-2147483647",
    "queue--2147483648",
    "queue--2147483647",
    "queue-0FFFFFFFF0000000001",
  ];
  const sorted = names.toReversed().map((name) => parseItem(name)!);
  assert.deepEqual(
    sorted.sort(compareItems).map(({ name }) => name),
    [names[4], ...names.slice(0, 4)],
  );
});

test("an item's bytes are Curator's: a version, each value with its length, an end", () => {
  const bytes = wrapItem(new Uint8Array([7, 8]));
  assert.equal(Buffer.from(bytes).toString("hex"), "000100010100000002070802");
  assert.deepEqual(unwrapItems(bytes), [new Uint8Array([7, 8])]);
  const several = Buffer.from("00010001010000000107010000000002", "hex");
  assert.deepEqual(
    unwrapItems(several).map((each) => [...each]),
    [[7], []],
  );
  for (const broken of [
    "",
    "00",
    "00010002010000000002",
    "0001000101000000ff02",
    "00010001010000000107",
    "0001000103",
  ]) {
    assert.deepEqual(unwrapItems(Buffer.from(broken, "hex")), [], broken);
  }
});

test("when the work is done nothing is left of it, nor of who waited for it, and a wait has one node", async () => {
  await played(async (stage) => {
    const { c } = await stage.program();
    const { client } = c.engine;
    const queue = c.queue<number>("q");
    const below = (what: string) => client.getChildren(`/stage-1/queues/q/${what}`).catch(() => []);
    for (const value of [1, 2, 3]) await queue.put(value);
    for (let i = 0; i < 2; i++) await (await queue.take()).ack();
    await (await queue.take()).return();
    const giveUp = new AbortController();
    const job = await queue.take();
    const waiting = [queue.take({ signal: giveUp.signal }), queue.take({ signal: giveUp.signal })];
    await stage.sleep(300);
    assert.equal((await below("consumers")).length, 1, "those of one program stand in line as one");
    assert.deepEqual(await below("locks"), await below("items"));
    giveUp.abort();
    await Promise.allSettled(waiting);
    await job.ack();
    await stage.sleep(300);
    assert.deepEqual([await below("items"), await below("locks"), await below("consumers")], [[], [], []]);
  });
});

test("an item wakes the first of those who wait, and its going lets the second look; the others ask nothing", async () => {
  await played(async (stage) => {
    const { c } = await stage.program();
    const waiting = [];
    for (let i = 0; i < 8; i++) {
      const program = await stage.program();
      waiting.push({ program, taking: program.c.queue("q").take(), before: 0 });
      await stage.sleep(200);
    }
    for (const each of waiting) each.before = each.program.transport.writes;
    await c.queue("q").put("work");
    const job = await waiting[0]!.taking;
    await stage.sleep(300);
    const asked = waiting.map(({ program, before }) => program.transport.writes - before);
    for (const others of asked.slice(2)) assert.ok(others <= 1, `requests of each, a ping at most: ${asked.join()}`);
    await job.ack();
    for (const { taking } of waiting.slice(1)) taking.catch(() => {}); // the stage closes
  });
});

test("a lease that somebody removes is told, and its return does not take the item from the next", async () => {
  await played(async (stage) => {
    const [a, b] = [await stage.program(), await stage.program()];
    await a.c.queue("q").put("work");
    const lost = await a.c.queue("q").take();
    await b.c.engine.client.delete(`/stage-1/queues/q/locks/${lost.id}`);
    const next = await b.c.queue("q").take({ timeoutMs: 5000 });
    await lost.return(); // before it is told: a lease is watched over once it has lasted for a while
    await stage.sleep(500);
    assert.equal(next.state, "held");
    await next.return();
    const told = await a.c.queue("q").take();
    await stage.sleep(500);
    await b.c.engine.client.delete(`/stage-1/queues/q/locks/${told.id}`);
    await stage.sleep(100);
    assert.ok(told.signal.reason instanceof LockLostError);
    assert.equal(told.signal.reason.lossCause, "deleted");
    await (await b.c.queue("q").take({ timeoutMs: 5000 })).ack();
  });
});

test("a return whose answer is lost does not take the item from the next consumer when it is tried again", async () => {
  await played(async (stage) => {
    const [a, b] = [await stage.program(), await stage.program()];
    await a.c.queue("q").put("work");
    const job = await a.c.queue("q").take();
    const taking = b.c.queue("q").take();
    await stage.sleep(300);
    a.refuseWrites("answer-lost", 1, 1);
    await job.return();
    const next = await taking;
    await stage.sleep(1000);
    assert.equal(next.state, "held");
    await next.ack();
    assert.equal(await a.c.queue("q").size(), 0);
  });
});

test("an ack under a lease that somebody removed: refused while it is nobody's; else the work is done, and the next is told", async () => {
  await played(async (stage) => {
    const [a, b] = [await stage.program(), await stage.program()];
    await a.c.queue("q").put("work");
    const removed = await a.c.queue("q").take();
    await b.c.engine.client.delete(`/stage-1/queues/q/locks/${removed.id}`);
    await assert.rejects(removed.ack(), { code: "rejected", outcome: "not-applied" });
    assert.equal(await b.c.queue("q").size(), 1);
    const first = await a.c.queue("q").take();
    await b.c.engine.client.delete(`/stage-1/queues/q/locks/${first.id}`);
    const next = await b.c.queue("q").take();
    await first.ack();
    assert.equal(await b.c.queue("q").size(), 0);
    await stage.sleep(500);
    assert.ok(next.signal.reason instanceof LockLostError);
    await assert.rejects(next.ack(), LockLostError);
  });
});

async function played(play: (stage: ZooKeeperStage) => Promise<void>): Promise<void> {
  const cluster = await ScenarioCluster.start();
  await cluster.play(async () => {
    await using stage = cluster.stage();
    await play(stage);
  });
}

test("an ack that fails says that the item was not completed only if the item is still there", async () => {
  await played(async (stage) => {
    const [a, b] = [await stage.program(), await stage.program()];
    const outcomes = new Set<string>();
    // The answer to the removal is lost; then, at any moment of what follows, the servers fall silent until the session ends.
    for (let afterMs = 0; afterMs < 12; afterMs += 0.5) {
      await a.c.queue("q").put("work");
      const job = await a.c.queue("q").take({ timeoutMs: 60_000 });
      a.loseNextAnswer();
      const acking = job.ack().then(
        () => "done",
        (error: CoordinationError) => error.outcome,
      );
      await stage.sleep(afterMs);
      a.silence();
      const outcome = await acking;
      a.heal();
      await stage.sleep(2 * stage.sessionTimeoutMs);
      const left = await b.c.queue("q").size();
      outcomes.add(`${outcome}, ${left} left`);
      if (left > 0) await (await b.c.queue("q").take({ timeoutMs: 60_000 })).ack();
    }
    assert.ok(!outcomes.has("not-applied, 0 left"), [...outcomes].join("; "));
    assert.ok(outcomes.has("unknown, 0 left"), `nothing was lost in its middle: ${[...outcomes].join("; ")}`);
  });
});
