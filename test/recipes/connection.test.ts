// The connection as programs see it: usable as a type, its status as plain data, and handles that show what they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import type { Coordination, CoordinationStatus, Engine, HasMutexes, ZooKeeperEngine } from "../../src/index.ts";
import { eventually } from "../../src/testing/checks.ts";
import { ScenarioCluster, type ZooKeeperStage } from "../../src/testing/index.ts";

/** Compiles: the type stands for any connection with all recipes. */
async function countWith(c: Coordination): Promise<bigint> {
  await c.nodes.set("/seen", "yes");
  return c.lock("billing").run(() => c.counter("orders").add(2));
}

/** As an engine with fewer abilities compiles: what they do not give is refused by the compiler. */
function withoutNodes(c: Coordination<Engine & HasMutexes>): void {
  c.lock("billing");
  // @ts-expect-error it has no values
  c.counter("orders");
  // @ts-expect-error it has no nodes
  c.nodes.get("/a");
}

async function played<T>(body: (stage: ZooKeeperStage) => Promise<T>): Promise<T> {
  const cluster = await ScenarioCluster.start();
  return cluster.play(async () => {
    await using stage = cluster.stage();
    return await body(stage);
  });
}

test("a connection is a parameter of type Coordination as it stands", async () => {
  assert.equal(typeof withoutNodes, "function");
  await played(async (stage) => {
    const { c } = await stage.program();
    const typed: Coordination<ZooKeeperEngine> = c;
    assert.equal(await countWith(typed), 2n);
  });
});

test("the status is plain data, and its listener is told of each change: unsure, sure, a new session, closed", async () => {
  await played(async (stage) => {
    const program = await stage.program();
    const { c } = program;
    await c.counter("orders").get();
    const heard: CoordinationStatus[] = [];
    const stop = c.onStatus((status) => heard.push(status));
    const before = c.status;
    assert.deepEqual(structuredClone(before), before, "plain data");
    assert.ok(before.kind === "ready" && before.session.state === "sure" && before.session.expiresInMs > 0);
    program.cut();
    await eventually(stage, "it is unsure, then sure", () => heard.length >= 2);
    const states = heard.map((status) => (status.kind === "ready" ? status.session.state : status.kind));
    assert.deepEqual(states.slice(0, 2), ["unsure", "sure"]);
    await program.killSession();
    await eventually(stage, "there is a new session", () => {
      const last = heard.at(-1);
      return last?.kind === "ready" && last.session.id !== before.session.id && last.session.state === "sure";
    });
    assert.ok(heard.some(({ kind }) => kind === "connecting"));
    await c.close();
    const last = heard.at(-1);
    assert.ok(last?.kind === "closed" && /was closed by its client/.test(last.reason));
    stop();
  });
});

test("a handle shows what it is, and how it stands", async () => {
  await played(async (stage) => {
    const { c } = await stage.program();
    const held = await c.lock("billing").acquire();
    const told = /^lock "billing" \(token \d+\): held, for \d\.\d s at least$/;
    assert.match(String(held), told);
    assert.match(inspect(held), told);
    assert.match(inspect({ held }), /held: lock "billing"/);
    await held.release();
    assert.match(inspect(held), /^lock "billing" \(token \d+\): released$/);
    const both = await c.multiLock(["a", "b"]).acquire();
    assert.match(inspect(both), /^locks \["a","b"\] \(token \d+\): held, for/);
  });
});

test("a tree is named by a path: a relative one is refused, with what was meant", async () => {
  await played(async (stage) => {
    const { c } = await stage.program();
    assert.throws(() => c.tree("settings"), {
      code: "rejected",
      message: 'tree "settings": a path begins with a slash: did you mean "/settings"?',
    });
  });
});

test("a configuration is checked by a function as well as by a schema", async () => {
  await played(async (stage) => {
    const { c } = await stage.program();
    const rate = c.config("rate", (value) => {
      if (typeof value === "number" && value > 0) return value;
      throw new Error("a number above 0 is needed");
    });
    await rate.set(40);
    const read = await rate.read();
    assert.equal(read.kind === "good" ? read.value : null, 40);
    await assert.rejects(rate.set(0), { name: "InvalidValueError", message: /a number above 0 is needed/ });
  });
});
