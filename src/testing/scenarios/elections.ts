// Scenarios of elections.

import assert from "node:assert/strict";
import { LockLostError, ReleasedError } from "../../recipes/index.ts";
import { Leaderships, type Leading, leading, stand } from "../candidates.ts";
import { eventually, failsAs, untilQueued, within } from "../checks.ts";
import type { ExclusiveEngine, Scenario } from "../stage.ts";

export const electionScenarios: readonly Scenario<ExclusiveEngine>[] = [
  {
    invariant: "one leads at a time; who resigns is followed by the next in line, and stands again behind the others",
    async play(stage) {
      const record = new Leaderships();
      const campaigns = [];
      const ids = ["a", "b", "c"];
      // Whoever has led three times stands no more; until all others stand again nobody resigns.
      let begin = () => {};
      const allStand = new Promise<void>((resolve) => (begin = resolve));
      const work = async (leader: string) => {
        await allStand;
        const times = (id: string) => record.terms.filter((each) => each === id).length;
        const wanting = ids.filter((id) => id === leader || times(id) < 3);
        await untilQueued(stage, "election", "record", wanting.length);
      };
      for (const [i, id] of ids.entries()) {
        campaigns.push(stand(await stage.program(), "record", id, record, work, 3));
        await untilQueued(stage, "election", "record", i + 1);
      }
      begin();
      await within(stage, 30_000, "all have led three times", Promise.all(campaigns));
      assert.equal(record.terms.length, 9);
      assert.deepEqual(
        record.tokens,
        record.tokens.toSorted((x, y) => (x < y ? -1 : 1)),
      );
      assert.deepEqual(record.terms, ["a", "b", "c", "a", "b", "c", "a", "b", "c"]);
    },
  },
  {
    invariant:
      "a leader whose session ends is told, the next in line leads, and the one in the middle that dies lets nobody past",
    async play(stage) {
      const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
      const [first, second, third] = [leading(a, "died"), leading(b, "died"), leading(c, "died")];
      await eventually(stage, "one leads", () => [first, second, third].some(({ term }) => term !== null));
      const all = [
        { program: a, lead: first },
        { program: b, lead: second },
        { program: c, lead: third },
      ];
      const leader = all.find(({ lead }) => lead.term !== null)!;
      const others = all.filter((each) => each !== leader);
      const { term } = leader.lead;
      await others[0]!.program.killSession();
      await stage.sleep(stage.sessionTimeoutMs / 2);
      assert.equal(term?.state, "held");
      assert.ok(
        others.every(({ lead }) => lead.term === null),
        "nobody else leads",
      );
      await leader.program.killSession();
      await eventually(stage, "it is told", () => term?.signal.aborted === true);
      await eventually(stage, "another leads", () => others.some(({ lead }) => lead.term !== null));
      assert.ok(term?.signal.reason instanceof LockLostError);
      const next = others.find(({ lead }) => lead.term !== null)!.lead.term!;
      assert.ok(next.token > term.token);
      for (const { lead } of all) lead.stop();
      await Promise.all(all.map(({ lead }) => lead.over));
    },
  },
  {
    invariant: "observers see who leads and who stands, and every change of it",
    async play(stage) {
      const [a, b, o] = [await stage.program(), await stage.program(), await stage.program()];
      const stop = new AbortController();
      const seen: string[] = [];
      const watching = (async () => {
        for await (const { leader, candidates } of o.c.election("seen").observe({ signal: stop.signal })) {
          seen.push(`${leader?.id ?? "nobody"}=${leader?.value ?? ""} of ${candidates.length}`);
        }
      })();
      const saw = (what: string) =>
        eventually(stage, `${what} is seen, after ${seen.join()}`, () => seen.at(-1) === what);
      await saw("nobody= of 0");
      const one = leading(a, "seen", { id: "one", value: "here" });
      await saw("one=here of 1");
      const two = leading(b, "seen", { id: "two" });
      await saw("one=here of 2");
      await eventually(stage, "it leads", () => one.term !== null);
      await one.term!.publish("there");
      await saw("one=there of 2");
      one.stop();
      await one.over;
      await saw("two= of 1");
      two.stop();
      await two.over;
      await saw("nobody= of 0");
      stop.abort();
      await within(stage, 2000, "the observer ends", watching);
      assert.deepEqual(await o.c.election("seen").candidates(), []);
    },
  },
  {
    invariant: "of those who stand when a leader goes, one of the highest priority follows; it unseats nobody",
    async play(stage) {
      const programs = [await stage.program(), await stage.program(), await stage.program(), await stage.program()];
      const first = leading(programs[0]!, "prio", { id: "first", priority: 1 });
      await eventually(stage, "it leads", () => first.term !== null);
      const others: Leading[] = [];
      for (const [i, priority] of [0, 10, 5].entries()) {
        others.push(leading(programs[i + 1]!, "prio", { id: `p${priority}`, priority }));
        await untilQueued(stage, "election", "prio", 2 + i);
      }
      assert.equal(first.term?.state, "held");
      first.stop();
      await eventually(stage, "the highest leads", () => others[1]!.term !== null);
      await stage.sleep(500);
      assert.ok(others[0]!.term === null && others[2]!.term === null);
      others[1]!.stop();
      await eventually(stage, "then the next", () => others[2]!.term !== null);
      assert.ok(others[0]!.term === null);
      for (const each of others) each.stop();
      await Promise.all([first, ...others].map(({ over }) => over));
    },
  },
  {
    invariant: "when all are cut off and come back together, one leads at most, over and over",
    async play(stage) {
      const record = new Leaderships();
      const programs = await Promise.all(Array.from({ length: 4 }, () => stage.program()));
      const stop = new AbortController();
      const campaigns = programs.map(async ({ c }, i) => {
        for await (const term of c.election("together").campaign({ id: String(i), signal: stop.signal })) {
          record.begin(String(i), term);
          await new Promise<void>((resolve) => term.signal.addEventListener("abort", () => resolve(), { once: true }));
          record.end(term);
        }
      });
      for (let round = 0; round < 4; round++) {
        await eventually(stage, "one leads", () => record.current !== null, 30_000);
        for (const program of programs) program.silence();
        await stage.sleep(round % 2 === 0 ? stage.sessionTimeoutMs * 1.5 : stage.sessionTimeoutMs / 3);
        for (const program of programs.toReversed()) program.heal();
      }
      await eventually(stage, "one leads again", () => record.current !== null, 30_000);
      stop.abort();
      await within(stage, stage.sessionTimeoutMs * 3, "all end", Promise.all(campaigns));
    },
  },
  {
    invariant:
      "a leader that hands over is followed by the one it names, before who came first and who has the highest priority",
    async play(stage) {
      const all = await Promise.all(Array.from({ length: 5 }, () => stage.program()));
      const leads: Leading[] = [];
      for (const [i, id] of ["old", "first", "high", "new", "last"].entries()) {
        leads.push(leading(all[i]!, "hand over", { id, value: `at ${id}`, priority: id === "high" ? 9 : 0 }));
        await untilQueued(stage, "election", "hand over", 1 + i);
        await eventually(stage, "the first leads", () => leads[0]!.term !== null);
      }
      const old = leads[0]!.term!;
      const nobody = await failsAs("rejected", old.handOver("nobody"));
      assert.match(
        nobody.message,
        /^election "hand over": "nobody" is not a candidate.*"first", "high", "new", "last"$/,
      );
      await failsAs("rejected", old.handOver("old"));
      assert.equal(old.state, "held");
      await old.handOver("new");
      assert.ok(old.signal.reason instanceof ReleasedError);
      await eventually(stage, "the named one leads", () => leads[3]!.term !== null);
      await untilQueued(stage, "election", "hand over", 5);
      await stage.sleep(500);
      assert.ok([0, 1, 2, 4].every((i) => leads[i]!.term === null));
      const [leader, ...candidates] = await all[0]!.c.election("hand over").candidates();
      assert.deepEqual([leader!.id, leader!.value, candidates.length], ["new", "at new", 4]);
      // By what was seen of it, and not by its name; and it is over with the term.
      await leads[3]!.term!.handOver(candidates.find(({ id }) => id === "last")!);
      await eventually(stage, "the one seen leads", () => leads[4]!.term !== null);
      leads[4]!.stop();
      await eventually(stage, "then the highest does", () => leads[2]!.term !== null);
      for (const each of leads) each.stop();
      await Promise.all(leads.map(({ over }) => over));
      await assert.rejects(old.handOver("new"), ReleasedError);
    },
  },
  {
    invariant: "the one that was handed over to dies before it leads: the others go on as ever",
    async play(stage) {
      const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
      const old = leading(a, "dead heir", { id: "old" });
      await eventually(stage, "it leads", () => old.term !== null);
      const next = leading(b, "dead heir", { id: "next" });
      await untilQueued(stage, "election", "dead heir", 2);
      const heir = leading(c, "dead heir", { id: "heir" });
      await untilQueued(stage, "election", "dead heir", 3);
      c.silence();
      heir.stop();
      await old.term!.handOver("heir");
      old.stop();
      await eventually(stage, "another leads", () => next.term !== null, stage.sessionTimeoutMs * 8);
      next.stop();
      await Promise.all([old.over, next.over]);
      c.heal();
    },
  },
  {
    invariant: "a campaign whose signal has aborted, and a closed connection, elect nobody",
    async play(stage) {
      const { c } = await stage.program();
      for await (const _ of c.election("none").campaign({ signal: AbortSignal.abort() })) assert.fail("it leads");
      await c.close();
      const first = c.election("none").campaign();
      await failsAs("closed", first.next());
    },
  },
];
