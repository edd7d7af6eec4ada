import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader } from "../../src/base/bytes.ts";
import type { CoordinationError } from "../../src/base/errors.ts";
import { CoordinationError as Refusal } from "../../src/base/errors.ts";
import type { Waiter } from "../../src/replica/member.ts";
import { Outbox } from "../../src/replica/outbox.ts";
import { readBatchHeader } from "../../src/state/batch.ts";

function waiter(heard: string[], name: string): Waiter {
  return {
    onOutcome: (outcome) => heard.push(`${name} ${outcome.kind}`),
    onRefused: (error: CoordinationError) => heard.push(`${name} ${error.outcome}`),
  };
}

function put(outbox: Outbox, text: string, heard: string[] = []): void {
  outbox.begin().text(text);
  outbox.commit(waiter(heard, text));
}

/** `start/sequence: commands` of an encoded batch. */
function read(bytes: Uint8Array): string {
  const reader = new ByteReader(bytes);
  const { member, run, sequence } = readBatchHeader(reader);
  const commands: string[] = [];
  while (reader.remaining > 0) commands.push(reader.text(reader.uint32()));
  return `${member}/${run}/${sequence}: ${commands.join(" ")}`;
}

test("commands of one turn share a batch, in order; batches are numbered without a gap", () => {
  const outbox = new Outbox(2, 77);
  put(outbox, "a");
  put(outbox, "b");
  const first = outbox.closeBatch();
  put(outbox, "c");
  const second = outbox.closeBatch();
  assert.equal(read(first!.bytes), "2/77/1: a b");
  assert.equal(read(second!.bytes), "2/77/2: c");
  assert.equal(outbox.closeBatch(), null);
  assert.equal(outbox.oldestSequence, 1);
});

test("a batch leaves only as the oldest, and once", () => {
  const outbox = new Outbox(1, 1);
  put(outbox, "a");
  outbox.closeBatch();
  put(outbox, "b");
  outbox.closeBatch();
  assert.equal(outbox.take(1).waiters.length, 1);
  assert.throws(() => outbox.take(1), /not the oldest/);
  assert.ok(outbox.isEmpty);
});

test("a batch that grows large closes by itself, so that an entry stays small", () => {
  const outbox = new Outbox(1, 1);
  const kilobytes = "x".repeat(100 * 1024);
  outbox.begin().text(kilobytes);
  assert.equal(outbox.commit(waiter([], "1")), null);
  outbox.begin().text(kilobytes);
  assert.equal(outbox.commit(waiter([], "2")), null);
  outbox.begin().text(kilobytes);
  assert.notEqual(outbox.commit(waiter([], "3")), null);
});

test("a run that takes a later number sends everything under it, the open batch included", () => {
  const outbox = new Outbox(1, 100);
  put(outbox, "a");
  outbox.closeBatch();
  put(outbox, "b");
  outbox.closeBatch();
  put(outbox, "open");
  outbox.restartAs(200);
  outbox.closeBatch();
  assert.deepEqual(
    outbox.outstanding().map((batch) => read(batch.bytes)),
    ["1/200/1: a", "1/200/2: b", "1/200/3: open"],
  );
});

test("at the end everyone who waits is told, once, that nobody can know", () => {
  const heard: string[] = [];
  const outbox = new Outbox(1, 1);
  put(outbox, "a", heard);
  outbox.closeBatch();
  put(outbox, "b", heard);
  outbox.refuseAll(new Refusal("closed", "unknown", "stopping"));
  outbox.refuseAll(new Refusal("closed", "unknown", "stopping"));
  assert.deepEqual(heard, ["a unknown", "b unknown"]);
  assert.equal(outbox.closeBatch(), null);
});

test("a command that is taken back leaves nothing, and the next may be begun", () => {
  const outbox = new Outbox(2, 77);
  put(outbox, "a");
  outbox.begin().text("half");
  outbox.abandon();
  outbox.abandon();
  put(outbox, "b");
  assert.equal(read(outbox.closeBatch()!.bytes), "2/77/1: a b");
});

test("how long the open command is can be asked before it is committed", () => {
  const outbox = new Outbox(2, 77);
  assert.equal(outbox.commandBytes, 0);
  put(outbox, "a");
  outbox.begin().text("12345678");
  assert.equal(outbox.commandBytes, 4 + 8);
  outbox.abandon();
  assert.equal(outbox.commandBytes, 0);
});
