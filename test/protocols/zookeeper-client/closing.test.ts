// The end of a client by its own program, and a session that goes on in another client.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CoordinationError } from "../../../src/protocols/zookeeper/client/index.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { assertLost } from "./support/loss.ts";
import { outcomeOf, storyOf, World } from "./support/stage.ts";
import { failureOf } from "./support/story.ts";

test("whoever hears of a change may close the client in the middle of it", async () => {
  for (const kind of ["connected", "unsure", "lost", "connecting", "signal"] as const) {
    const world = new World();
    const client = kind === "connected" ? world.client() : await world.connected();
    const story = storyOf(client);
    let closing: Promise<void> | null = null;
    const close = () => {
      closing ??= client.close();
    };
    client.onState((state) => {
      if (state.kind === kind) close();
    });
    client.session?.signal.addEventListener("abort", () => {
      if (kind === "signal") close();
    });
    if (kind === "lost" || kind === "connecting" || kind === "signal") world.sessions.clear();
    if (kind !== "connected") world.serving.peer.hangUp();
    await world.clock.run(2000);
    assert.ok(closing !== null, kind);
    await closing;
    assert.equal(client.state.kind, "closed");
    assert.equal(story.filter((line) => line.startsWith("lost")).length <= 1, true);
    assert.equal(story.at(-1), "closed", kind);
    assert.equal(story.filter((line) => line === "closed").length, 1);
    await world.end();
  }
});

test("close ends the session politely: its signal first, then what was asked, then the server's word", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const { peer } = world.serving;
  const write = outcomeOf(client.create("/last"));
  const closing = outcomeOf(client.close());
  assertLost(session.signal.reason, "closed");
  assert.equal(peer.asked.length, 0, "no server has heard of it yet");
  const late = outcomeOf(client.exists("/late"));
  await world.clock.run(10);
  assert.equal(write.value, "/last");
  assert.equal(closing.isSettled, true);
  assert.ok(late.error instanceof CoordinationError && late.error.code === "closed");
  assert.deepEqual(peer.opcodes, [OPCODE.create, OPCODE.closeSession]);
  assert.equal(world.sessions.size, 0);
  await world.end();
});

test("close waits for no server: not for one that is silent, nor for one that is gone", async () => {
  const world = new World();
  const silent = await world.connected();
  world.script(() => true);
  const write = outcomeOf(silent.create("/a"));
  const closing = outcomeOf(silent.close({ timeoutMs: 700 }));
  await world.clock.run(699);
  assert.equal(closing.isSettled, false);
  await world.clock.run(2);
  assert.equal(closing.isSettled, true);
  assert.ok(write.error instanceof CoordinationError && write.error.outcome === "unknown");

  const second = new World();
  const unsure = await second.connected();
  for (const server of second.servers) server.die();
  await second.clock.run(5);
  const queued = outcomeOf(unsure.create("/a"));
  const gone = outcomeOf(unsure.close());
  await second.clock.run(0);
  assert.equal(gone.isSettled, true);
  assert.ok(queued.error instanceof CoordinationError && queued.error.outcome === "not-applied");
  await second.end();
  await world.end();
});

test("a server that hangs up instead of answering close has closed as well", async () => {
  const world = new World();
  const client = await world.connected();
  const story = storyOf(client);
  world.script((peer, { opcode }) => {
    if (opcode === OPCODE.closeSession) peer.hangUp();
    return opcode === OPCODE.closeSession;
  });
  const closing = outcomeOf(client.close());
  await world.clock.run(10);
  assert.equal(closing.isSettled, true);
  assert.deepEqual(story, ["closed"]);
  await world.end();
});

test("a session that another client had is resumed, or found lost", async () => {
  const world = new World();
  const first = await world.connected();
  const { id, password, timeoutMs } = first.session!;
  const second = await world.connected({ resume: { id, password, timeoutMs } });
  assert.equal(second.session?.id, id);
  const closing = outcomeOf(second.close());
  await world.clock.run(10);
  assert.equal(closing.isSettled, true);

  const third = world.client({ resume: { id, password, timeoutMs }, onLoss: "stop" });
  const error = failureOf(third.connected());
  await world.clock.run(2000);
  assert.match((await error).message, /is expired, says/);
  await world.end();
});
