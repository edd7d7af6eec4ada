// Scenarios of who holds and who waits, as everybody may see it.

import assert from "node:assert/strict";
import type { Waiting } from "../../recipes/index.ts";
import { eventually, failsAs, stateOf, untilQueued, within } from "../checks.ts";
import type { ExclusiveEngine, Program, Scenario } from "../stage.ts";

export const contenderScenarios: readonly Scenario<ExclusiveEngine>[] = [
  {
    invariant: "who holds a lock, and who waits, is told in order, with token and session, to anybody",
    async play(stage) {
      const [a, b, o] = [await stage.program(), await stage.program(), await stage.program()];
      assert.deepEqual(await o.c.lock("seen").contenders(), []);
      const held = await a.c.lock("seen").acquire();
      const waiting = stateOf(b.c.lock("seen").acquire());
      await untilQueued(stage, "lock", "seen", 2);
      const [first, second, ...others] = await o.c.lock("seen").contenders();
      assert.deepEqual(others, []);
      assert.deepEqual([first!.isHolder, second!.isHolder], [true, false]);
      assert.equal(first!.token, held.token);
      assert.ok(second!.token > held.token);
      assert.deepEqual([first!.session, second!.session], [sessionIdOf(a), sessionIdOf(b)]);
      assert.deepEqual([first!.who, first!.label, first!.host], [a.c.engine.identity, "program", "stage"]);
      assert.equal(`program@stage:${second!.pid}`, b.c.engine.identity);
      assert.ok(first!.since <= second!.since && first!.since > 0);
      await held.release();
      const next = await within(stage, 5000, "the next holds it", waiting.promise);
      const [now] = await o.c.lock("seen").contenders();
      assert.deepEqual([now!.who, now!.isHolder, now!.token], [b.c.engine.identity, true, next.token]);
      await next.release();
    },
  },
  {
    invariant: "a wait for a lock that ends in vain names the holder, however many are between; and tells of it before",
    async play(stage) {
      const [a, b, d] = [await stage.program(), await stage.program(), await stage.program()];
      const held = await a.c.lock("named").acquire();
      const between = stateOf(b.c.lock("named").acquire());
      await untilQueued(stage, "lock", "named", 2);
      const heard: Waiting[] = [];
      const onWaiting = (waiting: Waiting) => void heard.push(waiting);
      const wait = 3000 * stage.slowdown;
      const error = await failsAs("deadline", d.c.lock("named").acquire({ timeoutMs: wait, onWaiting }));
      assert.equal(
        error.message,
        `lock "named" was not acquired: within ${wait} ms, waiting for 2 ahead of it; ${a.c.engine.identity} holds it`,
      );
      assert.deepEqual(heard, [{ ahead: 2, holder: a.c.engine.identity }]);
      await held.release();
      await (await within(stage, 5000, "the next holds it", between.promise)).release();
    },
  },
  {
    invariant: "of a read-write lock the readers hold together, and who waits says for what",
    async play(stage) {
      const [a, b, d] = [await stage.program(), await stage.program(), await stage.program()];
      const [one, two] = [await a.c.rwLock("rw-seen").read(), await b.c.rwLock("rw-seen").read()];
      const writing = stateOf(d.c.rwLock("rw-seen").write());
      await untilQueued(stage, "read-write lock", "rw-seen", 3);
      const seen = await d.c.rwLock("rw-seen").contenders();
      assert.deepEqual(
        seen.map(({ who, mode, isHolder }) => [who, mode, isHolder]),
        [
          [a.c.engine.identity, "read", true],
          [b.c.engine.identity, "read", true],
          [d.c.engine.identity, "write", false],
        ],
      );
      await Promise.all([one.release(), two.release()]);
      const writer = await within(stage, 5000, "the writer is alone", writing.promise);
      const reader = await writer.downgrade();
      const [only] = await a.c.rwLock("rw-seen").contenders();
      assert.deepEqual([only!.who, only!.mode, only!.isHolder], [d.c.engine.identity, "read", true]);
      await reader.release();
    },
  },
  {
    invariant: "a reader that waits behind a waiting writer is told who holds the lock, not who waits before it",
    async play(stage) {
      const [a, b, d] = [await stage.program(), await stage.program(), await stage.program()];
      const held = await a.c.rwLock("rw-named").read();
      const writing = stateOf(b.c.rwLock("rw-named").write());
      await untilQueued(stage, "read-write lock", "rw-named", 2);
      const heard: Waiting[] = [];
      const onWaiting = (waiting: Waiting) => void heard.push(waiting);
      const error = await failsAs(
        "deadline",
        d.c.rwLock("rw-named").read({ timeoutMs: 3000 * stage.slowdown, onWaiting }),
      );
      assert.ok(error.message.endsWith(`; ${a.c.engine.identity} holds it`), error.message);
      assert.deepEqual(heard, [{ ahead: 1, holder: a.c.engine.identity }]);
      await held.release();
      const writer = await within(stage, 5000, "the writer holds it", writing.promise);
      const next = await failsAs("deadline", d.c.rwLock("rw-named").read({ timeoutMs: 3000 * stage.slowdown }));
      assert.ok(next.message.endsWith(`; ${b.c.engine.identity} holds it`), next.message);
      await writer.release();
    },
  },
  {
    invariant: "a wait for permits names one who has one",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.semaphore("gpu-seen", { permits: 1 }).acquire();
      const wanting = b.c.semaphore("gpu-seen", { permits: 1 }).acquire({ timeoutMs: 3000 * stage.slowdown });
      const error = await failsAs("deadline", wanting);
      assert.ok(error.message.endsWith(`; ${a.c.engine.identity} holds it`), error.message);
      await held.release();
    },
  },
  {
    invariant:
      "a candidate without an id of its own is known by its program, with its session and since when it stands",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const latch = a.c.election("seen").latch();
      await eventually(stage, "it leads", () => latch.isLeader);
      const [leader] = await b.c.election("seen").candidates();
      assert.deepEqual([leader!.id, leader!.session], [a.c.engine.identity, sessionIdOf(a)]);
      assert.ok(leader!.since > 0);
      const heard: Waiting[] = [];
      const stop = new AbortController();
      const campaign = { id: "b", signal: stop.signal, onWaiting: (waiting: Waiting) => void heard.push(waiting) };
      const leading = b.c.election("seen").lead(() => {}, campaign);
      await eventually(stage, "the other is told who leads", () => heard.length > 0);
      assert.deepEqual(heard, [{ ahead: 1, holder: a.c.engine.identity }]);
      stop.abort();
      await leading;
      await latch.close();
    },
  },
];

function sessionIdOf({ c }: Program<ExclusiveEngine>): string {
  const { status } = c.engine;
  assert.ok(status.kind === "ready");
  return status.session.id;
}
