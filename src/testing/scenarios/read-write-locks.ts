// Scenarios of the read-write lock.

import assert from "node:assert/strict";
import { CoordinationError } from "../../base/errors.ts";
import { LockLostError } from "../../recipes/index.ts";
import { eventually, failsAs, stateOf, untilQueued, within } from "../checks.ts";
import type { ExclusiveEngine, Scenario } from "../stage.ts";

export const readWriteLockScenarios: readonly Scenario<ExclusiveEngine>[] = [
  {
    invariant: "many read together, a writer is alone, and neither overtakes who came before",
    async play(stage) {
      const [a, b, c, d] = [await stage.program(), await stage.program(), await stage.program(), await stage.program()];
      const [one, two] = [await a.c.rwLock("rw").read(), await b.c.rwLock("rw").read()];
      assert.equal(await c.c.rwLock("rw").tryWrite(), null);
      const writing = stateOf(c.c.rwLock("rw").write());
      await untilQueued(stage, "read-write lock", "rw", 3);
      const reading = stateOf(d.c.rwLock("rw").read());
      await untilQueued(stage, "read-write lock", "rw", 4);
      assert.equal(await a.c.rwLock("rw").tryRead(), null, "readers do not starve a writer");
      await one.release();
      await stage.sleep(300);
      assert.ok(writing.isOpen, "one reads still");
      await two.release();
      const writer = await within(stage, 5000, "the writer is alone", writing.promise);
      await stage.sleep(300);
      assert.ok(reading.isOpen);
      await writer.release();
      const reader = await within(stage, 5000, "the reader follows", reading.promise);
      assert.ok(reader.token > writer.token && writer.token > two.token);
      await reader.release();
    },
  },
  {
    invariant:
      "a writer who goes on as a reader lets no waiting writer between, and readers in behind it only in their turn",
    async play(stage) {
      const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
      const writer = await a.c.rwLock("down").write();
      const next = stateOf(b.c.rwLock("down").write());
      await untilQueued(stage, "read-write lock", "down", 2);
      const reader = await writer.downgrade({ timeoutMs: 5000 });
      assert.equal(writer.state, "released");
      assert.equal(reader.state, "held");
      assert.equal(reader.token, writer.token, "it goes on: whoever waits has a larger one");
      await stage.sleep(500);
      assert.ok(next.isOpen, "the waiting writer stays behind the reader");
      assert.equal(await c.c.rwLock("down").tryRead(), null);
      await reader.release();
      const second = await within(stage, 5000, "then it is the writer's turn", next.promise);
      assert.ok(second.token > reader.token);
      await second.release();
      await assert.rejects(writer.downgrade());
    },
  },
  {
    invariant: "a writer that was lost while it went on as a reader does not go on: another may have come between",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const writer = await a.c.rwLock("lost between").write({ onUnsure: "abort" });
      a.loseNextAnswer();
      const going = stateOf(writer.downgrade({ timeoutMs: 20_000 }));
      await eventually(stage, "the writer is told that it is lost", () => writer.signal.aborted);
      assert.ok(writer.signal.reason instanceof LockLostError);
      await assert.rejects(
        going.promise,
        (error) => error === writer.signal.reason || error instanceof CoordinationError,
      );
      const next = await within(stage, 20_000, "nothing of it is left", b.c.rwLock("lost between").write());
      await next.release();
    },
  },
  {
    invariant:
      "a writer that is released while it goes on as a reader does not go on, at whatever instant, and leaves nothing",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      for (const afterMs of [0, 1, 2, 3, 4, 6]) {
        const writer = await a.c.rwLock("released between").write({ timeoutMs: 20_000 });
        const going = stateOf(writer.downgrade({ timeoutMs: 20_000 }));
        await stage.sleep(afterMs);
        const wasHeld = writer.state === "held";
        await writer.release();
        const reader = await going.promise.catch((error) => {
          assert.ok(error instanceof CoordinationError, String(error));
          return null;
        });
        assert.ok(reader === null || !wasHeld, `released after ${afterMs} ms, it goes on`);
        await reader?.release();
        await (await b.c.rwLock("released between").write({ timeoutMs: 20_000 })).release();
      }
    },
  },
  {
    invariant: "a reader in the middle that gives up, or dies, wakes no writer before all readers have gone",
    async play(stage) {
      const [a, b, c, d] = [await stage.program(), await stage.program(), await stage.program(), await stage.program()];
      const [first, second, third] = [
        await a.c.rwLock("mid").read(),
        await b.c.rwLock("mid").read(),
        await c.c.rwLock("mid").read(),
      ];
      const writing = stateOf(d.c.rwLock("mid").write());
      await untilQueued(stage, "read-write lock", "mid", 4);
      await third.release();
      await b.killSession();
      await eventually(stage, "the second is told", () => second.signal.aborted);
      await stage.sleep(500);
      assert.ok(writing.isOpen, "the first reads still");
      await first.release();
      await (await within(stage, 5000, "then the writer writes", writing.promise)).release();
    },
  },
  {
    invariant: "a writer who gives up lets the readers behind it in",
    async play(stage) {
      const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
      const reader = await a.c.rwLock("impatient").read();
      const giveUp = new AbortController();
      const writing = stateOf(b.c.rwLock("impatient").write({ signal: giveUp.signal }));
      await untilQueued(stage, "read-write lock", "impatient", 2);
      const reading = stateOf(c.c.rwLock("impatient").read());
      await untilQueued(stage, "read-write lock", "impatient", 3);
      assert.ok(reading.isOpen);
      giveUp.abort();
      await failsAs("aborted", writing.promise);
      await (await within(stage, 5000, "the reader is in", reading.promise)).release();
      await reader.release();
    },
  },
  {
    invariant: "a downgrade whose answer is lost is one, and leaves nothing when it is released",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const writer = await a.c.rwLock("lost answer").write();
      a.loseNextAnswer();
      const reader = await writer.downgrade({ timeoutMs: 20_000 });
      await (await b.c.rwLock("lost answer").read({ timeoutMs: 5000 })).release();
      assert.equal(await b.c.rwLock("lost answer").tryWrite(), null);
      await reader.release();
      await (await b.c.rwLock("lost answer").write({ timeoutMs: 5000 })).release();
    },
  },
];
