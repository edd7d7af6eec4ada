// Whatever goes wrong while one client is answered costs that client its connection, with a line in the log. The member
// lives, the others are served, and the state goes on.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  getData as getDataOperation,
  sync as syncOperation,
} from "../../../src/protocols/zookeeper/operations/reads.ts";
import { addWatch } from "../../../src/protocols/zookeeper/operations/watching.ts";
import { create, setData as setDataOperation } from "../../../src/protocols/zookeeper/operations/writes.ts";
import { UNSENT_NOTIFICATION_BYTES_MAX } from "../../../src/transport/limits.ts";
import * as ask from "./support/requests.ts";
import type { TestClient } from "./support/test-client.ts";
import { World } from "./support/world.ts";

/** A bug in the middle of an operation, for as long as the test runs. */
function withBug<T extends object>(operation: T, method: keyof T, body: () => void): void {
  const sound = operation[method];
  operation[method] = (() => {
    throw new RangeError("Invalid typed array length: -1");
  }) as T[keyof T];
  try {
    body();
  } finally {
    operation[method] = sound;
  }
}

/** It is gone, the log says so once, and another is served as before: reads, writes and watches. */
function assertCostsOnly(world: World, client: TestClient): void {
  world.clock.turn();
  assert.equal(client.isClosed, true, "the connection is closed");
  const lines = world.log.filter((line) => line.includes("Invalid typed array length"));
  assert.equal(lines.length, 1, world.log.join("\n"));
  const other = world.client();
  assert.equal(other.call(...ask.create("/after")).error, 0);
  assert.equal(other.call(...ask.getData("/after")).error, 0);
  assert.equal(other.call(...ask.sync("/")).error, 0);
  assert.equal(world.service.outstanding, 0, "no request is left counted");
}

const bugs: readonly (readonly [name: string, operation: object, method: string, request: ask.Request])[] = [
  ["a read", getDataOperation, "run", ask.getData("/a")],
  ["a sync", syncOperation, "run", ask.sync("/")],
  ["a write's encoding", setDataOperation, "propose", ask.setData("/a")],
  ["a write's reply", setDataOperation, "reply", ask.setData("/a")],
  ["a watch", addWatch, "run", ask.addWatch("/a", 0)],
];

for (const [name, operation, method, request] of bugs) {
  test(`an error in the middle of ${name} costs the connection alone`, () => {
    const world = new World();
    const client = world.client();
    client.call(...ask.create("/a"));
    withBug(operation as Record<string, unknown>, method, () => {
      client.send(...request);
      client.send(...ask.exists("/a"));
      world.clock.turn();
    });
    assertCostsOnly(world, client);
  });

  test(`an error in the middle of ${name} that has waited behind a write costs the connection alone`, () => {
    const world = new World();
    const client = world.client();
    client.call(...ask.create("/a"));
    withBug(operation as Record<string, unknown>, method, () => {
      client.send(...ask.create("/b"));
      client.send(...request);
      client.send(...ask.create("/c"));
      world.clock.turn();
    });
    assertCostsOnly(world, client);
  });
}

test("a command that was begun when the error came is taken back: it is not in the log, nor in anybody's way", () => {
  const world = new World();
  const client = world.client();
  const { propose } = create;
  (create as { propose: unknown }).propose = (...args: Parameters<typeof propose>) => {
    propose(...args);
    throw new RangeError("Invalid typed array length: -1");
  };
  try {
    client.send(...ask.create("/half"));
    world.clock.turn();
  } finally {
    (create as { propose: unknown }).propose = propose;
  }
  assertCostsOnly(world, client);
  assert.equal(world.client().call(...ask.exists("/half")).error, -101);
});

for (const [kind, watch] of [
  ["one-shot", (path: string) => ask.getData(path, true)],
  ["persistent", (path: string) => ask.addWatch(path, 0)],
  ["recursive", (path: string) => ask.addWatch(path, 1)],
] as const) {
  test(`a client that does not fetch what its ${kind} watches tell costs itself, not the member`, () => {
    const world = new World();
    const watcher = world.client();
    const writer = world.client();
    const nameBytes = 600_000;
    const names = Array.from(
      { length: Math.ceil(UNSENT_NOTIFICATION_BYTES_MAX / nameBytes) + 1 },
      (_, i) => `/${i}${"n".repeat(nameBytes)}`,
    );
    for (const name of names) {
      writer.call(...ask.create(name));
      assert.equal(watcher.call(...watch(name)).error, 0);
    }
    watcher.port.isStuck = true;
    for (const name of names) assert.equal(writer.call(...ask.setData(name)).error, 0);
    assert.equal(watcher.port.isDestroyed, true);
    assert.equal(world.service.watches.size, 0);
    assert.equal(writer.call(...ask.setData(names[0]!)).error, 0);
  });
}
