// Scenarios of handles: how a held lock ends, and how its handle tells that.

import assert from "node:assert/strict";
import { LockLostError, ReleasedError } from "../../recipes/index.ts";
import { endOf, eventually, failsAs, stateOf, untilQueued, within } from "../checks.ts";
import type { ExclusiveEngine, Scenario } from "../stage.ts";

export const lockHandleScenarios: readonly Scenario<ExclusiveEngine>[] = [
  {
    invariant:
      "when the network falls silent the holder is told by its own deadline, before another is granted it, and once",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.lock("silent").acquire();
      const end = endOf(stage, held);
      const next = b.c.lock("silent").acquire();
      await untilQueued(stage, "lock", "silent", 2);
      const silentAt = stage.now();
      a.silence();
      const taken = await within(stage, stage.sessionTimeoutMs * 6, "the next is granted it", next);
      const takenAt = stage.now();
      assert.ok(end.at !== null && end.at <= takenAt, "the signal came first");
      const soon = stage.sessionTimeoutMs + (stage.sessionTimeoutMs / 4) * stage.slowdown;
      assert.ok(end.at - silentAt <= soon, `${end.at - silentAt} ms after the silence`);
      assert.equal(end.times, 1);
      assert.ok(held.signal.reason instanceof LockLostError);
      assert.equal(held.signal.reason.lossCause, "deadline");
      assert.equal(held.signal.reason.token, held.token);
      assert.equal(held.expiresIn(), 0);
      assert.equal(held.state, "lost");
      assert.throws(() => held.assertHeld(), held.signal.reason);
      assert.ok(taken.token > held.token);
      a.heal();
      await stage.sleep(stage.sessionTimeoutMs);
      assert.equal(end.times, 1);
      assert.equal(taken.state, "held");
      await taken.release();
    },
  },
  {
    invariant: "a lost connection that comes back in time loses nothing: held, unsure, held",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.lock("unsure").acquire();
      const states = new Set<string>();
      const stop = (await sessionOf(a)).onState(() => states.add(held.state));
      a.cut();
      await eventually(stage, "it is unsure, then sure", () => states.has("unsure") && held.state === "held");
      stop();
      assert.equal(held.signal.aborted, false);
      held.assertHeld();
      assert.equal(await b.c.lock("unsure").tryAcquire(), null);
      await held.release();
    },
  },
  {
    invariant:
      "a holder who asked for it stops as soon as it is unsure, and gives the lock back when the servers are reached",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.lock("careful").acquire({ onUnsure: "abort" });
      a.cut();
      await eventually(stage, "it is lost", () => held.signal.aborted);
      assert.ok(held.signal.reason instanceof LockLostError);
      assert.equal(held.signal.reason.lossCause, "unsure");
      await (await within(stage, 10_000, "another has it", b.c.lock("careful").acquire())).release();
    },
  },
  {
    invariant: "a session that an operator ends takes the lock with it, with one event and the reason",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.lock("killed").acquire();
      const end = endOf(stage, held);
      await a.killSession();
      await eventually(stage, "the holder is told", () => end.times > 0);
      assert.ok(held.signal.reason instanceof LockLostError);
      assert.equal(held.signal.reason.lossCause, "session-expired");
      await (await b.c.lock("killed").acquire({ timeoutMs: 10_000 })).release();
      // The program goes on with a session of its own.
      const again = await a.c.lock("killed").acquire({ timeoutMs: 10_000 });
      assert.ok(again.token > held.token);
      await stage.sleep(300);
      assert.equal(end.times, 1);
      await again.release();
    },
  },
  {
    invariant: "a waiter whose session ends is told at once, while the holder holds on",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.lock("dead waiter").acquire();
      const waiting = stateOf(b.c.lock("dead waiter").acquire());
      await untilQueued(stage, "lock", "dead waiter", 2);
      await b.killSession();
      const error = await within(
        stage,
        stage.sessionTimeoutMs * 2,
        "the waiter is told",
        failsAs("session-expired", waiting.promise),
      );
      assert.equal(error.outcome, "not-applied");
      assert.equal(held.state, "held");
      await held.release();
    },
  },
  {
    invariant: "work is told to have failed by the loss of its lock, even if it does not listen",
    async play(stage) {
      const { c, killSession } = await programOf(stage);
      let goOn = () => {};
      const deaf = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      let isInside = false;
      const work = () => {
        isInside = true;
        return deaf;
      };
      const running = stateOf(c.lock("deaf").run(work));
      await eventually(stage, "it is held", () => isInside);
      await killSession();
      await eventually(stage, "it has failed", () => !running.isOpen);
      assert.ok(running.error instanceof LockLostError);
      goOn();
    },
  },
  {
    invariant: "the body's error is the one that is thrown, and the lock is free again",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const trouble = new Error("the body's own");
      const running = a.c.lock("trouble").run(() => {
        throw trouble;
      });
      await assert.rejects(running, trouble);
      const inBlock = async () => {
        await using held = await a.c.lock("trouble").acquire();
        held.assertHeld();
        throw trouble;
      };
      await assert.rejects(inBlock(), trouble);
      assert.equal(await a.c.lock("trouble").run(({ state }) => state), "held");
      const held = await b.c.lock("trouble").tryAcquire();
      assert.ok(held !== null);
      await held.release();
    },
  },
  {
    invariant: "a signal that is first asked for when all is over has aborted, once, and says why",
    async play(stage) {
      const { c } = await stage.program();
      const released = await c.lock("first").acquire();
      const lost = await c.lock("second").acquire();
      await released.release();
      await c.close();
      assert.equal(released.signal.aborted, true);
      assert.ok(released.signal.reason instanceof ReleasedError);
      assert.ok(lost.signal.aborted && lost.signal.reason instanceof LockLostError);
      assert.equal(lost.signal.reason.lossCause, "closed");
      assert.equal(lost.signal, lost.signal);
      assert.equal(lost.signal.reason, lost.signal.reason);
    },
  },
  {
    invariant: "a release says so: the signal's reason, the state, no time left; twice is once",
    async play(stage) {
      const { c } = await stage.program();
      const held = await c.lock("said").acquire();
      const end = endOf(stage, held);
      await Promise.all([held.release(), held.release()]);
      await held.release();
      assert.ok(held.signal.reason instanceof ReleasedError);
      assert.equal(held.state, "released");
      assert.equal(held.expiresIn(), 0);
      assert.throws(() => held.assertHeld(), ReleasedError);
      assert.equal(end.times, 1);
    },
  },
  {
    invariant: "another leader among the servers takes nobody's lock",
    async play(stage) {
      if (stage.changeLeader === null) return;
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.lock("leader").acquire();
      const waiting = stateOf(b.c.lock("leader").acquire());
      await untilQueued(stage, "lock", "leader", 2);
      await stage.changeLeader();
      await stage.sleep(stage.sessionTimeoutMs);
      await eventually(stage, "it is held still", () => held.state === "held");
      assert.equal(held.signal.aborted, false);
      assert.ok(waiting.isOpen);
      await held.release();
      await (await within(stage, 10_000, "the next has it", waiting.promise)).release();
    },
  },
  {
    invariant: "closing the connection ends what is held and what waits, and says so",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.lock("closed").acquire();
      const waiting = stateOf(a.c.lock("closed").acquire());
      await a.c.close();
      assert.ok(held.signal.reason instanceof LockLostError);
      assert.equal(held.signal.reason.lossCause, "closed");
      await failsAs("closed", within(stage, 5000, "the waiter is told", waiting.promise));
      await failsAs("closed", a.c.lock("closed").acquire());
      await held.release();
      await (await b.c.lock("closed").acquire({ timeoutMs: 5000 })).release();
    },
  },
];

async function programOf(stage: Parameters<Scenario<ExclusiveEngine>["play"]>[0]) {
  const program = await stage.program();
  return { c: program.c, killSession: () => program.killSession() };
}

async function sessionOf(program: { readonly c: { readonly engine: Pick<ExclusiveEngine, "status"> } }) {
  const { status } = program.c.engine;
  assert.ok(status.kind === "ready");
  return status.session;
}
