// Scenarios of the lock.

import assert from "node:assert/strict";
import { LockLostError } from "../../recipes/index.ts";
import { assertPrompt, eventually, failsAs, stateOf, untilQueued, within } from "../checks.ts";
import type { ExclusiveEngine, Scenario } from "../stage.ts";

export const lockScenarios: readonly Scenario<ExclusiveEngine>[] = [
  {
    invariant: "a lock has one holder at a time, in the order in which they came, each with a larger token",
    async play(stage) {
      const programs = [await stage.program(), await stage.program(), await stage.program()];
      const [first, ...others] = programs;
      const held = await first!.c.lock("one").acquire();
      const order: number[] = [];
      const tokens = [held.token];
      let inside = 1;
      const waits = [];
      for (const [i, { c }] of others.entries()) {
        waits.push(
          c.lock("one").run(async ({ token }) => {
            assert.equal(++inside, 1, "one is inside");
            order.push(i);
            tokens.push(token);
            await stage.sleep(20);
            inside--;
          }),
        );
        await untilQueued(stage, "lock", "one", 2 + i);
      }
      assert.deepEqual(order, []);
      inside--;
      await held.release();
      await Promise.all(waits);
      assert.deepEqual(order, [0, 1]);
      assert.deepEqual(
        tokens,
        tokens.toSorted((a, b) => (a < b ? -1 : 1)),
      );
      assert.equal(new Set(tokens).size, 3);
    },
  },
  {
    invariant: "a waiter in the middle of the line that gives up, or dies, lets nobody past the holder",
    async play(stage) {
      const [a, b, c, d] = [await stage.program(), await stage.program(), await stage.program(), await stage.program()];
      const held = await a.c.lock("line").acquire();
      const giveUp = new AbortController();
      const second = stateOf(b.c.lock("line").acquire({ signal: giveUp.signal }));
      await untilQueued(stage, "lock", "line", 2);
      const third = stateOf(c.c.lock("line").acquire());
      await untilQueued(stage, "lock", "line", 3);
      const fourth = stateOf(d.c.lock("line").acquire());
      await untilQueued(stage, "lock", "line", 4);
      giveUp.abort(new Error("enough"));
      await failsAs("aborted", second.promise);
      await stage.sleep(500);
      assert.ok(third.isOpen && fourth.isOpen, "the lock is still the first's");
      await c.killSession();
      await failsAs("session-expired", third.promise);
      await stage.sleep(500);
      assert.ok(fourth.isOpen, "the lock is still the first's");
      await held.release();
      const last = await within(stage, 5000, "the next in line has it", fourth.promise);
      assert.ok(last.token > held.token);
    },
  },
  {
    invariant: "an old handle's release does not touch the lock's next holder",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const old = await a.c.lock("old").acquire();
      await a.killSession();
      await eventually(stage, "the old holder is told", () => old.signal.aborted);
      const held = await b.c.lock("old").acquire();
      await old.release();
      await old.release();
      await old[Symbol.asyncDispose]();
      await stage.sleep(500);
      assert.equal(held.state, "held");
      assert.equal(await a.c.lock("old").tryAcquire(), null);
      await held.release();
    },
  },
  {
    invariant: "names that begin alike are different locks, and so are a lock and an election of one name",
    async play(stage) {
      const { c } = await stage.program();
      const names = ["a", "a0", "a-lock-", "A", "á", "/exact/a", "/exact/a/b", "/exact/a0"];
      const held = await Promise.all(names.map((name) => c.lock(name).acquire({ timeoutMs: 5000 })));
      for await (const term of c.election("a").campaign()) {
        assert.equal(term.state, "held");
        break;
      }
      for (const each of held) await each.release();
    },
  },
  {
    invariant: "an acquisition whose answer is lost finds the place it was given, and takes it once",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      await (await a.c.lock("answer").acquire()).release();
      a.loseNextAnswer();
      const held = await a.c.lock("answer").acquire({ timeoutMs: 20_000 });
      assert.equal(await b.c.lock("answer").tryAcquire(), null);
      await held.release();
      const next = await b.c.lock("answer").tryAcquire({ timeoutMs: 5000 });
      assert.ok(next !== null, "nothing else of it is left");
      await next.release();
    },
  },
  {
    invariant: "an acquisition that is aborted while its answer is lost leaves nothing",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      await (await a.c.lock("aborted").acquire()).release();
      for (const afterMs of [0, 1, 3, 10, 30, 100]) {
        const giveUp = new AbortController();
        a.loseNextAnswer();
        const acquiring = stateOf(a.c.lock("aborted").acquire({ signal: giveUp.signal }));
        await stage.sleep(afterMs);
        giveUp.abort();
        await acquiring.promise.then(
          (held) => held.release(),
          () => {},
        );
        const held = await within(stage, 15_000, "another has it", b.c.lock("aborted").acquire());
        assert.equal(a.c.status.kind, "ready", "whose session lives on");
        await held.release();
      }
    },
  },
  {
    invariant: "a release whose answer is lost releases, before the session is over",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.lock("released").acquire();
      a.loseNextAnswer();
      await held.release();
      const next = await b.c.lock("released").tryAcquire({ timeoutMs: 10_000 });
      assert.ok(next !== null);
      await next.release();
    },
  },
  {
    invariant: "a try that fails leaves nothing in line, also when its answer is lost",
    async play(stage) {
      const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
      const held = await a.c.lock("try").acquire();
      assert.equal(await b.c.lock("try").tryAcquire(), null);
      b.loseNextAnswer();
      assert.equal(await b.c.lock("try").tryAcquire(), null);
      await held.release();
      const next = await c.c.lock("try").tryAcquire();
      assert.ok(next !== null, "b is not in line");
      await next.release();
    },
  },
  {
    invariant: "whoever waits longer than a session's timeout gets a lock that is fresh",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.lock("long").acquire();
      const waiting = b.c.lock("long").acquire();
      await stage.sleep(stage.sessionTimeoutMs * 2);
      await held.release();
      const next = await waiting;
      await eventually(stage, "most of its time is left", () => next.expiresIn() > stage.sessionTimeoutMs / 4);
      assert.ok(next.expiresIn() <= stage.sessionTimeoutMs, "and no more than the servers agreed to");
      await next.release();
    },
  },
  {
    invariant: "connections that all break together leave each waiter its place",
    async play(stage) {
      const [holder, ...waiters] = await Promise.all(Array.from({ length: 8 }, () => stage.program()));
      const held = await holder!.c.lock("bounce").acquire();
      let inside = 0;
      let done = 0;
      const runs = waiters.map(({ c }) =>
        c.lock("bounce").run(async () => {
          assert.equal(++inside, 1, "one is inside");
          await stage.sleep(5);
          inside--;
          done++;
        }),
      );
      await untilQueued(stage, "lock", "bounce", 1 + waiters.length);
      for (const each of [holder!, ...waiters]) each.cut();
      await held.release();
      await within(stage, 20_000, "each has had it", Promise.all(runs));
      assert.equal(done, waiters.length);
    },
  },
  {
    invariant: "a signal that has aborted already, and a time of nothing, ask the servers for nothing",
    async play(stage) {
      const { c } = await stage.program();
      const signal = AbortSignal.abort(new Error("before"));
      const error = await failsAs("aborted", c.lock("never").acquire({ signal }));
      assert.equal(error.cause, signal.reason);
      await failsAs("aborted", c.lock("never").tryAcquire({ signal }));
      await failsAs("aborted", c.rwLock("never").read({ signal }));
      await failsAs("aborted", c.rwLock("never").write({ signal }));
      await failsAs("aborted", c.semaphore("never", { permits: 2 }).acquire({ signal }));
      await failsAs("aborted", c.multiLock(["never", "ever"]).acquire({ signal }));
      await failsAs("rejected", c.lock("never").acquire({ timeoutMs: -1 }));
      await failsAs("rejected", c.lock("never").acquire({ timeoutMs: Number.NaN }));
      await (await c.lock("never").acquire({ timeoutMs: 5000 })).release();
    },
  },
  {
    invariant: "names that are none are refused before anything is asked",
    async play(stage) {
      const { c } = await stage.program();
      const none = [
        "",
        "/",
        "a/b",
        "a/",
        "/a/",
        "//a",
        "/a//b",
        ".",
        "..",
        "/a/../b",
        "a\u0000",
        "\ud800",
        "/zookeeper/x",
        "x".repeat(256),
      ];
      for (const name of none) {
        const refused = { name: "CoordinationError", code: "rejected", outcome: "not-applied" };
        assert.throws(() => c.lock(name), refused, JSON.stringify(name));
        assert.throws(() => c.election(name), refused);
        assert.throws(() => c.semaphore(name, { permits: 1 }), refused);
        assert.throws(() => c.rwLock(name), refused);
      }
      await (await c.lock("x".repeat(255)).acquire()).release();
    },
  },
  {
    invariant: "servers that disappear for ever: a wait ends by its deadline, and says what it waited for",
    async play(stage) {
      const a = await stage.program();
      a.silence();
      const startedAt = stage.now();
      const error = await failsAs("deadline", a.c.lock("gone").acquire({ timeoutMs: 1000 }));
      assertPrompt(stage, startedAt, 3000);
      assert.match(error.message, /lock "gone" was not acquired: within 1000 ms, waiting for the servers/);
    },
  },
  {
    invariant: "those of one program take turns as well, and whoever gives up there stands in nobody's way",
    async play(stage) {
      const { c } = await stage.program();
      const held = await c.lock("local").acquire();
      assert.equal(await c.lock("local").tryAcquire(), null);
      const giveUp = new AbortController();
      const second = stateOf(c.lock("local").acquire({ signal: giveUp.signal }));
      const third = stateOf(c.lock("local").acquire());
      const late = await failsAs("deadline", c.lock("local").acquire({ timeoutMs: 50 }));
      assert.match(late.message, /another of this process/);
      giveUp.abort();
      await failsAs("aborted", second.promise);
      assert.ok(third.isOpen);
      await held.release();
      await (await third.promise).release();
    },
  },
  {
    invariant: "several locks are held all or none, and two who want them in another order do not block each other",
    async play(stage) {
      const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
      const forth = Array.from({ length: 5 }, () => a.c.multiLock(["x", "y", "z"]).run(() => stage.sleep(5)));
      const back = Array.from({ length: 5 }, () => b.c.multiLock(["z", "y", "x"]).run(() => stage.sleep(5)));
      await within(stage, 30_000, "all are done", Promise.all([...forth, ...back]));
      const one = await c.c.lock("z").acquire();
      assert.equal(await a.c.multiLock(["x", "y", "z"]).tryAcquire(), null);
      await failsAs("deadline", a.c.multiLock(["x", "y", "z"]).acquire({ timeoutMs: 300 }));
      await (await b.c.lock("x").acquire({ timeoutMs: 5000 })).release();
      await one.release();
      const all = await a.c.multiLock(["x", "y", "z"]).acquire();
      assert.deepEqual([...all.all.keys()], ["x", "y", "z"]);
      await a.killSession();
      await eventually(stage, "none is held", () => [...all.all.values()].every(({ signal }) => signal.aborted));
      assert.equal(all.state, "lost");
      assert.ok(all.signal.reason instanceof LockLostError);
    },
  },
];
