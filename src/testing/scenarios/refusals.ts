// Scenarios of refusals that pass by themselves: each write of each recipe is refused once, in each such way. What was given up is
// removed as soon as the servers allow it, while the session lives. Errors state the true outcome, and what failed can be repeated.

import assert from "node:assert/strict";
import { CoordinationError } from "../../base/errors.ts";
import type { Coordination } from "../../recipes/index.ts";
import { stateOf, within } from "../checks.ts";
import type { CompleteEngine } from "../recipe-scenarios.ts";
import { type Program, REFUSALS, type Refusal, type Scenario, type Stage } from "../stage.ts";

type C = Coordination<CompleteEngine>;

/** A recipe's writes, all of them; and what has to be so when they are done. */
interface Part {
  readonly recipe: string;
  /** Asks again for whatever fails, by `again`. */
  play(c: C, name: string, again: Again): Promise<void>;
  /** Nothing of it is in the way of another program. */
  afterwards(other: C, name: string): Promise<void>;
}

/** Does something until it succeeds, and checks that its failures are those that the invariant allows. */
type Again = <T>(what: () => Promise<T>) => Promise<T>;

/** Time enough for everything that is to pass. */
const WAIT_MS = 20_000;
/** As many writes as no part has. */
const WRITES_MAX = 25;

const parts: readonly Part[] = [
  {
    recipe: "lock",
    async play(c, name, again) {
      const held = await again(() => c.lock(name).acquire({ timeoutMs: WAIT_MS }));
      await again(() => held.release());
      assert.equal(held.state, "released");
    },
    async afterwards(other, name) {
      await (await other.lock(name).acquire({ timeoutMs: WAIT_MS })).release();
    },
  },
  {
    recipe: "read-write lock",
    async play(c, name, again) {
      const writing = await again(() => c.rwLock(name).write({ timeoutMs: WAIT_MS }));
      const reading = await again(() => writing.downgrade({ timeoutMs: WAIT_MS }));
      await again(() => writing.release());
      await again(() => reading.release());
    },
    async afterwards(other, name) {
      await (await other.rwLock(name).write({ timeoutMs: WAIT_MS })).release();
    },
  },
  {
    recipe: "multi-lock",
    async play(c, name, again) {
      const held = await again(() => c.multiLock([`${name}-a`, `${name}-b`]).acquire({ timeoutMs: WAIT_MS }));
      await again(() => held.release());
    },
    async afterwards(other, name) {
      await (await other.multiLock([`${name}-a`, `${name}-b`]).acquire({ timeoutMs: WAIT_MS })).release();
    },
  },
  {
    recipe: "semaphore",
    async play(c, name, again) {
      const semaphore = c.semaphore(name, { permits: 3 });
      const held = await again(() => semaphore.acquire({ count: 2, timeoutMs: WAIT_MS }));
      await again(() => held.release());
    },
    async afterwards(other, name) {
      const all = await other.semaphore(name, { permits: 3 }).acquire({ count: 3, timeoutMs: WAIT_MS });
      await all.release();
    },
  },
  {
    recipe: "election",
    async play(c, name, again) {
      // No `again`: a campaign goes on by itself.
      for await (const term of c.election(name).campaign({ id: "a" })) {
        await again(() => term.publish("here"));
        await again(() => term.release());
        break;
      }
    },
    async afterwards(other, name) {
      for await (const _ of other.election(name).campaign({ id: "b" })) break;
    },
  },
  {
    recipe: "group",
    async play(c, name, again) {
      const member = await again(() => c.group(name).join({ id: "m", data: "one", timeoutMs: WAIT_MS }));
      await again(() => member.update("two", { timeoutMs: WAIT_MS }));
      await again(() => member.leave());
      assert.equal(member.state, "left");
    },
    async afterwards(other, name) {
      assert.deepEqual(await other.group(name).members(), []);
    },
  },
  {
    recipe: "partition",
    async play(c, name, again) {
      const partition = c.partition(name, { items: ["x"] });
      const membership = await again(() => partition.join({ id: "m", settleMs: 20, timeoutMs: WAIT_MS }));
      for await (const share of membership) {
        await again(() => share.release());
        break;
      }
      const leaving = again(() => membership.leave());
      for (const share of membership.shares.values()) await again(() => share.release());
      await leaving;
    },
    async afterwards(other, name) {
      assert.deepEqual(await other.partition(name, { items: ["x"] }).members(), []);
      const membership = await other.partition(name, { items: ["x"] }).join({ settleMs: 20 });
      for await (const _ of membership) break;
      await membership[Symbol.asyncDispose]();
    },
  },
  {
    recipe: "barrier",
    async play(c, name, again) {
      await again(() => c.barrier(name).set({ timeoutMs: WAIT_MS }));
      await again(() => c.barrier(name).remove({ timeoutMs: WAIT_MS }));
    },
    async afterwards(other, name) {
      assert.equal(await other.barrier(name).isSet(), false);
    },
  },
  {
    recipe: "double barrier",
    async play(c, name, again) {
      const barrier = c.doubleBarrier(name, { members: 2 });
      const one = () => again(() => barrier.enter({ timeoutMs: WAIT_MS }));
      const [first, second] = await Promise.all([one(), one()]);
      await Promise.all([
        again(() => first.leave({ timeoutMs: WAIT_MS })),
        again(() => second.leave({ timeoutMs: WAIT_MS })),
      ]);
    },
    async afterwards(other, name) {
      const barrier = other.doubleBarrier(name, { members: 2 });
      await assert.rejects(barrier.enter({ timeoutMs: 200 }), { code: "deadline", outcome: "not-applied" });
    },
  },
  {
    recipe: "counter",
    async play(c, name, again) {
      await again(() => c.counter(name).set(6n, { timeoutMs: WAIT_MS }));
      await again(() => c.counter(name).set(7n, { timeoutMs: WAIT_MS }));
    },
    async afterwards(other, name) {
      assert.equal(await other.counter(name).get(), 7n);
    },
  },
  {
    recipe: "queue",
    async play(c, name, again) {
      const queue = c.queue<string>(name);
      const id = await again(() => queue.put("work"));
      const returned = await again(() => queue.take({ timeoutMs: WAIT_MS }));
      await again(() => returned.return());
      for (let isDone = false; !isDone; ) {
        const job = await again(() => queue.take({ timeoutMs: WAIT_MS }));
        await again(() => job.ack());
        isDone = job.id === id || (await queue.size()) === 0;
      }
    },
    async afterwards(other, name) {
      const queue = other.queue<string>(name);
      for (let left = await queue.size(); left > 0; left--) await (await queue.take({ timeoutMs: WAIT_MS })).ack();
      await queue.put("more");
      await (await queue.take({ timeoutMs: WAIT_MS })).ack();
    },
  },
  {
    recipe: "transaction",
    async play(c, name, again) {
      const held = await again(() => c.lock(name).acquire({ timeoutMs: WAIT_MS }));
      const place = `/transactions/${name}/row`;
      await again(async () => {
        try {
          await c.transaction().guard(held).create(place, "1").commit({ timeoutMs: WAIT_MS });
        } catch (error) {
          if (!(error instanceof Error && "failure" in error && error.failure === "exists")) throw error;
        }
      });
      await again(() => held.release());
    },
    async afterwards(other, name) {
      await other.transaction().delete(`/transactions/${name}/row`).commit();
      await (await other.lock(name).acquire({ timeoutMs: WAIT_MS })).release();
    },
  },
];

export const refusalScenarios: readonly Scenario<CompleteEngine>[] = [
  ...parts.flatMap((part) =>
    REFUSALS.map((refusal): Scenario<CompleteEngine> => {
      return {
        invariant: `${part.recipe}: whichever write is refused (${refusal}), what was given up is free again as soon as that is over`,
        play: (stage) => playEach(stage, part, refusal),
      };
    }),
  ),
  ...REFUSALS.map((refusal): Scenario<CompleteEngine> => {
    return {
      invariant: `a waiter that gives up while its writes are refused (${refusal}) does not keep its place`,
      play: (stage) => giveUpWaiting(stage, refusal),
    };
  }),
  {
    invariant: "a release that is refused for long says that it is not done yet, and is done by itself when it can be",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.lock("long").acquire();
      const waiting = stateOf(b.c.lock("long").acquire());
      a.refuseWrites("no-space", 1, Number.POSITIVE_INFINITY);
      const releasing = stateOf(held.release());
      await stage.sleep(stage.sessionTimeoutMs / 2);
      assert.ok(releasing.isOpen, "it may pass");
      assert.equal(held.state, "releasing");
      assert.ok(held.signal.aborted, "nobody works under it any more");
      await assert.rejects(
        within(stage, stage.sessionTimeoutMs, "it tells", releasing.promise),
        (error: CoordinationError) =>
          error.outcome === "unknown" && /lock "long" is not released yet/.test(error.message),
      );
      assert.equal(held.state, "releasing");
      assert.ok(waiting.isOpen);
      const again = stateOf(held.release());
      await stage.sleep(100);
      assert.ok(again.isOpen, "called again it waits again");
      a.heal();
      await within(stage, WAIT_MS, "it is released", again.promise);
      assert.equal(held.state, "released");
      await (await within(stage, 1000, "the next has it", waiting.promise)).release();
      assert.equal(sessionOf(a).state.kind, "sure");
    },
  },
  {
    invariant: "what was lost while its session lives is taken back too, however often that is refused",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const held = await a.c.lock("lost").acquire({ onUnsure: "abort" });
      a.refuseWrites("no-space", 1, 4);
      a.cut();
      await within(
        stage,
        WAIT_MS,
        "another has it",
        b.c
          .lock("lost")
          .acquire()
          .then((next) => next.release()),
      );
      assert.equal(held.state, "lost");
      assert.equal(sessionOf(a).state.kind, "sure");
    },
  },
  {
    invariant: "an ack that is refused leaves the job held, and called again it is done",
    async play(stage) {
      const { c, ...a } = await bound(stage);
      const queue = c.queue<string>("ack");
      await queue.put("work");
      const job = await queue.take();
      a.refuseWrites("no-space", 1, Number.POSITIVE_INFINITY);
      await assert.rejects(within(stage, WAIT_MS, "it tells", job.ack()), CoordinationError);
      assert.equal(job.state, "held");
      a.heal();
      await job.ack();
      assert.equal(job.state, "released");
      assert.equal(await queue.size(), 0);
    },
  },
  {
    invariant: "a campaign, a latch and a consumer go on when what refused them has passed",
    async play(stage) {
      const { c, ...a } = await bound(stage);
      await c.queue<string>("goes on").put("work");
      a.refuseWrites("no-space", 1, Number.POSITIVE_INFINITY);
      const stop = new AbortController();
      const campaign = c.election("goes on").campaign({ signal: stop.signal });
      const winning = stateOf(campaign.next());
      await using latch = c.election("latch goes on").latch();
      const taking = stateOf(c.queue<string>("goes on").consume({ signal: stop.signal }).next());
      await stage.sleep(stage.sessionTimeoutMs);
      assert.ok(winning.isOpen && taking.isOpen && !latch.isLeader);
      a.heal();
      await within(stage, WAIT_MS, "it leads", winning.promise);
      await latch.wait({ timeoutMs: WAIT_MS });
      const { value: job } = await within(stage, WAIT_MS, "it works", taking.promise);
      await job!.ack();
      stop.abort();
      await campaign.return();
    },
  },
];

async function playEach(stage: Stage<CompleteEngine>, part: Part, refusal: Refusal): Promise<void> {
  const [a, b] = [await stage.program(), await stage.program()];
  for (const times of [1, 3]) {
    for (let from = 1; from <= WRITES_MAX; from++) {
      const name = `${part.recipe.replaceAll(" ", "-")}-${from}-${times}`;
      const session = sessionOf(a);
      const before = a.writes;
      a.refuseWrites(refusal, from, times);
      const where = `write ${from}, refused ${times} times`;
      await within(
        stage,
        8 * WAIT_MS,
        `${where}: it is done`,
        part.play(a.c, name, (what) => again(stage, what)),
      );
      const isOver = a.writes - before < from;
      await within(stage, WAIT_MS, `${where}: another may`, part.afterwards(b.c, name));
      // Silence may cost a session; a refusal never does.
      if (refusal !== "timeout" && refusal !== "no-quorum")
        assert.equal(sessionOf(a), session, `${where}: the same session`);
      a.heal();
      if (isOver) break;
      assert.ok(from < WRITES_MAX, "it has more writes than are played");
    }
  }
}

async function again<T>(stage: Stage<CompleteEngine>, what: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await what();
    } catch (error) {
      assert.ok(error instanceof CoordinationError, `what fails says so: ${String(error)}`);
      assert.notEqual(error.outcome, "applied", error.message);
      assert.ok(tries < 20, `it fails again and again: ${error.message}`);
      await stage.sleep(20);
    }
  }
}

async function giveUpWaiting(stage: Stage<CompleteEngine>, refusal: Refusal): Promise<void> {
  for (const refusedFrom of ["the beginning", "its removal"]) {
    const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
    const name = `waiter-${refusal}-${refusedFrom.replaceAll(" ", "-")}`;
    const held = await b.c.lock(name).acquire();
    const session = sessionOf(a);
    const giveUp = new AbortController();
    if (refusedFrom === "the beginning") a.refuseWrites(refusal, 1, 2);
    const waiting = stateOf(a.c.lock(name).acquire({ signal: giveUp.signal }));
    await stage.sleep(refusedFrom === "the beginning" ? 2 : 300);
    if (refusedFrom === "its removal") a.refuseWrites(refusal, 1, 2);
    giveUp.abort();
    await waiting.promise.catch(() => {});
    await held.release();
    const next = await c.c.lock(name).acquire({ timeoutMs: WAIT_MS });
    if (refusal !== "timeout" && refusal !== "no-quorum") assert.equal(sessionOf(a), session, "the same session");
    await next.release();
    for (const each of [a, b, c]) await each.c.close();
  }
}

async function bound(stage: Stage<CompleteEngine>) {
  const program = await stage.program();
  return {
    c: program.c,
    refuseWrites: program.refuseWrites.bind(program),
    heal: () => program.heal(),
  };
}

function sessionOf({ c }: Program<CompleteEngine>) {
  const { status } = c.engine;
  assert.ok(status.kind === "ready", "it has a session");
  return status.session;
}
