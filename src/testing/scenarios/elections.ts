// The laws of elections.

import assert from "node:assert/strict";
import { LockLostError, ReleasedError, type Term } from "../../recipes/index.ts";
import { eventually, failsAs, stateOf, untilQueued, within } from "../checks.ts";
import type { ExclusiveEngine, Program, Scenario, Stage } from "../stage.ts";

export const electionScenarios: readonly Scenario<ExclusiveEngine>[] = [
  {
    law: "one leads at a time; who resigns is followed by the next in line, and stands again behind the others",
    async play(stage) {
      const reign = new Reign();
      const campaigns = [];
      const ids = ["a", "b", "c"];
      // Whoever has led three times stands no more; until all others stand again nobody resigns.
      let begin = () => {};
      const allStand = new Promise<void>((resolve) => (begin = resolve));
      const work = async (leader: string) => {
        await allStand;
        const times = (id: string) => reign.terms.filter((each) => each === id).length;
        const wanting = ids.filter((id) => id === leader || times(id) < 3);
        await untilQueued(stage, "election", "reign", wanting.length);
      };
      for (const [i, id] of ids.entries()) {
        campaigns.push(stand(await stage.program(), "reign", id, reign, work, 3));
        await untilQueued(stage, "election", "reign", i + 1);
      }
      begin();
      await within(stage, 30_000, "all have led three times", Promise.all(campaigns));
      assert.equal(reign.terms.length, 9);
      assert.deepEqual(
        reign.tokens,
        reign.tokens.toSorted((x, y) => (x < y ? -1 : 1)),
      );
      assert.deepEqual(reign.terms, ["a", "b", "c", "a", "b", "c", "a", "b", "c"]);
    },
  },
  {
    law: "a leader whose session ends is told, the next in line leads, and the one in the middle that dies lets nobody past",
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
    law: "observers see who leads and who stands, and every change of it",
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
    law: "of those who stand when a leader goes, one of the highest priority follows; it unseats nobody",
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
    law: "when all are cut off and come back together, one leads at most, over and over",
    async play(stage) {
      const reign = new Reign();
      const programs = await Promise.all(Array.from({ length: 4 }, () => stage.program()));
      const stop = new AbortController();
      const campaigns = programs.map(async ({ c }, i) => {
        for await (const term of c.election("together").campaign({ id: String(i), signal: stop.signal })) {
          reign.begin(String(i), term);
          await new Promise<void>((resolve) => term.signal.addEventListener("abort", () => resolve(), { once: true }));
          reign.end(term);
        }
      });
      for (let round = 0; round < 4; round++) {
        await eventually(stage, "one leads", () => reign.current !== null, 30_000);
        for (const program of programs) program.silence();
        await stage.sleep(round % 2 === 0 ? stage.sessionTimeoutMs * 1.5 : stage.sessionTimeoutMs / 3);
        for (const program of programs.toReversed()) program.heal();
      }
      await eventually(stage, "one leads again", () => reign.current !== null, 30_000);
      stop.abort();
      await within(stage, stage.sessionTimeoutMs * 3, "all end", Promise.all(campaigns));
    },
  },
  {
    law: "work under leadership ends with it and is done again by the next leader; its own error ends it",
    async play(stage) {
      const { c, killSession } = await bound(stage);
      const tokens: bigint[] = [];
      const stop = new AbortController();
      let goOn = () => {};
      const deaf = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const leads = c.election("work").lead(
        async (term) => {
          tokens.push(term.token);
          await deaf;
        },
        { signal: stop.signal },
      );
      await eventually(stage, "it leads", () => tokens.length === 1);
      await killSession();
      await eventually(stage, "it leads again", () => tokens.length === 2);
      assert.ok(tokens[1]! > tokens[0]!);
      const trouble = new Error("the work's own");
      const failing = c.election("other work").lead(() => {
        throw trouble;
      });
      await assert.rejects(failing, trouble);
      stop.abort();
      goOn(); // who resigns is waited for
      await within(stage, 10_000, "it ends", leads);
    },
  },
  {
    law: "work that is called off ends before the leadership does, and so before the next leader begins",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      for (const form of ["lead", "campaign"] as const) {
        const stop = new AbortController();
        let isWorking = false;
        const work = async (term: Term) => {
          isWorking = true;
          if (!term.signal.aborted) await ended(term);
          assert.equal(term.state, "releasing", "it is told, and nobody else leads yet");
          await stage.sleep(700); // what it had begun has to come to its end
          isWorking = false;
        };
        const election = a.c.election(`called off ${form}`);
        const leads =
          form === "lead"
            ? election.lead(work, { signal: stop.signal })
            : (async () => {
                for await (const term of election.campaign({ signal: stop.signal })) await work(term);
              })();
        await eventually(stage, "it leads", () => isWorking);
        const next = b.c.election(`called off ${form}`).campaign({});
        const following = next.next().then(() => assert.equal(isWorking, false, "two work at a time"));
        await untilQueued(stage, "election", `called off ${form}`, 2);
        stop.abort();
        await within(stage, 10_000, "the next leads", following);
        await within(stage, 10_000, "it ends", leads);
        await next.return();
      }
    },
  },
  {
    law: "work that goes on after it was called off does not keep the leadership for longer than it may",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const stop = new AbortController();
      let goOn = () => {};
      const deaf = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const yieldWithinMs = 800 * stage.slowdown;
      const options = { signal: stop.signal, yieldWithinMs };
      let leads = false;
      const lead = a.c.election("deaf").lead(async () => {
        leads = true;
        await deaf;
      }, options);
      await eventually(stage, "it leads", () => leads);
      const next = b.c.election("deaf").campaign();
      const following = stateOf(next.next());
      await untilQueued(stage, "election", "deaf", 2);
      stop.abort();
      await stage.sleep(yieldWithinMs / 2);
      assert.ok(following.isOpen, "its work may end yet");
      await within(stage, 5000, "the next leads", following.promise);
      goOn();
      await within(stage, 5000, "it ends", lead);
      await next.return();
    },
  },
  {
    law: "a leader that hands over is followed by the one it names, before who came first and who has the highest priority",
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
      assert.match(nobody.message, /^election "hand over": "nobody" does not stand.*"first", "high", "new", "last"$/);
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
    law: "the one that was handed over to dies before it leads: the others go on as ever",
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
    law: "a latch says whether it leads; every term is told once, and its end once, whatever ends it",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      await using first = a.c.election("latch").latch({ id: "a" });
      const told: (bigint | null)[] = [];
      const stop = first.onChange((term) => told.push(term?.token ?? null));
      const term = await first.wait({ timeoutMs: 10_000 });
      assert.ok(first.isLeader && first.term === term);
      await using second = b.c.election("latch").latch({ id: "b" });
      const late = await failsAs("deadline", second.wait({ timeoutMs: 500 }));
      assert.match(late.message, /^election "latch" was not won: within 500 ms, waiting for its turn/);
      await failsAs("aborted", second.wait({ signal: AbortSignal.abort() }));
      assert.equal(second.isLeader, false);
      a.silence();
      await second.wait({ timeoutMs: stage.sessionTimeoutMs * 6 });
      assert.equal(first.isLeader, false, "it knew before another led");
      a.heal();
      await second.close();
      const again = await first.wait({ timeoutMs: stage.sessionTimeoutMs * 6 });
      await a.killSession();
      await eventually(stage, "it leads anew", () => first.isLeader && first.term !== again, 30_000);
      await first.term!.release();
      const fourth = await first.wait({ timeoutMs: 10_000 });
      await first.close();
      assert.equal(first.isLeader, false);
      stop();
      assert.equal(told.length, 8, told.join());
      assert.ok(
        told.every((token, i) => (token === null) === (i % 2 === 1)),
        told.join(),
      );
      assert.deepEqual([told[0], told[2], told[6]], [term.token, again.token, fourth.token]);
      await failsAs("closed", first.wait());
      await failsAs("closed", second.wait());
      assert.deepEqual(await b.c.election("latch").candidates(), []);
    },
  },
  {
    law: "a latch ends with its signal, and with its connection; a listener that throws ends nothing",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const controller = new AbortController();
      const latch = a.c.election("ends").latch({ signal: controller.signal });
      latch.onChange(() => {
        throw new Error("the listener's own");
      });
      const term = await latch.wait({ timeoutMs: 10_000 });
      const waiting = b.c.election("ends").latch();
      const fate = failsAs("closed", waiting.wait());
      await untilQueued(stage, "election", "ends", 2);
      assert.equal(term.state, "held");
      await b.c.close();
      await within(stage, 5000, "who waits is told", fate);
      controller.abort();
      await eventually(stage, "it resigns", () => !latch.isLeader);
      await failsAs("closed", latch.wait());
      await failsAs("closed", a.c.election("ends").latch({ signal: controller.signal }).wait());
      assert.throws(() => a.c.election("ends").latch({ priority: Number.NaN }), { code: "rejected" });
      await waiting.close();
      await latch.close();
    },
  },
  {
    law: "a campaign whose signal has aborted, and a closed connection, elect nobody",
    async play(stage) {
      const { c } = await stage.program();
      for await (const _ of c.election("none").campaign({ signal: AbortSignal.abort() })) assert.fail("it leads");
      await c.close();
      const first = c.election("none").campaign();
      await failsAs("closed", first.next());
    },
  },
];

function ended(term: Term): Promise<void> {
  return new Promise((resolve) => term.signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Who leads, by what leaders say of themselves: two at a time is the one thing that must not be. */
class Reign {
  readonly terms: string[] = [];
  readonly tokens: bigint[] = [];
  current: Term | null = null;

  begin(id: string, term: Term): void {
    term.assertHeld();
    const before = this.current;
    assert.ok(before === null || before.signal.aborted, `${id} leads while another holds ${before?.token}`);
    assert.ok((this.tokens.at(-1) ?? 0n) < term.token, "tokens grow");
    this.current = term;
    this.terms.push(id);
    this.tokens.push(term.token);
  }

  end(term: Term): void {
    if (this.current === term) this.current = null;
  }
}

async function stand(
  { c }: Program<ExclusiveEngine>,
  name: string,
  id: string,
  reign: Reign,
  work: (leader: string) => Promise<void>,
  times: number,
): Promise<void> {
  for await (const term of c.election(name).campaign({ id })) {
    reign.begin(id, term);
    await work(id);
    reign.end(term);
    if (--times === 0) break;
  }
}

interface Leading {
  term: Term | null;
  stop(): void;
  readonly over: Promise<void>;
}

/** Leads, whenever it can, until it is stopped. */
function leading(
  { c }: Program<ExclusiveEngine>,
  name: string,
  options: { id?: string; value?: string; priority?: number } = {},
): Leading {
  const controller = new AbortController();
  const leading: Leading = { term: null, stop: () => controller.abort(), over: Promise.resolve() };
  const over = (async () => {
    for await (const term of c.election(name).campaign({ ...options, signal: controller.signal })) {
      leading.term = term;
      if (!term.signal.aborted) {
        await new Promise<void>((resolve) => term.signal.addEventListener("abort", () => resolve(), { once: true }));
      }
      leading.term = null;
    }
  })();
  over.catch(() => {});
  return Object.assign(leading, { over });
}

async function bound(stage: Stage<ExclusiveEngine>) {
  const program = await stage.program();
  return { c: program.c, killSession: () => program.killSession() };
}
