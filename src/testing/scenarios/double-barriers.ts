// Scenarios of the double barrier: participants begin together and end together.

import assert from "node:assert/strict";
import { CoordinationError } from "../../base/errors.ts";
import {
  type AccessRule,
  type BarrierEntry,
  type Engine,
  type HasDoubleBarriers,
  LockLostError,
  ReleasedError,
} from "../../recipes/index.ts";
import { eventually, failsAs, type PromiseState, stateOf, untilQueued, within } from "../checks.ts";
import type { Program, Scenario, Stage } from "../stage.ts";

type DoubleBarrierEngine = Engine & HasDoubleBarriers;

const members = 3;

/** Everyone may read such a node, and nobody may change it. */
const READ_ONLY: readonly AccessRule[] = [{ perms: 1, scheme: "world", id: "anyone" }];

export const doubleBarrierScenarios: readonly Scenario<DoubleBarrierEngine>[] = [
  {
    invariant: "members begin when all are there, and none goes on at the end before all are through",
    async play(stage) {
      const programs = await three(stage);
      const entering: PromiseState<BarrierEntry>[] = [];
      for (const { c } of programs) {
        assert.ok(
          entering.every(({ isOpen }) => isOpen),
          "nobody begins before the last has come",
        );
        entering.push(stateOf(c.doubleBarrier("phase", { members }).enter()));
        await stage.sleep(300);
      }
      const inside = await within(stage, 5000, "all begin", Promise.all(entering.map(({ promise }) => promise)));
      const leaving: PromiseState<void>[] = [];
      for (const each of inside) {
        assert.equal(each.state, "held");
        assert.ok(
          leaving.every(({ isOpen }) => isOpen),
          "nobody goes on before the last is through",
        );
        leaving.push(stateOf(each.leave()));
        await stage.sleep(300);
      }
      await within(stage, 5000, "all go on", Promise.all(leaving.map(({ promise }) => promise)));
      for (const each of inside) assert.ok(each.signal.reason instanceof ReleasedError);
      await nobodyPassesAlone(stage, programs[0], "phase");
    },
  },
  {
    invariant: "round after round, each member is in the round that all are in",
    async play(stage) {
      const programs = await three(stage);
      const rounds = 8;
      const at = programs.map(() => ({ begun: 0, done: 0 }));
      const working = programs.map(async ({ c }, i) => {
        for (let round = 1; round <= rounds; round++) {
          const inside = await c.doubleBarrier("rounds", { members }).enter();
          at[i]!.begun = round;
          assert.ok(
            at.every(({ done }) => done >= round - 1),
            `round ${round} begins while others are in ${JSON.stringify(at)}`,
          );
          await stage.sleep(((i * 7 + round * 5) % 4) * 10);
          at[i]!.done = round;
          await inside.leave();
          assert.ok(
            at.every(({ done }) => done >= round),
            `round ${round} is over while others are in ${JSON.stringify(at)}`,
          );
        }
      });
      await within(stage, 60_000, "all rounds are over", Promise.all(working));
    },
  },
  {
    invariant: "whatever connections do, nobody passes before enough have come",
    async play(stage) {
      const [a, b, c] = await three(stage);
      const first = stateOf(a.c.doubleBarrier("events", { members }).enter({ timeoutMs: 300_000 }));
      const second = stateOf(b.c.doubleBarrier("events", { members }).enter());
      for (let i = 0; i < 10; i++) {
        await stage.sleep(stage.sessionTimeoutMs / 10);
        (i % 2 === 0 ? a : b).cut();
        if (i === 3) a.loseNextAnswer();
        assert.ok(first.isOpen && second.isOpen, `after ${i + 1} events`);
      }
      await b.killSession();
      await failsAs("session-expired", second.promise);
      const third = stateOf(c.c.doubleBarrier("events", { members }).enter());
      await stage.sleep(stage.sessionTimeoutMs);
      assert.ok(first.isOpen && third.isOpen, "one has died before it was inside, and is not counted");
      const fourth = stateOf(b.c.doubleBarrier("events", { members }).enter());
      const inside = await within(
        stage,
        10_000,
        "all begin",
        Promise.all([first.promise, third.promise, fourth.promise]),
      );
      await within(stage, 10_000, "all go on", Promise.all(inside.map((each) => each.leave())));
    },
  },
  {
    invariant: "an entry whose answer is lost is one member, and one that is given up is none, whenever that was",
    async play(stage) {
      const [a, b, c] = await three(stage);
      for (const afterMs of [0, 1, 2, 4, 8, 30]) {
        const giveUp = new AbortController();
        a.loseNextAnswer();
        const entering = stateOf(a.c.doubleBarrier("given up", { members }).enter({ signal: giveUp.signal }));
        await stage.sleep(afterMs);
        giveUp.abort();
        await failsAs("aborted", entering.promise);
      }
      a.loseNextAnswer();
      const two = [a, b].map(({ c }) => stateOf(c.doubleBarrier("given up", { members }).enter()));
      await stage.sleep(stage.sessionTimeoutMs);
      assert.ok(
        two.every(({ isOpen }) => isOpen),
        "they are two",
      );
      const last = await c.c.doubleBarrier("given up", { members }).enter({ timeoutMs: 10_000 });
      const others = await within(stage, 10_000, "all begin", Promise.all(two.map(({ promise }) => promise)));
      await within(stage, 10_000, "all go on", Promise.all([last, ...others].map((each) => each.leave())));
    },
  },
  {
    invariant: "of two who meet as one of them gives up, both enter or neither does, whatever instant that is",
    async play(stage) {
      const [a, b] = await three(stage);
      const fates = { both: 0, neither: 0 };
      for (let round = 0; round < 60; round++) {
        const barrier = (c: typeof a.c) => c.doubleBarrier(`instant-${round}`, { members: 2 });
        const early = barrier(a.c)
          .enter({ timeoutMs: 100 })
          .catch((error) => error);
        await stage.sleep(85 + (round % 20));
        const giveUp = new AbortController();
        const late = stateOf(barrier(b.c).enter({ signal: giveUp.signal }));
        const first = await early;
        await stage.sleep(50);
        if (first instanceof Error) {
          assert.equal((first as CoordinationError).outcome, "not-applied");
          assert.ok(late.isOpen, `round ${round}: it passes alone, for the other's enter had failed: ${first.message}`);
          giveUp.abort();
          await failsAs("aborted", late.promise);
          fates.neither++;
        } else {
          const second = await within(stage, 5000, `round ${round}: the other enters too`, late.promise);
          await Promise.all([first, second].map((inside) => inside.leave({ timeoutMs: 5000 })));
          fates.both++;
        }
      }
      if (stage.slowdown === 1) assert.ok(fates.both > 0 && fates.neither > 0, JSON.stringify(fates));
    },
  },
  {
    invariant: "a member whose entry is refused is not counted, or says that it may have been",
    async play(stage) {
      const [a, b, c] = await three(stage);
      const outcomes: string[] = [];
      for (let round = 0; round < 12; round++) {
        const barrier = ({ c }: typeof a, acl?: readonly AccessRule[]) => {
          return c.doubleBarrier(`refused-${round}`, { members: 2, acl });
        };
        await failsAs("deadline", barrier(c).enter({ timeoutMs: 50 })); // from now on there is a directory, open to all
        const giveUp = new AbortController();
        const unwritable = stateOf(barrier(b, READ_ONLY).enter({ signal: giveUp.signal }));
        // Where the network is slow the servers may have swept the empty directory meanwhile: then it is refused itself.
        const count = () => stage.waitQueueLength("double barrier", `refused-${round}`);
        await eventually(stage, "it waits", async () => !unwritable.isOpen || (await count()) === 1);
        // It makes its node, and may not count the other's. In every second round its node cannot be removed at once.
        if (round % 2 === 1) a.refuseWrites("no-space", 3, 4);
        const refused = stateOf(barrier(a).enter({ timeoutMs: 500 * stage.slowdown }));
        await refused.promise.catch(() => {});
        const late = stateOf(barrier(c).enter({ signal: giveUp.signal }));
        await stage.sleep(50);
        const isAlone = !late.isOpen && late.error === null;
        assert.ok(refused.error instanceof CoordinationError, "it does not enter");
        const { outcome, message } = refused.error;
        assert.ok(
          outcome === "unknown" || !isAlone,
          `round ${round}: one enters with a member that had failed: ${message}`,
        );
        outcomes.push(outcome);
        a.heal();
        giveUp.abort();
        await unwritable.promise.catch(() => {});
        await late.promise.then(
          (inside) => inside.release(),
          () => {},
        );
      }
      // Where the network is slow the one whose node nobody may change may come last, and be refused in its place.
      if (stage.slowdown > 1) return;
      assert.deepEqual(
        outcomes,
        outcomes.map((_, round) => (round % 2 === 1 ? "unknown" : "not-applied")),
      );
    },
  },
  {
    invariant: "the death of a member inside lets the others go on, whichever it is and whoever waits for it",
    async play(stage) {
      for (const dead of [0, 1, 2]) {
        const name = `dead-${dead}`;
        const programs = await three(stage);
        const inside = await enterAll(stage, programs, name);
        const others = inside.filter((_, i) => i !== dead).map((each) => stateOf(each.leave()));
        await stage.sleep(500);
        assert.ok(
          others.every(({ isOpen }) => isOpen),
          "one is inside still",
        );
        await programs[dead]!.killSession();
        await within(stage, 10_000, "the others go on", Promise.all(others.map(({ promise }) => promise)));
        await eventually(stage, "it is told", () => inside[dead]!.signal.aborted);
        assert.ok(inside[dead]!.signal.reason instanceof LockLostError);
        await assert.rejects(inside[dead]!.leave(), LockLostError);
      }
    },
  },
  {
    invariant: "two die inside and all waiting for them go on, one after the other as they die",
    async play(stage) {
      const programs = await three(stage);
      const inside = await enterAll(stage, programs, "two dead");
      const leaving = stateOf(inside[1]!.leave());
      await stage.sleep(300);
      await programs[0]!.killSession();
      await stage.sleep(300);
      assert.ok(leaving.isOpen, "the third is inside still");
      await programs[2]!.killSession();
      await within(stage, 10_000, "it goes on", leaving.promise);
      await nobodyPassesAlone(stage, programs[1], "two dead");
    },
  },
  {
    invariant: "those who all died inside leave no open door behind",
    async play(stage) {
      const programs = await three(stage);
      await enterAll(stage, programs, "all dead");
      for (const program of programs) await program.killSession();
      const [a, b, c] = await three(stage);
      await nobodyPassesAlone(stage, a, "all dead");
      const inside = await enterAll(stage, [a, b, c], "all dead");
      await within(stage, 10_000, "the next go on", Promise.all(inside.map((each) => each.leave())));
    },
  },
  {
    invariant:
      "who comes while the last of the earlier ones goes out is woken by that, counts again, and waits for its own",
    async play(stage) {
      const [a, b, c] = await three(stage);
      const [one, two, last] = await enterAll(stage, [a, b, c], "next");
      await Promise.all([one!.release(), two!.release()]);
      const early = stateOf(a.c.doubleBarrier("next", { members }).enter());
      await untilQueued(stage, "double barrier", "next", 2);
      await last!.leave({ timeoutMs: 5000 });
      await stage.sleep(500);
      assert.ok(early.isOpen, "it is alone");
      const others = await Promise.all([b, c].map(({ c }) => c.doubleBarrier("next", { members }).enter()));
      const inside = [await within(stage, 5000, "all begin", early.promise), ...others];
      await within(stage, 5000, "all go on", Promise.all(inside.map((each) => each.leave())));
    },
  },
  {
    invariant: "who leaves without waiting is out, and who waits no longer as well; more may come than have to",
    async play(stage) {
      const programs = await three(stage);
      const extra = await stage.program();
      const [one, two, last] = await enterAll(stage, programs, "early");
      const more = await extra.c.doubleBarrier("early", { members }).enter({ timeoutMs: 5000 });
      await Promise.all([one!.release(), more.release()]);
      const late = await failsAs("deadline", two!.leave({ timeoutMs: 300 * stage.slowdown }));
      assert.match(
        late.message,
        /^double barrier "early" was not left by all: within \d+ ms, waiting for 1 still inside/,
      );
      await assert.rejects(two!.leave(), ReleasedError);
      await within(stage, 5000, "the last goes on", last!.leave({ timeoutMs: 5000 }));
    },
  },
  {
    invariant: "a count, a name and a wait that cannot be are refused, and a closed connection lets nobody in",
    async play(stage) {
      const { c } = await stage.program();
      for (const wrong of [0, -1, 1.5, Number.NaN, "3" as unknown as number]) {
        assert.throws(() => c.doubleBarrier("odd", { members: wrong }), { code: "rejected" });
      }
      for (const name of ["", "a/b", "/"])
        assert.throws(() => c.doubleBarrier(name, { members }), { code: "rejected" });
      await failsAs("aborted", c.doubleBarrier("odd", { members: 1 }).enter({ signal: AbortSignal.abort() }));
      await failsAs("rejected", c.doubleBarrier("odd", { members: 1 }).enter({ timeoutMs: -1 }));
      const late = await failsAs(
        "deadline",
        c.doubleBarrier("odd", { members }).enter({ timeoutMs: 500 * stage.slowdown }),
      );
      assert.match(late.message, /^double barrier "odd" was not entered: within \d+ ms, waiting for 2 more to come/);
      const alone = await c.doubleBarrier("odd", { members: 1 }).enter({ timeoutMs: 5000 });
      await failsAs("aborted", alone.leave({ signal: AbortSignal.abort() }));
      await eventually(stage, "it is out all the same", () => alone.state === "released");
      await (await c.doubleBarrier("odd", { members: 1 }).enter({ timeoutMs: 5000 })).leave();
      const held = await c.doubleBarrier("odd", { members: 1 }).enter({ timeoutMs: 5000 });
      await c.close();
      assert.ok(held.signal.reason instanceof LockLostError);
      await failsAs("closed", c.doubleBarrier("odd", { members: 1 }).enter());
    },
  },
];

async function three(stage: Stage<DoubleBarrierEngine>) {
  return [await stage.program(), await stage.program(), await stage.program()] as const;
}

async function enterAll(
  stage: Stage<DoubleBarrierEngine>,
  programs: readonly Program<DoubleBarrierEngine>[],
  name: string,
): Promise<BarrierEntry[]> {
  const entering = programs.map(({ c }) => c.doubleBarrier(name, { members }).enter());
  return within(stage, 10_000, "all begin", Promise.all(entering));
}

async function nobodyPassesAlone(stage: Stage<DoubleBarrierEngine>, { c }: Program<DoubleBarrierEngine>, name: string) {
  await failsAs("deadline", c.doubleBarrier(name, { members }).enter({ timeoutMs: stage.sessionTimeoutMs / 2 }));
}
