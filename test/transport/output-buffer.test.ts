import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../src/base/text.ts";
import { BufferPool } from "../../src/transport/buffer-pool.ts";
import type { ConnectionPort } from "../../src/transport/connection.ts";
import { OutputBuffer } from "../../src/transport/output-buffer.ts";

class TestPort implements ConnectionPort {
  readonly written: string[] = [];
  unsentBytes = 0;
  /** Whether writes leave at once. */
  isTaking = true;

  write(bytes: Uint8Array): boolean {
    this.written.push(Buffer.from(bytes).toString());
    if (!this.isTaking) this.unsentBytes += bytes.length;
    return this.isTaking;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

function output({ high = 100, notificationsMax = 50 } = {}) {
  const port = new TestPort();
  const pool = new BufferPool();
  let dirty = 0;
  const bounds = { unsentBytesHigh: high, unsentNotificationBytesMax: notificationsMax };
  const buffer = new OutputBuffer(port, pool, bounds, () => dirty++);
  return { port, pool, buffer, dirty: () => dirty };
}

test("what is written in a turn leaves in one write, and is told once to be due", () => {
  const { port, buffer, dirty } = output();
  for (const word of ["one ", "two ", "three"]) buffer.writer.raw(bytesOf(word));
  assert.deepEqual([port.written, dirty(), buffer.unsentBytes], [[], 1, 13]);
  assert.equal(buffer.flush(), 13);
  assert.deepEqual(port.written, ["one two three"]);
  assert.equal(buffer.flush(), 0);
  buffer.writer.raw(bytesOf("next"));
  assert.equal(dirty(), 2);
});

test("a buffer is lent again only once nobody holds its bytes", () => {
  const { port, pool, buffer } = output();
  const first = buffer.writer;
  buffer.flush();
  assert.equal(pool.take(), first, "it came back");
  pool.release(first);
  port.isTaking = false;
  buffer.writer.raw(bytesOf("kept"));
  const held = buffer.writer;
  buffer.flush();
  assert.notEqual(pool.take(), held, "the port has it still");
});

test("whoever fetches nothing is backed up, by what waits here and in the port", () => {
  const { port, buffer } = output();
  port.isTaking = false;
  buffer.writer.raw(new Uint8Array(60));
  buffer.flush();
  assert.equal(buffer.isBackedUp, false);
  buffer.writer.raw(new Uint8Array(41));
  assert.equal(buffer.isBackedUp, true);
  buffer.discard();
  assert.equal(buffer.isBackedUp, false);
});

test("notifications that nobody fetches end at their bound, and count anew once all was fetched", () => {
  const { port, buffer } = output();
  port.isTaking = false;
  assert.equal(buffer.notify(new Uint8Array(30)), true);
  buffer.flush();
  assert.equal(buffer.notify(new Uint8Array(20)), true);
  buffer.flush();
  assert.equal(buffer.notify(new Uint8Array(1)), false);
  buffer.flush();
  port.unsentBytes = 0;
  assert.equal(buffer.notify(new Uint8Array(50)), true);
});
