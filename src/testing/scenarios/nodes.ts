// Scenarios of plain nodes.

import assert from "node:assert/strict";
import type { Engine, HasNodes, HasValues } from "../../recipes/index.ts";
import { eventually, failsAs } from "../checks.ts";
import type { Scenario } from "../stage.ts";

export type NodeEngine = Engine & HasValues & HasNodes;

export const nodeScenarios: readonly Scenario<NodeEngine>[] = [
  {
    invariant: "a node is there from its first write on, for everybody, with its text and its bytes",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      assert.equal(await b.c.nodes.get("/app/rate"), null);
      assert.deepEqual(await b.c.nodes.children("/app"), []);
      assert.equal(await a.c.nodes.set("/app/rate", "40"), true);
      const found = await b.c.nodes.get("/app/rate");
      assert.equal(found?.text, "40");
      assert.equal(found?.path, "/app/rate");
      assert.equal(await b.c.nodes.create("/app/rate", "50"), false, "it is there already");
      assert.equal(await b.c.nodes.create("/app/bytes", new Uint8Array([0, 255])), true);
      assert.deepEqual(await a.c.nodes.children("/app"), ["bytes", "rate"]);
      assert.ok((await a.c.nodes.children("/")).includes("app"));
      assert.deepEqual((await a.c.nodes.get("/app/bytes"))?.data, new Uint8Array([0, 255]));
    },
  },
  {
    invariant: "a write with a version changes the node that was read, and no other",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      await a.c.nodes.set("/v", "1");
      const first = (await a.c.nodes.get("/v"))!;
      const { version } = first;
      assert.equal(await b.c.nodes.set("/v", "2", { version }), true);
      assert.equal(await a.c.nodes.set("/v", "3", { version }), false);
      assert.equal(await a.c.nodes.delete("/v", { version }), false);
      const second = (await a.c.nodes.get("/v"))!;
      assert.equal(second.text, "2");
      assert.ok(second.revision > first.revision);
      assert.equal(await a.c.nodes.delete("/v", { version: second.version }), true);
      assert.equal(await a.c.nodes.delete("/v"), false, "there is none");
      assert.equal(await a.c.nodes.set("/v", "4", { version: second.version }), false);
    },
  },
  {
    invariant: "what is no version is refused, and changes nothing",
    async play(stage) {
      const { c } = await stage.program();
      await c.nodes.set("/v", "1");
      for (const version of ["", " ", "-1", "abc", "1.5", "0x0", "1e0", "-1 ", "-1 a", "4294967296", "0 "]) {
        await failsAs("rejected", c.nodes.set("/v", "2", { version }));
        await failsAs("rejected", c.nodes.delete("/v", { version }));
        await failsAs("rejected", c.nodes.delete("/missing", { version }));
      }
      assert.equal((await c.nodes.get("/v"))?.text, "1");
    },
  },
  {
    invariant: "a node with children is not removed",
    async play(stage) {
      const { c } = await stage.program();
      await c.nodes.set("/parent", "");
      await c.nodes.set("/parent/child", "");
      await failsAs("rejected", c.nodes.delete("/parent"));
      assert.equal(await c.nodes.delete("/parent/child"), true);
      assert.equal(await c.nodes.delete("/parent"), true);
    },
  },
  {
    invariant: "a watch sees a node come, change, go and come again, also over a lost connection",
    async play(stage) {
      const [a, b] = [await stage.program(), await stage.program()];
      const seen: (string | null)[] = [];
      const stop = new AbortController();
      const watching = (async () => {
        for await (const node of b.c.nodes.watch("/w", { signal: stop.signal })) seen.push(node?.text ?? null);
      })();
      const until = (expected: string | null) =>
        eventually(stage, `it sees ${expected}`, () => seen.length > 0 && seen.at(-1) === expected);
      await until(null);
      await a.c.nodes.set("/w", "one");
      await until("one");
      b.cut();
      await a.c.nodes.set("/w", "two");
      await until("two");
      await a.c.nodes.delete("/w");
      await until(null);
      await a.c.nodes.set("/w", "three");
      await until("three");
      stop.abort();
      await watching;
    },
  },
  {
    invariant: "a relative path, and data of another kind, are refused before anything is asked",
    async play(stage) {
      const { c } = await stage.program();
      const error = await failsAs("rejected", c.nodes.get("app/rate"));
      assert.equal(error.message, 'node "app/rate": a path begins with a slash: did you mean "/app/rate"?');
      for (const call of [
        () => c.nodes.set("app", ""),
        () => c.nodes.create("app"),
        () => c.nodes.delete("app"),
        () => c.nodes.children("app"),
        () => c.nodes.watch("app").next(),
        () => c.nodes.set("/app", 40 as never),
        () => c.nodes.get("/zookeeper/config"),
      ]) {
        await failsAs("rejected", call());
      }
    },
  },
];
