// The recipes on a member of this process, without a socket: the same scenarios, and the front door.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { silentLogger } from "../../src/base/logger.ts";
import { connectToMember } from "../../src/engines/embedded/index.ts";
import { MemoryTransport } from "../../src/engines/embedded/transport.ts";
import { ZooKeeperEngine } from "../../src/engines/zookeeper/index.ts";
import { Coordination, type Handle, LockLostError } from "../../src/index.ts";
import { nodePorts, ZooKeeperClient } from "../../src/protocols/zookeeper/client/index.ts";
import { loadConfiguration } from "../../src/server/configuration/load.ts";
import { type RunningMember, runMember } from "../../src/server/member.ts";
import { allScenarios, ZooKeeperStage } from "../../src/testing/index.ts";
import type { Acceptor } from "../../src/transport/connection.ts";
import { freePort } from "../support/ports.ts";

const folder = await mkdtemp(join(tmpdir(), "cabildo-embedded-"));
const member = await start("kit");
after(async () => {
  await member.stop();
  await rm(folder, { recursive: true });
});

async function start(name: string): Promise<RunningMember> {
  const { configuration } = loadConfiguration({
    file: null,
    flags: [
      { flag: "data", key: "dataDir", value: join(folder, name) },
      { flag: "port", key: "clientPort", value: String(await freePort()) },
      { flag: "address", key: "clientPortAddress", value: "127.0.0.1" },
      { flag: "tick", key: "tickTime", value: "500" },
      { flag: "admin", key: "admin.enableServer", value: "false" },
    ],
  });
  return runMember(configuration, silentLogger);
}

function doorOf(running: RunningMember): Acceptor {
  const door = running.acceptorOf("zookeeper");
  assert.ok(door !== null);
  return door;
}

for (const [i, { invariant, play }] of allScenarios.entries()) {
  test(invariant, async () => {
    await using stage = new ZooKeeperStage({
      servers: "this-process:1",
      portsOf: () => {
        const node = nodePorts();
        return { ...node, transport: new MemoryTransport(doorOf(member), node.clock) };
      },
      sessionTimeoutMs: 2000,
      root: `/stage-${i}`,
    });
    await play(stage);
  });
}

test("a member that stops takes the locks of its process with it, which are told by their deadline", async () => {
  const mortal = await start("mortal");
  await using c = await connectToMember(mortal, { root: "/app", sessionTimeoutMs: 1000 });
  const held = await c.lock("billing").acquire();
  await mortal.stop();
  // Whatever keeps this process from running, of two of its timers the earlier comes first.
  const tooLate = setTimeout(1500, "too late");
  const told = new Promise<string>((resolve) => {
    held.signal.addEventListener("abort", () => resolve("in time"), { once: true });
  });
  assert.equal(await Promise.race([told, tooLate]), "in time");
  assert.ok(held.signal.reason instanceof LockLostError);
  assert.equal(held.signal.reason.lossCause, "deadline");
});

test("an event loop that was blocked for longer than the timeout: assertHeld throws before anything else runs", async () => {
  await using c = await connectToMember(member, { root: "/blocked", sessionTimeoutMs: 1000 });
  const held = await c.lock("billing").acquire();
  held.assertHeld();
  const { signal } = held;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200);
  assert.equal(signal.aborted, false, "no timer could run");
  assert.equal(held.expiresIn(), 0);
  assert.equal(held.state, "lost");
  assert.throws(() => held.assertHeld(), LockLostError);
  assert.equal(held.signal.aborted, true);
  const late = c.lock("billing").run(() => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200);
    return "done";
  });
  await assert.rejects(late, LockLostError, "what was done without the lock is no success");
});

const looks: Readonly<Record<string, (held: Handle) => unknown>> = {
  state: (held) => assert.equal(held.state, "lost"),
  signal: (held) => assert.equal(held.signal.aborted, true),
  "expiresIn()": (held) => assert.equal(held.expiresIn(), 0),
  "assertHeld()": (held) => assert.throws(() => held.assertHeld(), LockLostError),
};
for (const [what, look] of Object.entries(looks)) {
  test(`an event loop was blocked for longer than the timeout: ${what} is looked at first, and all of a handle says that it is lost`, async () => {
    const clock = { ...nodePorts().clock };
    const { now } = clock;
    let blockedMs = 0;
    clock.now = () => now() + blockedMs;
    const ports = { ...nodePorts(), clock, transport: new MemoryTransport(doorOf(member), clock) };
    const client = new ZooKeeperClient("this-process:1", { sessionTimeoutMs: 2000 }, ports);
    await client.connected();
    await using c = new Coordination(new ZooKeeperEngine(client, ports, { root: "/looks" }));
    const lock = await c.lock("billing").acquire();
    const both = await c.multiLock(["a", "b"]).acquire();
    for (const held of [lock, both]) void held.signal;
    blockedMs = 3000;
    for (const held of [both, lock]) {
      look(held);
      for (const other of Object.values(looks)) other(held);
    }
    const { reason } = lock.signal;
    assert.ok(reason instanceof LockLostError && reason.lossCause === "deadline");
    assert.match(
      reason.message,
      /another may hold it: .* this process's event loop was blocked for at least \d{4} ms$/,
    );
    assert.doesNotMatch(reason.message, /server/);
  });
}

test("an event loop that was blocked for longer than the timeout: a latch does not say that it leads", async () => {
  await using c = await connectToMember(member, { root: "/blocked-latch", sessionTimeoutMs: 1000 });
  await using latch = c.election("cron").latch();
  await latch.wait();
  assert.equal(latch.isLeader, true);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200);
  assert.equal(latch.isLeader, false);
});
