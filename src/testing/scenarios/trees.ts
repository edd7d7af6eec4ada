// Scenarios of trees: a copy of a part of the namespace, kept current.

import assert from "node:assert/strict";
import { bytesOf } from "../../recipes/bytes.ts";
import type { OpenTree, TreeChange } from "../../recipes/index.ts";
import { eventually, failsAs, stateOf, within } from "../checks.ts";
import type { Program, Scenario, Stage, TreeEngine } from "../stage.ts";

/** What every engine that has trees must show. */
export const treeScenarios: readonly Scenario<TreeEngine>[] = [
  {
    invariant: "a tree is all that is there, and tells of what comes, changes and goes",
    async play(stage) {
      const [a, o] = [await stage.program(), await stage.program()];
      await put(a, "/t/a", "1");
      await put(a, "/t/b/c", "2");
      await put(a, "/tt", "another's");
      await using tree = await o.c.tree("/t").open();
      assert.deepEqual(show(tree), ["/ ", "/a 1", "/b ", "/b/c 2"]);
      assert.deepEqual([tree.children(), tree.children("/b"), tree.children("/a")], [["a", "b"], ["c"], []]);
      assert.equal(tree.get("/b/c")?.text, "2");
      assert.equal(tree.get("/c"), null);
      using seen = reading(tree);
      await seen.saw(stage, "synced");
      assert.deepEqual(seen.all, ["added / ", "added /a 1", "added /b ", "added /b/c 2", "synced"]);
      await put(a, "/t/d", "3");
      await seen.saw(stage, "added /d 3");
      await put(a, "/t/a", "4");
      await seen.saw(stage, "changed /a 1 to 4");
      await remove(a, "/t/b/c");
      await seen.saw(stage, "removed /b/c 2");
      assert.equal(tree.get("/b/c"), null);
      await put(a, "/tt", "still another's");
      await put(a, "/t/e/f/g", "5");
      await seen.saw(stage, "added /e/f/g 5");
      assert.ok(tree.isCurrent);
      assert.equal(seen.all.filter((each) => each === "synced").length, 1);
      await using empty = await o.c.tree("/nothing").open();
      assert.equal(empty.size, 0);
      await put(a, "/nothing/x", "6");
      await eventually(stage, "it is there", () => empty.get("/x")?.text === "6");
      await using all = await o.c.tree("/").open();
      assert.equal(all.get("/t/a")?.text, "4");
    },
  },
  {
    invariant:
      "what happened while the servers were not reached is found: also a node that was deleted and created anew as it was",
    async play(stage) {
      const [a, o] = [await stage.program(), await stage.program()];
      for (const path of ["/t/same", "/t/anew", "/t/gone", "/t/changed"]) await put(a, path, "x");
      await using tree = await o.c.tree("/t").open();
      using seen = reading(tree);
      await seen.saw(stage, "synced");
      for (const fault of ["cut", "session"]) {
        const from = seen.all.length;
        o.silence();
        await remove(a, "/t/anew");
        await put(a, "/t/anew", "x");
        await remove(a, "/t/gone");
        await put(a, "/t/changed", fault);
        await put(a, `/t/new-${fault}`, "y");
        if (fault === "session") await stage.sleep(stage.sessionTimeoutMs * 2);
        else o.cut();
        o.heal();
        await eventually(stage, `it is synced again after ${seen.all.join()}`, () => {
          return seen.all.length > from && seen.all.at(-1) === "synced" && tree.get(`/new-${fault}`) !== null;
        });
        assert.deepEqual(
          seen.all
            .slice(from)
            .filter((each) => each !== "synced")
            .toSorted(),
          [
            "added /anew x",
            `added /new-${fault} y`,
            fault === "cut" ? "changed /changed x to cut" : "changed /changed cut to session",
            "removed /anew x",
            "removed /gone x",
          ],
        );
        await put(a, "/t/gone", "x");
        await eventually(stage, "it is there again", () => seen.all.at(-1) === "added /gone x");
      }
      assert.equal(tree.get("/same")?.text, "x");
    },
  },
  {
    invariant: "whatever is written while it is read, the copy comes out as what is there, and so does every reader's",
    async play(stage) {
      const [a, b, o] = [await stage.program(), await stage.program(), await stage.program()];
      await put(a, "/t/keep", "x");
      const opening = o.c.tree("/t").open();
      const write = async (program: Program<TreeEngine>, own: string) => {
        for (let i = 0; i < 40; i++) {
          await put(program, `/t/${own}${i % 7}`, String(i));
          if (i % 5 === 4) await remove(program, `/t/${own}${i % 7}`);
          if (i === 20) o.cut();
        }
      };
      await Promise.all([write(a, "a"), write(b, "b")]);
      await using tree = await opening;
      using seen = reading(tree);
      await put(a, "/t/end", "end");
      await eventually(stage, "the end is here", () => tree.get("/end") !== null);
      await using fresh = await a.c.tree("/t").open();
      assert.deepEqual(show(tree), show(fresh));
      await seen.saw(stage, "added /end end", "synced");
      const told = new Map<string, string>();
      for (const change of seen.changes) {
        if (change.kind === "removed") told.delete(change.node.path);
        else if (change.kind !== "synced") told.set(change.node.path, change.node.text);
      }
      assert.deepEqual([...told].map(([path, text]) => `${path} ${text}`).toSorted(), show(fresh));
    },
  },
  {
    invariant: "what cannot be is refused; a signal and a close end the stream, a closed connection fails it",
    async play(stage) {
      const { c, ...a } = await stage.program().then((program) => ({ c: program.c, program }));
      for (const name of ["", "a/b", "/a/", "/zookeeper/x"]) assert.throws(() => c.tree(name), { code: "rejected" });
      const signal = AbortSignal.abort();
      await failsAs("aborted", c.tree("/t").open({ signal }));
      await failsAs("rejected", c.tree("/t").open({ timeoutMs: -1 }));
      await put(a.program, "/t/a", "1");
      const tree = await c.tree("/t").open();
      assert.throws(() => tree.get("a"), { code: "rejected" });
      assert.throws(() => tree.children(""), { code: "rejected" });
      for await (const _ of tree.changes({ signal })) assert.fail("it ends at once");
      const ending = reading(tree);
      await ending.saw(stage, "synced");
      tree.close();
      await within(stage, 1000, "the stream ends", ending.over);
      await put(a.program, "/t/a", "2");
      await stage.sleep(100);
      assert.equal(tree.get("/a")?.text, "1", "nothing is followed any more");
      const failing = reading(await c.tree("/t").open());
      await failing.saw(stage, "synced");
      const fate = stateOf(failing.over);
      await c.close();
      await failsAs("closed", fate.promise);
      await failsAs("closed", c.tree("/t").open());
    },
  },
];

function show(tree: OpenTree): string[] {
  return tree.nodes().map(({ path, text }) => `${path} ${text}`);
}

/** Reads its changes, and remembers them. */
function reading(tree: OpenTree) {
  const stop = new AbortController();
  const changes: TreeChange[] = [];
  const all: string[] = [];
  const over = (async () => {
    for await (const change of tree.changes({ signal: stop.signal })) {
      changes.push(change);
      if (change.kind === "synced") all.push("synced");
      else if (change.kind === "changed")
        all.push(`changed ${change.node.path} ${change.before.text} to ${change.node.text}`);
      else all.push(`${change.kind} ${change.node.path} ${change.node.text}`);
    }
  })();
  over.catch(() => {});
  return {
    all,
    changes,
    over,
    saw: (stage: Stage<TreeEngine>, ...what: string[]) =>
      eventually(stage, `${what} is seen`, () => what.every((each) => all.includes(each))),
    [Symbol.dispose]: () => stop.abort(),
  };
}

async function put({ c }: Program<TreeEngine>, place: string, text: string): Promise<void> {
  const value = c.engine.value("value", place);
  const now = await value.current(true);
  const data = bytesOf(text);
  assert.ok(now === null ? await value.create(data) : await value.replace(now.version, data), place);
}

async function remove({ c }: Program<TreeEngine>, place: string): Promise<void> {
  assert.ok(await c.engine.value("value", place).delete(null), place);
}
