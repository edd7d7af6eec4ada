// Scenarios of partitions.

import assert from "node:assert/strict";
import { LockLostError, ReleasedError, type Share, type ShareOptions } from "../../recipes/index.ts";
import { eventually, failsAs, stateOf, within } from "../checks.ts";
import type { PartitionEngine, Program, Scenario, Stage } from "../stage.ts";

const items = Array.from({ length: 12 }, (_, i) => `item-${i}`);

/** What every engine that has directories and locks must show of partitions. */
export const partitionScenarios: readonly Scenario<PartitionEngine>[] = [
  {
    invariant: "items are spread evenly over those who are there, and few change hands when one comes or goes",
    async play(stage) {
      const floor = new Floor(stage);
      const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
      const one = floor.enter(a, "even", "a");
      await floor.settled("even", { a: 12 });
      const two = floor.enter(b, "even", "b");
      await floor.settled("even", { a: 6, b: 6 });
      const before = floor.owners();
      floor.grants = 0;
      const three = floor.enter(c, "even", "c");
      await floor.settled("even", { a: 4, b: 4, c: 4 });
      const moved = items.filter((item) => floor.owners().get(item) !== before.get(item)).length;
      assert.ok(moved >= 4 && moved <= 6, `${moved} changed hands, 4 had to`);
      assert.equal(floor.grants, moved, "nobody gave up what it was to keep");
      assert.deepEqual(await a.c.partition("even", { items }).members(), ["a", "b", "c"]);
      await one.leave();
      await floor.settled("even", { b: 6, c: 6 });
      await Promise.all([two.leave(), three.leave()]);
      assert.deepEqual(await a.c.partition("even", { items }).members(), []);
      floor.isSound();
    },
  },
  {
    invariant: "an item that is asked for stays its owner's alone until the owner releases it",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      await using one = await a.c.partition("asked", { items }).join({ id: "a" });
      const mine: Share[] = [];
      void (async () => {
        for await (const share of one) mine.push(share);
      })();
      await eventually(stage, "it has all", () => mine.length === 12);
      await using two = await b.c.partition("asked", { items }).join({ id: "b" });
      const asked = () => mine.filter(({ yielding }) => yielding.aborted);
      await eventually(stage, "half is asked for", () => asked().length === 6);
      await stage.sleep(stage.sessionTimeoutMs);
      assert.ok(
        mine.every(({ state }) => state === "held"),
        "all is held still",
      );
      assert.equal(two.shares.size, 0);
      const [first] = asked();
      assert.match(String(first!.yielding.reason), /item-\d+ is asked for: it is another member's now/);
      const given = two[Symbol.asyncIterator]().next();
      await first!.release();
      const { value } = await within(stage, 5000, "the other has it", given);
      assert.equal(value?.item, first!.item);
      assert.ok(value!.token > first!.token);
      assert.deepEqual([...two.shares.keys()], [first!.item]);
      assert.equal(one.shares.size, 11);
    },
  },
  {
    invariant: "whoever does not let go in the time that was set is released all the same",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const stop = new AbortController();
      const ends: unknown[] = [];
      let begun = 0;
      const deaf = a.c.partition("deaf", { items: ["x", "y"] }).run(
        async (share) => {
          begun += 1;
          await aborted(share.signal);
          ends.push(share.signal.reason);
        },
        { id: "a", yieldWithinMs: 500, signal: stop.signal },
      );
      await eventually(stage, "it works on both", () => begun === 2);
      await using two = await b.c.partition("deaf", { items: ["x", "y"] }).join({ id: "b" });
      await eventually(stage, "the other has one", () => two.shares.size === 1);
      assert.ok(ends.length === 1 && ends[0] instanceof ReleasedError);
      stop.abort();
      await within(stage, 5000, "it ends", deaf);
      assert.equal(ends.length, 2);
    },
  },
  {
    invariant:
      "whoever comes, dies, is cut off or leaves: nobody works on an item beside another, and in the end all are owned",
    async play(stage) {
      const floor = new Floor(stage);
      const programs = await Promise.all(Array.from({ length: 4 }, () => stage.program()));
      const workers = programs.map((program, i) => floor.enter(program, "churn", `w${i}`));
      await floor.settled("churn", { w0: 3, w1: 3, w2: 3, w3: 3 });
      await programs[0]!.killSession();
      programs[1]!.cut();
      await stage.sleep(stage.sessionTimeoutMs / 2);
      await workers[2]!.leave();
      programs[3]!.silence();
      await floor.settled("churn", { w0: 6, w1: 6 }, stage.sessionTimeoutMs * 8);
      programs[3]!.heal();
      await floor.settled("churn", { w0: 4, w1: 4, w3: 4 }, stage.sessionTimeoutMs * 8);
      for (const program of programs) program.cut();
      await programs[0]!.killSession();
      await floor.settled("churn", { w0: 4, w1: 4, w3: 4 }, stage.sessionTimeoutMs * 8);
      await Promise.all(workers.map((worker) => worker.leave()));
      floor.isSound();
    },
  },
  {
    invariant: "another leader among the servers, and a third member meanwhile: nobody waits for ever",
    async play(stage) {
      const floor = new Floor(stage);
      const [a, b, c] = [await stage.program(), await stage.program(), await stage.program()];
      const workers = [floor.enter(a, "servers", "a"), floor.enter(b, "servers", "b")];
      await floor.settled("servers", { a: 6, b: 6 });
      a.cut();
      await stage.changeLeader?.();
      workers.push(floor.enter(c, "servers", "c"));
      b.cut();
      await floor.settled("servers", { a: 4, b: 4, c: 4 }, 30_000);
      await Promise.all(workers.map((worker) => worker.leave()));
      floor.isSound();
    },
  },
  {
    invariant: "work that fails ends its member, after what else it works on; work that returns early is done again",
    async play(stage) {
      const { c } = await stage.program();
      let others = 0;
      const failing = c.partition("failing", { items: ["x", "y", "z"] }).run(
        async ({ item, yielding }) => {
          if (item === "x") throw new TypeError("of the program's own");
          others += 1;
          await aborted(yielding);
          await stage.sleep(200);
          others -= 1;
        },
        { id: "a" },
      );
      await assert.rejects(within(stage, 10_000, "it ends", failing), TypeError);
      assert.equal(others, 0);
      assert.deepEqual(await c.partition("failing", { items: ["x"] }).members(), []);
      const stop = new AbortController();
      let times = 0;
      const brief = c.partition("brief", { items: ["x"] }).run(
        () => {
          if (++times === 3) stop.abort();
        },
        { signal: stop.signal },
      );
      await within(stage, 10_000, "it ends", brief);
      assert.ok(times >= 3);
    },
  },
  {
    invariant: "an assignment of the program's own is followed, and one that fails leaves all as it is",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const assign = (all: readonly string[], members: readonly string[]) => {
        if (members.includes("bad")) throw new Error("nobody knows");
        return new Map(all.map((item) => [item, item < "item-5" ? members[0]! : members.at(-1)!]));
      };
      const floor = new Floor(stage);
      floor.enter(a, "own", "a", {}, assign);
      const two = floor.enter(b, "own", "b", {}, assign);
      await floor.settled("own", { a: 7, b: 5 });
      await using _ = await b.c.partition("own", { items, assign }).join({ id: "bad" });
      await stage.sleep(1000);
      await floor.settled("own", { a: 7, b: 5 });
      await Promise.all([two.leave(), a.c.close()]);
      floor.isSound();
    },
  },
  {
    invariant: "what cannot be is refused; an aborted join joins nothing, and a closed connection ends what was joined",
    async play(stage) {
      const { c } = await stage.program();
      for (const name of ["", "a/b"]) assert.throws(() => c.partition(name, { items }), { code: "rejected" });
      for (const wrong of [[], ["a", "a"], ["a/b"], [""], ["/a"]]) {
        assert.throws(() => c.partition("p", { items: wrong }), { code: "rejected" }, JSON.stringify(wrong));
      }
      const partition = c.partition("p", { items });
      const never = () => assert.fail("nobody works");
      for (const settleMs of [-1, Number.NaN]) await failsAs("rejected", partition.join({ settleMs }));
      await failsAs("rejected", partition.run(never, { yieldWithinMs: -1 }));
      await failsAs("rejected", partition.join({ id: "a/b" }));
      const signal = AbortSignal.abort();
      await failsAs("aborted", partition.join({ signal }));
      await partition.run(never, { signal });
      await failsAs("aborted", partition.members({ signal }));
      assert.deepEqual(await partition.members(), []);
      const one = await partition.join();
      await eventually(stage, "it holds all", () => one.shares.size === 12);
      const [share] = [...one.shares.values()];
      await one.leave();
      assert.ok(share!.signal.reason instanceof ReleasedError, "what no loop was given needs nobody to release it");
      assert.equal(one.state, "left");
      const two = await partition.join();
      let begun = 0;
      const work = ({ signal }: Share) => {
        begun += 1;
        return aborted(signal);
      };
      const running = stateOf(partition.run(work, { id: "run" }));
      await eventually(stage, "both hold some", () => two.shares.size === 6 && begun === 6);
      const [held] = [...two.shares.values()];
      await c.close();
      assert.ok(held!.signal.reason instanceof LockLostError);
      await within(
        stage,
        5000,
        "the loop ends",
        (async () => {
          for await (const _ of two) assert.fail("nothing is given");
        })(),
      );
      await within(stage, 5000, "it ends", running.promise);
      assert.equal(two.shares.size, 0);
      await two.leave();
      await failsAs("closed", partition.join());
    },
  },
];

/** Where the members work: it sees who works on what, and that nobody works beside another. */
class Floor {
  grants = 0;
  readonly #stage: Stage<PartitionEngine>;
  readonly #working = new Map<string, string>();
  readonly #tokens = new Map<string, bigint>();
  readonly #troubles: unknown[] = [];

  constructor(stage: Stage<PartitionEngine>) {
    this.#stage = stage;
  }

  owners(): ReadonlyMap<string, string> {
    return new Map(this.#working);
  }

  isSound(): void {
    assert.deepEqual(this.#troubles, []);
  }

  enter(
    { c }: Program<PartitionEngine>,
    name: string,
    id: string,
    options: ShareOptions = {},
    assign?: (items: readonly string[], members: readonly string[]) => ReadonlyMap<string, string>,
  ): { leave(): Promise<void> } {
    const stop = new AbortController();
    const running = c
      .partition(name, { items, assign })
      .run((share) => this.#work(id, share), { id, signal: stop.signal, ...options });
    running.catch((error) => this.#troubles.push(error));
    return {
      leave: () => {
        stop.abort();
        return running;
      },
    };
  }

  async #work(id: string, { item, token, signal, yielding }: Share): Promise<void> {
    this.grants += 1;
    const other = this.#working.get(item);
    if (other !== undefined) this.#troubles.push(`${id} works on ${item} beside ${other}`);
    if (token <= (this.#tokens.get(item) ?? 0n)) this.#troubles.push(`${item} has an old token`);
    this.#tokens.set(item, token);
    this.#working.set(item, id);
    // Work that is lost stops at once, so that the next may begin.
    const onLost = () => {
      if (this.#working.get(item) === id) this.#working.delete(item);
    };
    signal.addEventListener("abort", onLost, { once: true });
    await aborted(yielding, signal);
    if (!signal.aborted) await this.#stage.sleep(20); // what was under way is finished
    onLost();
  }

  /** Until each works on so many. */
  async settled(name: string, counts: Readonly<Record<string, number>>, milliseconds?: number): Promise<void> {
    const seen = () => {
      const now: Record<string, number> = {};
      for (const id of this.#working.values()) now[id] = (now[id] ?? 0) + 1;
      return Object.entries(now).toSorted().join(" ");
    };
    const wanted = Object.entries(counts).join(" ");
    await eventually(this.#stage, `${name} is spread as ${wanted}`, () => seen() === wanted, milliseconds).catch(
      (error) => {
        error.message += `, but ${seen()}`;
        throw error;
      },
    );
    this.isSound();
  }
}

async function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some((signal) => signal.aborted)) return;
  await new Promise<void>((resolve) => {
    for (const signal of signals) signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
