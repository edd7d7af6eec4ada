// What is in memory, what is on the disk, and what a leader may have in flight.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Tail } from "../../../src/consensus/raft/tail.ts";
import { Terms } from "../../../src/consensus/raft/terms.ts";
import { entryOf } from "./entries.ts";
import { Stage } from "./stage.ts";

test("a slice is cut by bytes, but never to none", () => {
  const tail = new Tail(5);
  for (let index = 5; index < 10; index++) tail.push(entryOf(index, 1, "0123456789"));
  const cut = (from: number, to: number, bytesMax: number): number[] =>
    tail.slice(from, to, bytesMax).map(({ index }) => index);
  assert.deepEqual(cut(5, 9, 1), [5]);
  assert.deepEqual(cut(5, 9, 84), [5, 6]);
  assert.deepEqual(cut(6, 8, 1000), [6, 7, 8]);
  assert.deepEqual(cut(6, 99, 1000), [6, 7, 8, 9]);
  assert.deepEqual(cut(4, 9, 1000), [], "it is on the disk only");
  assert.deepEqual(cut(10, 12, 1000), []);
});

test("the tail gives up its oldest entries only as far as it is told, and only beyond its bound", () => {
  const tail = new Tail(1);
  for (let index = 1; index <= 300; index++) tail.push(entryOf(index, 1, "0123456789"));
  tail.shrink(200, 42 * 50);
  assert.equal(tail.first, 151);
  assert.equal(tail.next, 301);
  assert.equal(tail.bytesBetween(150, 300), 42 * 150);
  assert.equal(tail.bytesBetween(0, 160), 42 * 10);
  assert.deepEqual(
    tail.slice(151, 152, 1000).map(({ index }) => index),
    [151, 152],
  );
  tail.truncate(160);
  assert.equal(tail.next, 160);
  tail.push(entryOf(160, 2, "x"));
  tail.truncate(100);
  assert.deepEqual([tail.first, tail.next], [100, 100]);
});

test("terms are found by their runs, and agreement is looked for below what conflicts", () => {
  const terms = new Terms({ index: 10, term: 2 });
  for (const [index, term] of [[11, 2], [12, 4], [13, 4], [14, 7]] as const) terms.note(index, term); // biome-ignore format: a table
  assert.deepEqual(
    [9, 10, 11, 12, 13, 14].map((index) => terms.at(index)),
    [-1, 2, 2, 4, 4, 7],
  );
  assert.equal(terms.lastAtMost(14, 5), 13);
  assert.equal(terms.lastAtMost(12, 5), 12);
  assert.equal(terms.lastAtMost(14, 3), 11);
  assert.equal(terms.lastAtMost(14, 1), 9, "none that is known");
  assert.equal(terms.lastAtMost(4, 9), 4);
  terms.truncate(13);
  terms.note(13, 9);
  terms.trim(12);
  assert.deepEqual(
    [11, 12, 13].map((index) => terms.at(index)),
    [-1, 4, 9],
  );
});

test("followers at the same point get the same message, to be encoded once", () => {
  const stage = Stage.formed([1, 2, 3]);
  stage.elect(1);
  for (const act of [() => stage.propose(1, "x"), () => stage.tick(1, 3), () => stage.read(1, 1)]) {
    stage.letters = [];
    act();
    assert.equal(stage.letters.length, 2);
    assert.equal(stage.letters[0]?.message, stage.letters[1]?.message);
    stage.settle();
  }
});

test("a leader refuses proposals while too much is uncommitted, and takes them again when it is not", () => {
  const stage = Stage.formed([1, 2, 3], { uncommittedBytesMax: 200 });
  stage.elect(1);
  for (const id of [2, 3]) stage.isolate(id);
  let taken = 0;
  while (stage.raft(1).canPropose && taken < 20) {
    stage.propose(1, "x".repeat(30));
    taken++;
  }
  assert.ok(taken > 1 && taken < 6);
  const { lastIndex } = stage.raft(1);
  stage.propose(1, "one too many");
  assert.equal(stage.raft(1).lastIndex, lastIndex);
  stage.heal();
  stage.heartbeat(1);
  assert.equal(stage.raft(1).canPropose, true);
});

test("entries leave memory when they are applied and durable, not before", () => {
  const stage = Stage.formed([1, 2, 3], { tailBytesMax: 0 });
  stage.elect(1);
  stage.propose(1, "x");
  stage.settle([1]);
  const inMemory = (): number => stage.raft(1).entriesInMemory(2, 2, 1000).length;
  assert.equal(stage.raft(1).commitIndex, 2);
  stage.input(1, { kind: "applied", index: 2 });
  assert.equal(inMemory(), 1, "committed by the others and applied, not yet durable here");
  stage.persist(1);
  assert.equal(inMemory(), 0);
});

test("one sync of many appends is acknowledged once", () => {
  const stage = Stage.formed([1, 2, 3]);
  stage.elect(1);
  for (const text of ["a", "b", "c"]) stage.propose(1, text);
  stage.deliver(1, 2);
  stage.machines
    .get(2)!
    .writes.splice(0, 2)
    .forEach(({ write }) => {
      write();
    });
  stage.persist(2);
  const replies = stage.letters.filter(({ from }) => from === 2);
  assert.deepEqual(
    replies.map(({ message }) => (message.kind === "append-reply" ? message.index : null)),
    [4],
  );
});

test("what a follower within reach still needs is told, so that it is not purged", () => {
  const stage = Stage.formed([1, 2, 3]);
  stage.elect(1);
  stage.isolate(3);
  stage.propose(1, "x", "y");
  stage.settle();
  assert.equal(stage.raft(1).neededFrom, 2);
  assert.equal(stage.raft(2).neededFrom, 4);
  for (let i = 0; i < 12; i++) {
    stage.tick(1);
    stage.settle();
  }
  assert.equal(stage.raft(1).neededFrom, 4, "one out of reach is not waited for");
});
