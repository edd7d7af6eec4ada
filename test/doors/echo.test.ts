// The echo door in the simulator, beside ZooKeeper's: the same faults, snapshots, restarts and changes of members meet both.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../src/base/text.ts";
import type { ReplicaPort } from "../../src/replica/replica-port.ts";
import { VirtualClock, VirtualTime } from "../../src/sim/kernel/time.ts";
import { PROTOCOLS, type Report, simulate } from "../../src/sim/simulation.ts";
import { Machine } from "../../src/state/machine.ts";
import { coordinationModels } from "../../src/state/models.ts";
import { ClientCapacity } from "../../src/transport/client-capacity.ts";
import { EchoDoor } from "./echo/door.ts";
import { ECHO_MODEL_FACTORY } from "./echo/model.ts";
import { echoProtocol } from "./echo/simulation.ts";

/** 49: a snapshot takes the place of the state that a watch is on. 118: a read of a member that is leaving. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 49, 118];

function play(seed: number, readsAreFresh = true): Promise<Report> {
  return simulate(seed, { protocols: [...PROTOCOLS, echoProtocol({ readsAreFresh })] });
}

test("a door with a model of its own meets every fault, and keeps what it promises", async () => {
  const figures = new Map<string, number>();
  for (const seed of SEEDS) {
    const report = await play(seed);
    assert.deepEqual(report.violations, [], `seed ${seed}`);
    for (const [name, count] of report.figures) figures.set(name, (figures.get(name) ?? 0) + count);
  }
  for (const [name, least] of [
    ["echo answers", 2000],
    ["echo events", 200],
    ["echo values", 200],
    ["answers", 1000],
  ] as const) {
    const count = figures.get(name) ?? 0;
    assert.ok(count >= least, `${name}: ${count}, not ${least}: something was going on`);
  }
});

test("a read that asks no leader is noticed", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { violations } = await play(seed, false);
    if (violations.length === 0) continue;
    assert.equal(violations[0]!.invariant, "echo reads are fresh");
    return;
  }
  assert.fail("no seed shows a stale read");
});

test("the echo door bounds what it holds for a client that does not fetch, without a line of its own for that", () => {
  const clock = new VirtualClock(new VirtualTime());
  const capacity = new ClientCapacity(clock);
  const member = { machine: new Machine(coordinationModels({ more: [ECHO_MODEL_FACTORY] })) } as unknown as ReplicaPort;
  let unsentBytes = 0;
  let isPaused = false;
  const door = new EchoDoor({ member, clock, capacity }, {});
  const connection = door.accept({
    get unsentBytes() {
      return unsentBytes;
    },
    write: (bytes) => {
      unsentBytes += bytes.length;
      return false;
    },
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
    },
    end() {},
    destroy() {},
  })!;
  const lines = bytesOf("watch k\n".repeat(50_000));
  connection.onChunk(lines);
  assert.equal(isPaused, true);
  const answered = capacity.memory.bytes - connection.requestBytes;
  assert.ok(answered <= 65 * 1024, `${answered} bytes of answers for one that does not fetch`);
  connection.onClosed();
  assert.equal(capacity.memory.bytes, 0);
});
