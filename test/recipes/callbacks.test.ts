// Callbacks of the program that fail, at once or later: they are reported, and harm neither the recipe nor the process.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logger } from "../../src/base/logger.ts";
import type { CoordinationStatus } from "../../src/index.ts";
import { eventually } from "../../src/testing/checks.ts";
import { ScenarioCluster, type ZooKeeperStage } from "../../src/testing/index.ts";

interface Reports {
  readonly logger: Logger;
  readonly errors: string[];
}

/** Fails where a rejection of a callback reaches the process. */
async function played(body: (stage: ZooKeeperStage, reports: Reports) => Promise<void>): Promise<void> {
  const errors: string[] = [];
  const logger: Logger = { info() {}, warn() {}, error: (message) => void errors.push(message) };
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  process.on("unhandledRejection", onUnhandled);
  try {
    const cluster = await ScenarioCluster.start();
    await cluster.play(async () => {
      await using stage = cluster.stage();
      await body(stage, { logger, errors });
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(unhandled, []);
  } finally {
    process.off("unhandledRejection", onUnhandled);
  }
}

/** A function that throws, one whose promise rejects, and one whose result is a foreign promise that rejects. */
const FAILURES: Readonly<Record<string, () => void>> = {
  throws() {
    throw new Error("its own failure");
  },
  rejects: async () => {
    throw new Error("its own failure");
  },
  "rejects with a foreign promise": () => ({
    // biome-ignore lint/suspicious/noThenProperty: as promises of other libraries are
    then: (_: unknown, reject: (error: Error) => void) => void reject(new Error("its own failure")),
  }),
};

for (const [how, fail] of Object.entries(FAILURES)) {
  test(`a listener of the status that ${how} stops no other: a handle is lost with its session, and waits go on`, async () => {
    await played(async (stage, { logger, errors }) => {
      const { c, silence, heal } = await programOf(stage, logger);
      const heard: CoordinationStatus[] = [];
      c.onStatus(fail);
      c.onStatus((status) => void heard.push(status));
      const held = await c.lock("a").acquire();
      silence();
      await eventually(stage, "the handle is lost", () => held.signal.aborted);
      const waiting = c.lock("b").acquire();
      heal();
      await (await waiting).release();
      assert.ok(heard.some((status) => status.kind === "ready" && status.session.state === "unsure"));
      assert.ok(heard.some(({ kind }) => kind === "connecting"));
      assert.ok(errors.length >= 3, "unsure, connecting, ready");
      for (const error of errors) assert.equal(error, "a listener of the status failed: its own failure");
    });
  });

  test(`an engine's listener that ${how} stops no other`, async () => {
    await played(async (stage, { logger, errors }) => {
      const { c, silence, heal } = await programOf(stage, logger);
      const { engine } = c;
      const { status } = engine;
      assert.ok(status.kind === "ready");
      engine.onStatus(fail);
      status.session.onState(fail);
      const heard: string[] = [];
      engine.onStatus(({ kind }) => void heard.push(kind));
      status.session.onState(({ kind }) => void heard.push(kind));
      silence();
      await eventually(stage, "the session is lost", () => heard.includes("lost"));
      heal();
      await eventually(stage, "there is another", () => heard.includes("ready"));
      assert.deepEqual(heard, ["unsure", "connecting", "lost", "ready"]);
      assert.ok(errors.length >= 4);
      for (const error of errors) assert.match(error, /^a listener of the (status|session) failed: its own failure$/);
    });
  });

  test(`onWaiting that ${how} does not end the wait`, async () => {
    await played(async (stage, { logger, errors }) => {
      const [a, b] = [await programOf(stage, logger), await programOf(stage, logger)];
      const held = await a.c.lock("x").acquire();
      const waiting = b.c.lock("x").acquire({ onWaiting: fail });
      await eventually(stage, "it was told", () => errors.length > 0);
      assert.deepEqual(errors, ['onWaiting of lock "x" failed: its own failure']);
      await held.release();
      await (await waiting).release();
    });
  });

  test(`a latch's listener that ${how} ends no leadership`, async () => {
    await played(async (stage, { logger, errors }) => {
      const { c } = await programOf(stage, logger);
      await using latch = c.election("e").latch();
      latch.onChange(fail);
      await latch.wait();
      await eventually(stage, "it was told", () => errors.length > 0);
      assert.ok(latch.isLeader);
      assert.deepEqual(errors, ['a listener of election "e" failed: its own failure']);
    });
  });

  test(`onInvalid that ${how} does not end the configuration`, async () => {
    await played(async (stage, { logger, errors }) => {
      const { c } = await programOf(stage, logger);
      await c.nodes.set("/configuration/flags", "no JSON");
      const config = c.config("flags", Number);
      await using open = await config.open({ fallback: 1, onInvalid: fail });
      await eventually(stage, "it was told", () => errors.length > 0);
      assert.deepEqual(errors, ['configuration "flags": onInvalid failed: its own failure']);
      await open.set(2);
      assert.equal(open.value, 2);
    });
  });
}

async function programOf(stage: ZooKeeperStage, logger: Logger) {
  const program = await stage.program({ logger });
  return { c: program.c, silence: () => program.silence(), heal: () => program.heal() };
}
