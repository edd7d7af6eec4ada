// The flow of one client, by the example of a door that answers each line with the same line: what every door gets without
// writing it again.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../src/base/clock.ts";
import { byteString, bytesOf } from "../../src/base/text.ts";
import { CAPACITY, type CapacityBounds, ClientCapacity } from "../../src/transport/client-capacity.ts";
import { ClientFlow, type FlowOwner } from "../../src/transport/client-flow.ts";
import type { ConnectionPort } from "../../src/transport/connection.ts";

/** Turns of the loop end when the test says so. */
class Turn implements Clock {
  #deferred: (() => void)[] = [];
  #now = 0;

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  defer(task: () => void): void {
    this.#deferred.push(task);
  }

  after(): () => void {
    return () => {};
  }

  end(): void {
    this.#now += 1000;
    for (const task of this.#deferred.splice(0)) task();
  }
}

class Port implements ConnectionPort {
  readonly writes: string[] = [];
  unsentBytes = 0;
  isStuck = false;
  isPaused = false;
  isEnded = false;

  write(bytes: Uint8Array): boolean {
    this.writes.push(byteString(bytes, 0, bytes.length));
    if (this.isStuck) this.unsentBytes += bytes.length;
    return this.unsentBytes === 0;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isEnded = true;
  }
}

class LineConnection implements FlowOwner {
  readonly port = new Port();
  readonly flow: ClientFlow;
  dropped: string | null = null;
  readonly #capacity: ClientCapacity;
  #lines: string[] = [];

  constructor(capacity: ClientCapacity, openedAt: number, unsentBytesHigh: number) {
    this.#capacity = capacity;
    const bounds = { unsentBytesHigh, unsentNotificationBytesMax: 1000 };
    this.flow = new ClientFlow({ port: this.port, capacity, bounds, openedAt }, this);
  }

  onChunk(text: string): void {
    this.#lines.push(...text.split("\n").slice(0, -1));
    this.flow.serve();
  }

  take(): boolean {
    let isAny = false;
    while (this.#lines.length > 0 && this.flow.mayGoOn()) {
      const line = this.#lines.shift()!;
      isAny = true;
      this.flow.output.writer.raw(bytesOf(`${line}\n`));
      this.#capacity.turns.work += line.length + 1;
    }
    this.flow.regulate(this.#lines.length > 0);
    return isAny;
  }

  get requestBytes(): number {
    return this.#lines.reduce((sum, line) => sum + line.length + 1, 0);
  }

  onTurnEnd(): void {}

  drop(reason: string): void {
    this.dropped = reason;
    this.flow.close();
    this.port.destroy();
  }

  fail(error: unknown): void {
    throw error;
  }
}

function member(bounds: Partial<CapacityBounds> = {}) {
  const turn = new Turn();
  const capacity = new ClientCapacity(turn, { ...CAPACITY, ...bounds });
  return {
    turn,
    capacity,
    connect: (unsentBytesHigh = 100) => new LineConnection(capacity, turn.now(), unsentBytesHigh),
  };
}

const lines = (count: number, length = 9): string => `${"x".repeat(length)}\n`.repeat(count);

test("what is said in a turn leaves with one write", () => {
  const { turn, connect } = member();
  const client = connect();
  client.onChunk("a\nb\n");
  client.onChunk("c\n");
  assert.deepEqual(client.port.writes, []);
  turn.end();
  assert.deepEqual(client.port.writes, ["a\nb\nc\n"]);
});

test("a client that does not fetch is not read on, and goes on where it was once it has fetched", () => {
  const { turn, connect } = member();
  const client = connect();
  client.port.isStuck = true;
  client.onChunk(lines(50));
  turn.end();
  assert.ok(client.port.isPaused);
  assert.equal(client.port.unsentBytes, 110, "no more than the bound and one answer");
  client.port.isStuck = false;
  client.port.unsentBytes = 0;
  client.flow.onDrain();
  for (let turns = 0; turns < 10; turns++) turn.end();
  assert.ok(!client.port.isPaused);
  assert.equal(client.port.writes.join("").length, 500);
});

test("all that is held for a client is accounted, and nothing once it is answered or gone", () => {
  const { turn, capacity, connect } = member();
  const [fetching, stuck] = [connect(), connect()];
  stuck.port.isStuck = true;
  for (const client of [fetching, stuck]) client.onChunk(lines(50));
  assert.equal(capacity.memory.bytes, 1000);
  for (let i = 0; i < 10; i++) turn.end();
  assert.equal(capacity.memory.bytes, 500, "the one that does not fetch, and its requests");
  stuck.flow.close();
  assert.equal(capacity.memory.bytes, 0);
});

test("beyond what a member holds, whoever has made the least progress is let go", () => {
  const { turn, capacity, connect } = member({ heldBytesMax: 700 });
  const clients = [connect(), connect()];
  capacity.memory.add(() => clients.map(({ flow }) => flow));
  for (const client of clients) {
    client.port.isStuck = true;
    client.onChunk(lines(40));
    turn.end();
  }
  assert.match(clients[0]!.dropped!, /bytes are held for all clients, 700 at most: it has made the least progress/);
  assert.equal(clients[1]!.dropped, null);
});

test("a full turn is shared: who asks for little is answered beside who asks for much", () => {
  const { turn, connect } = member({ turnWorkMax: 50 });
  const [busy, modest] = [connect(10_000), connect(10_000)];
  busy.onChunk(lines(100));
  modest.onChunk("hello\n");
  for (let turns = 0; modest.port.writes.length === 0; turns++) {
    assert.ok(turns < 3, "it waits for the other's hundred lines");
    turn.end();
  }
  assert.ok(busy.port.writes.join("").length <= 200, "a share a turn");
});

test("a flow that ends says what it has to say, and then closes its port", () => {
  const { turn, capacity, connect } = member();
  const client = connect();
  client.onChunk("bye\n");
  client.flow.end();
  assert.ok(!client.port.isEnded);
  turn.end();
  assert.deepEqual([client.port.writes, client.port.isEnded], [["bye\n"], true]);
  client.flow.close();
  assert.equal(capacity.memory.bytes, 0);
});
