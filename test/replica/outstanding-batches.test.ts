import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader } from "../../src/base/bytes.ts";
import type { CoordinationError } from "../../src/base/errors.ts";
import { CoordinationError as Refusal } from "../../src/base/errors.ts";
import { OutstandingBatches } from "../../src/replica/outstanding-batches.ts";
import type { Waiter } from "../../src/replica/replica-port.ts";
import { readBatchHeader } from "../../src/state/batch.ts";
import type { Model } from "../../src/state/model.ts";

interface Told {
  readonly kind: string;
}

/** The model whose commands begin as this text does. */
function modelOf(text: string): Model<Told> {
  return { number: text.charCodeAt(0) } as Model<Told>;
}

function waiter(heard: string[], name: string): Waiter<Told> {
  return {
    onOutcome: (outcome) => heard.push(`${name} ${outcome.kind}`),
    onRefused: (error: CoordinationError) => heard.push(`${name} ${error.outcome}`),
  };
}

function put(batches: OutstandingBatches, text: string, heard: string[] = []): void {
  batches.begin().text(text);
  batches.commit(modelOf(text), waiter(heard, text));
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
  const batches = new OutstandingBatches(2, 77);
  put(batches, "a");
  put(batches, "b");
  const first = batches.closeBatch();
  put(batches, "c");
  const second = batches.closeBatch();
  assert.equal(read(first!.bytes), "2/77/1: a b");
  assert.equal(read(second!.bytes), "2/77/2: c");
  assert.equal(batches.closeBatch(), null);
  assert.equal(batches.oldestSequence, 1);
});

test("a batch leaves only as the oldest, and once", () => {
  const batches = new OutstandingBatches(1, 1);
  put(batches, "a");
  batches.closeBatch();
  put(batches, "b");
  batches.closeBatch();
  assert.equal(batches.take(1).waiters.length, 1);
  assert.throws(() => batches.take(1), /not the oldest/);
  assert.ok(batches.isEmpty);
});

test("a batch that grows large closes by itself, so that an entry stays small", () => {
  const batches = new OutstandingBatches(1, 1);
  const kilobytes = "x".repeat(100 * 1024);
  batches.begin().text(kilobytes);
  assert.equal(batches.commit(modelOf("x"), waiter([], "1")), null);
  batches.begin().text(kilobytes);
  assert.equal(batches.commit(modelOf("x"), waiter([], "2")), null);
  batches.begin().text(kilobytes);
  assert.notEqual(batches.commit(modelOf("x"), waiter([], "3")), null);
});

test("a run that takes a later number sends everything under it, the open batch included", () => {
  const batches = new OutstandingBatches(1, 100);
  put(batches, "a");
  batches.closeBatch();
  put(batches, "b");
  batches.closeBatch();
  put(batches, "open");
  batches.restartAs(200);
  batches.closeBatch();
  assert.deepEqual(
    batches.outstanding().map((batch) => read(batch.bytes)),
    ["1/200/1: a", "1/200/2: b", "1/200/3: open"],
  );
});

test("at the end everyone who waits is told, once, that nobody can know", () => {
  const heard: string[] = [];
  const batches = new OutstandingBatches(1, 1);
  put(batches, "a", heard);
  batches.closeBatch();
  put(batches, "b", heard);
  batches.refuseAll(new Refusal("closed", "unknown", "stopping"));
  batches.refuseAll(new Refusal("closed", "unknown", "stopping"));
  assert.deepEqual(heard, ["a unknown", "b unknown"]);
  assert.equal(batches.closeBatch(), null);
});

test("a command that is taken back leaves nothing, and the next may be begun", () => {
  const batches = new OutstandingBatches(2, 77);
  put(batches, "a");
  batches.begin().text("half");
  batches.abandon();
  batches.abandon();
  put(batches, "b");
  assert.equal(read(batches.closeBatch()!.bytes), "2/77/1: a b");
});

test("how long the open command is can be asked before it is committed", () => {
  const batches = new OutstandingBatches(2, 77);
  assert.equal(batches.commandBytes, 0);
  put(batches, "a");
  batches.begin().text("12345678");
  assert.equal(batches.commandBytes, 4 + 8);
  batches.abandon();
  assert.equal(batches.commandBytes, 0);
});

test("a command is committed for its own model, so that its waiter hears outcomes of that model alone", () => {
  const batches = new OutstandingBatches(1, 1);
  batches.begin().text("a");
  assert.throws(() => batches.commit(modelOf("b"), waiter([], "b")), /a command of another model than its waiter's/);
  const leases = { number: 97 } as Model<{ readonly kind: "opened" } | { readonly kind: "ended" }>;
  const onRefused = (): void => {};
  // @ts-expect-error: the model gives an outcome that this waiter does not take
  batches.commit(leases, { onOutcome: (_: { readonly kind: "opened" }) => {}, onRefused });
  batches.begin().text("a");
  batches.commit(leases, { onOutcome: ({ kind }) => void (kind satisfies "opened" | "ended"), onRefused });
  assert.equal(batches.closeBatch()?.waiters.length, 2);
});
