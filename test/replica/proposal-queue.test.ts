import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "../../src/base/bytes.ts";
import type { Entry } from "../../src/consensus/raft/types.ts";
import { ProposalQueue } from "../../src/replica/proposal-queue.ts";
import { batchHeaderOf, writeBatchHeader } from "../../src/state/batch.ts";

const RUN = 7;

function batch(sequence: number, { member = 1, run = RUN, bytes = 0 } = {}): Uint8Array {
  const writer = new ByteWriter(64);
  writeBatchHeader(writer, member, run, sequence);
  writer.reserve(bytes);
  return writer.copy();
}

function entry(payload: Uint8Array): Entry {
  return { index: 1, term: 1, kind: "commands", payload };
}

function sequences(batches: readonly Uint8Array[]): number[] {
  return batches.map((each) => batchHeaderOf(each).sequence);
}

/** What the state has applied of a member's present run. */
function queue(applied: number, unapplied: readonly Entry[] = []): ProposalQueue {
  const made = new ProposalQueue((_member, run) => (run === RUN ? applied : run > RUN ? 0 : -1));
  made.begin(unapplied);
  return made;
}

test("a batch is taken once, however often it comes", () => {
  const proposals = queue(0);
  assert.equal(proposals.add(batch(1)), true);
  assert.equal(proposals.add(batch(1)), false, "it waits already");
  assert.deepEqual(sequences(proposals.take()), [1]);
  assert.equal(proposals.add(batch(1)), false, "it is in the log");
  assert.equal(proposals.add(batch(2)), true);
  assert.deepEqual(sequences(proposals.take()), [2]);
});

test("what the state has applied, or the log holds beyond it, is not taken again", () => {
  const proposals = queue(4, [entry(batch(5)), entry(batch(6))]);
  for (const sequence of [3, 4, 5, 6]) assert.equal(proposals.add(batch(sequence)), false);
  assert.equal(proposals.add(batch(7)), true);
});

test("what leaves a gap waits until the missing one has come", () => {
  const proposals = queue(0);
  assert.equal(proposals.add(batch(2)), false);
  for (const sequence of [1, 2]) assert.equal(proposals.add(batch(sequence)), true);
  assert.deepEqual(sequences(proposals.take()), [1, 2]);
});

test("a gap in the log is none of what was applied: the state leaves out what comes after it", () => {
  const proposals = queue(0, [entry(batch(1)), entry(batch(3))]);
  for (const sequence of [2, 3]) assert.equal(proposals.add(batch(sequence)), true);
});

test("each member and each run has an order of its own; a superseded run hears of it once", () => {
  const proposals = queue(3);
  assert.equal(proposals.add(batch(4, { member: 2 })), true);
  assert.equal(proposals.add(batch(4)), true);
  assert.equal(proposals.add(batch(1, { run: RUN + 1 })), true);
  assert.equal(
    proposals.add(batch(9, { run: RUN - 1 })),
    true,
    "applied, it tells its member that a later run is known",
  );
  assert.equal(proposals.add(batch(9, { run: RUN - 1 })), false);
});

test("before the log is known batches wait, and only those that it lacks are taken", () => {
  const proposals = new ProposalQueue(() => 4);
  for (const sequence of [4, 5, 6, 7]) proposals.add(batch(sequence));
  assert.throws(() => proposals.take(), /not known/);
  proposals.begin([entry(batch(5))]);
  assert.deepEqual(sequences(proposals.take()), [6, 7]);
});

test("what waits is bounded in bytes; what was left out finds its turn when it comes again", () => {
  const proposals = queue(0);
  const megabytes = 20 * 1024 * 1024;
  const taken = [1, 2, 3, 4].map((sequence) => proposals.add(batch(sequence, { bytes: megabytes })));
  assert.deepEqual(taken, [true, true, true, false]);
  assert.equal(proposals.add(batch(5)), false, "it would leave a gap");
  proposals.take();
  for (const sequence of [4, 5]) assert.equal(proposals.add(batch(sequence)), true);
});

test("another term begins with nothing", () => {
  const proposals = queue(0);
  proposals.add(batch(1));
  proposals.reset();
  assert.ok(proposals.isEmpty && !proposals.isReady);
  proposals.begin([]);
  assert.equal(proposals.add(batch(1)), true);
});
