import assert from "node:assert/strict";
import { test } from "node:test";
import { bothOf, majorityOf, reachedByMajority, tallyOf } from "../../src/consensus/index.ts";

test("any two majorities meet, and no fewer members do", () => {
  for (let count = 1; count <= 9; count++) {
    assert.ok(2 * majorityOf(count) > count);
    assert.ok(2 * (majorityOf(count) - 1) <= count);
  }
});

test("a majority reaches the value in the middle", () => {
  assert.equal(reachedByMajority([5]), 5);
  assert.equal(reachedByMajority([9, 5]), 5);
  assert.equal(reachedByMajority([3, 9, 5]), 5);
  assert.equal(reachedByMajority([1, 9, 7, 3]), 3);
  assert.equal(reachedByMajority([0, 0, 8, 8, 8]), 8);
  assert.equal(reachedByMajority([0, 0, 0, 8, 8]), 0);
  assert.equal(reachedByMajority([]), Number.POSITIVE_INFINITY);
});

test("for every small set of values, a majority holds what is reached and no majority holds more", () => {
  for (let code = 0; code < 4 ** 5; code++) {
    const values = Array.from({ length: 1 + (code % 5) }, (_, i) => Math.floor(code / 4 ** i) % 4);
    const reached = reachedByMajority([...values]);
    const holding = (value: number): number => values.filter((each) => each >= value).length;
    assert.ok(holding(reached) >= majorityOf(values.length));
    assert.ok(holding(reached + 1) < majorityOf(values.length));
  }
});

test("a vote is won or lost as soon as the rest cannot change it", () => {
  assert.equal(tallyOf(3, 2, 0), "won");
  assert.equal(tallyOf(3, 1, 1), "pending");
  assert.equal(tallyOf(3, 1, 2), "lost");
  assert.equal(tallyOf(4, 2, 1), "pending");
  assert.equal(tallyOf(4, 2, 2), "lost");
  assert.equal(tallyOf(0, 0, 0), "won");
});

test("a joint vote needs both halves", () => {
  assert.equal(bothOf("won", "won"), "won");
  assert.equal(bothOf("won", "pending"), "pending");
  assert.equal(bothOf("pending", "lost"), "lost");
});
