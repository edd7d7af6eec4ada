// Scenarios of group membership and of registrations, which repair themselves.

import assert from "node:assert/strict";
import { bytesOf } from "../../recipes/bytes.ts";
import type { GroupMember } from "../../recipes/index.ts";
import { eventually, failsAs, stateOf, within } from "../checks.ts";
import type { DirectoryEngine, Program, Scenario, Stage } from "../stage.ts";

export const groupScenarios: readonly Scenario<DirectoryEngine>[] = [
  {
    invariant: "members see who is there and what they say of themselves, and every change of it",
    async play(stage) {
      const [a, b, o] = [await stage.program(), await stage.program(), await stage.program()];
      using seen = watching(stage, o, "seen");
      await seen.saw("");
      const one = await a.c.group("seen").join({ id: "one", data: "here" });
      await seen.saw("one=here");
      await using two = await b.c.group("seen").join({ id: "two" });
      await seen.saw("one=here two=");
      const under = one.update("nowhere");
      await stage.sleep(0); // it is under way
      await Promise.all([under, one.update("there")]);
      assert.equal(show(await b.c.group("seen").members()), "one=there two=");
      await seen.saw("one=there two=");
      assert.equal(one.state, "entered");
      await one.leave();
      assert.equal(show(await b.c.group("seen").members()), "two=", "it is gone when leave completes");
      assert.equal(one.state, "left");
      await seen.saw("two=");
      assert.equal(two.state, "entered");
    },
  },
  {
    invariant: "what was acknowledged to one is there for everyone who asks",
    async play(stage) {
      const programs = await Promise.all(Array.from({ length: 6 }, () => stage.program()));
      const [writer, ...readers] = programs;
      const member = await writer!.c.group("fresh").join({ id: "m" });
      for (let round = 1; round <= 20; round++) {
        await member.update(String(round));
        const seen = await Promise.all(readers.map(({ c }) => c.group("fresh").members()));
        for (const members of seen) assert.equal(show(members), `m=${round}`);
      }
    },
  },
  {
    invariant: "members without an id are told apart, and a group is not another's",
    async play(stage) {
      const { c } = await stage.program();
      const all = [await c.group("g").join(), await c.group("g").join(), await c.group("h").join()];
      assert.equal(new Set(all.map(({ id }) => id)).size, 3);
      assert.deepEqual(
        (await c.group("g").members()).map(({ id }) => id).toSorted(),
        [all[0]!.id, all[1]!.id].toSorted(),
      );
    },
  },
  {
    invariant: "a member whose session ends enters again by itself, with what it said last",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const member = await a.c.group("healing").join({ id: "m", data: "first" });
      const [before] = await b.c.group("healing").members();
      await member.update("second");
      await a.killSession();
      await eventually(stage, "it is seen again", async () => {
        const [now] = await b.c.group("healing").members();
        return now !== undefined && now.token > before!.token && now.text === "second";
      });
      await eventually(stage, "it knows", () => member.state === "entered");
    },
  },
  {
    invariant: "what changed while the servers were not reached is what they get: never what was said before",
    async play(stage) {
      const [a, o] = [await stage.program(), await stage.program()];
      const member = await a.c.group("newest").join({ id: "m", data: "0" });
      using seen = watching(stage, o, "newest");
      await seen.saw("m=0");
      a.silence();
      const updates = [member.update("1"), member.update("2")].map(stateOf);
      await seen.saw("", stage.sessionTimeoutMs * 6);
      await eventually(stage, "it is not certain", () => member.state === "entering");
      const last = member.update("3");
      assert.ok(updates.every(({ isOpen }) => isOpen));
      a.heal();
      await seen.saw("m=3", stage.sessionTimeoutMs * 6);
      await within(
        stage,
        10_000,
        "all updates are done",
        Promise.all([last, ...updates.map(({ promise }) => promise)]),
      );
      assert.deepEqual(
        seen.all.filter((view) => view === "m=1" || view === "m=2"),
        [],
        "nobody saw what was older",
      );
    },
  },
  {
    invariant: "a member that left while the servers were not reached never comes back, in this session or the next",
    async play(stage) {
      const [a, b, o] = [await stage.program(), await stage.program(), await stage.program()];
      const [cut, lost] = [
        await a.c.group("gone").join({ id: "cut" }),
        await b.c.group("gone").join({ id: "lost", data: "stale" }),
      ];
      a.cut();
      const leaving = cut.leave();
      b.silence();
      const changing = stateOf(lost.update("newer"));
      await stage.sleep(stage.sessionTimeoutMs / 4);
      const left = lost.leave();
      await failsAs("closed", changing.promise);
      await within(stage, 10_000, "it is gone", leaving);
      await stage.sleep(stage.sessionTimeoutMs * 2);
      b.heal();
      await within(stage, stage.sessionTimeoutMs * 6, "it is gone as well", left);
      using seen = watching(stage, o, "gone");
      await seen.saw("", stage.sessionTimeoutMs * 6);
      await stage.sleep(stage.sessionTimeoutMs * 2);
      assert.deepEqual(new Set(seen.all.slice(seen.all.indexOf(""))), new Set([""]));
      await eventually(stage, "the program itself is back", () => b.c.status.kind === "ready");
    },
  },
  {
    invariant: "a member that somebody takes out enters again",
    async play(stage) {
      const [a, o] = [await stage.program(), await stage.program()];
      const member = await a.c.group("deleted").join({ id: "m", data: "data" });
      const [before] = await o.c.group("deleted").members();
      await stage.sleep(300);
      const { engine } = a.c;
      const { status } = engine;
      assert.ok(status.kind === "ready");
      const same = engine.directory("membership", "deleted").entry(status.session, "m");
      assert.ok(await same.put(bytesOf("data")));
      await same.remove();
      await eventually(stage, "it is there again", async () => {
        const [now] = await o.c.group("deleted").members();
        return now !== undefined && now.token > before!.token && now.text === "data";
      });
      assert.equal(member.state, "entered");
    },
  },
  {
    invariant: "of two with one id the second waits, and enters when the first is gone, however it goes",
    async play(stage) {
      const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
      const first = await a.c.group("twins").join({ id: "m", data: "a" });
      const second = stateOf(b.c.group("twins").join({ id: "m", data: "b" }));
      const late = await failsAs(
        "deadline",
        c.c.group("twins").join({ id: "m", data: "c", timeoutMs: 500 * stage.slowdown }),
      );
      assert.match(late.message, /member "m" of group "twins" was not entered: within \d+ ms/);
      assert.match(late.message, /another of this id/);
      assert.ok(second.isOpen);
      assert.equal(show(await c.c.group("twins").members()), "m=a");
      await first.leave();
      await within(stage, 5000, "the second is in", second.promise);
      assert.equal(show(await c.c.group("twins").members()), "m=b");
      const third = stateOf(c.c.group("twins").join({ id: "m", data: "c" }));
      await stage.sleep(300);
      await (await second.promise).leave();
      await within(stage, 10_000, "the third is in", third.promise);
      assert.equal(show(await c.c.group("twins").members()), "m=c");
    },
  },
  {
    invariant: "whatever instant a join is given up at, and whatever answer is lost, nobody is left who did not join",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      for (const afterMs of [0, 1, 2, 4, 8, 16]) {
        for (const fault of ["abort", "abort and cut", "abort and lose the answer"]) {
          const giveUp = new AbortController();
          if (fault.endsWith("answer")) a.loseNextAnswer();
          const joining = a.c.group("fault").join({ signal: giveUp.signal });
          const done = joining.then(
            (member) => member.leave(),
            () => {},
          );
          await stage.sleep(afterMs);
          giveUp.abort();
          if (fault.endsWith("cut")) a.cut();
          await done;
        }
      }
      a.loseNextAnswer();
      const member = await a.c.group("fault").join({ id: "m", timeoutMs: 20_000 });
      const there = async () => show(await b.c.group("fault").members());
      await eventually(stage, "it alone is there", async () => (await there()) === "m=");
      await member.leave();
      assert.equal(await there(), "");
    },
  },
  {
    invariant: "members stay when the servers elect another leader, and when all are cut off and come back together",
    async play(stage) {
      const programs = [await stage.program(), await stage.program(), await stage.program()];
      for (const [i, { c }] of programs.entries()) await c.group("stay").join({ id: String(i) });
      const before = await programs[0]!.c.group("stay").members();
      for (const program of programs) program.cut();
      await stage.changeLeader?.();
      await eventually(stage, "all are sure", () => programs.every(({ c }) => c.status.kind === "ready"));
      const now = await programs[1]!.c.group("stay").members();
      assert.deepEqual(now, before, "it is they themselves, none entered again");
    },
  },
  {
    invariant: "what cannot be is refused, and a connection that was closed ends the membership",
    async play(stage) {
      const { c } = await stage.program();
      for (const name of ["", "a/b", "..", "x".repeat(256)]) {
        assert.throws(() => c.group(name), { code: "rejected" });
        await failsAs("rejected", c.group("odd").join({ id: name }));
      }
      await failsAs("rejected", c.group("odd").join({ id: "/a" }));
      await failsAs("rejected", c.group("odd").join({ timeoutMs: -1 }));
      const signal = AbortSignal.abort();
      await failsAs("aborted", c.group("odd").join({ signal }));
      await failsAs("aborted", c.group("odd").members({ signal }));
      for await (const _ of c.group("odd").watch({ signal })) assert.fail("it ends at once");
      assert.deepEqual(await c.group("odd").members(), []);
      const member = await c.group("odd").join({ id: "m", data: "1" });
      assert.equal((await failsAs("aborted", member.update("2", { signal }))).outcome, "not-applied");
      assert.equal(show(await c.group("odd").members()), "m=1");
      await failsAs("rejected", member.update(new Uint8Array(2 << 20)));
      await eventually(stage, "what it said before stays", () => member.state === "entered" && member.trouble === null);
      assert.equal(show(await c.group("odd").members()), "m=1");
      const tooMuch = stateOf(member.update(new Uint8Array(2 << 20)));
      await stage.sleep(0);
      await member.update("3");
      assert.ok(!tooMuch.isOpen);
      assert.equal(show(await c.group("odd").members()), "m=3");
      const left = await c.group("odd").join({ id: "left" });
      await Promise.all([left.leave(), left.leave()]);
      await failsAs("closed", left.update("4"));
      await c.close();
      await eventually(stage, "it is over", () => member.state === "left");
      await failsAs("closed", member.update("5"));
      await failsAs("closed", c.group("odd").join());
      await failsAs("closed", c.group("odd").members());
      await member.leave();
    },
  },
];

function show(members: readonly GroupMember[]): string {
  return members.map(({ id, text }) => `${id}=${text}`).join(" ");
}

/** Reads a group's stream, and remembers what it was told. */
function watching(stage: Stage<DirectoryEngine>, { c }: Program<DirectoryEngine>, group: string) {
  const stop = new AbortController();
  const all: string[] = [];
  const over = (async () => {
    for await (const members of c.group(group).watch({ signal: stop.signal })) all.push(show(members));
  })();
  over.catch(() => {}); // what it missed is told by the scenario
  return {
    all,
    saw: (what: string, milliseconds?: number) =>
      eventually(stage, `"${what}" is seen, after ${all.join(", ")}`, () => all.at(-1) === what, milliseconds),
    [Symbol.dispose]: () => stop.abort(),
  };
}
