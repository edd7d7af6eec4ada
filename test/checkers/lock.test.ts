// The lock as a model: one holder at a time, tokens that only grow, and a resource that remembers the largest.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLinearizable } from "../../src/checkers/linearizability.ts";
import type { Operation } from "../../src/checkers/model.ts";
import { type LockInput, type LockOutput, lock } from "../../src/checkers/models/lock.ts";

const acquire: LockInput = { kind: "acquire", lock: "l" };
const release = (token: number | null): LockInput => ({ kind: "release", lock: "l", token });
const use = (token: number): LockInput => ({ kind: "use", lock: "l", token });
const acquired = (token: number): LockOutput => ({ kind: "acquired", token });
const done: LockOutput = { kind: "done" };
const rejected: LockOutput = { kind: "rejected" };

type Exchange = readonly [input: LockInput, output: LockOutput | "never answered"];

function verdictOf(...exchanges: readonly Exchange[]): string {
  const history = exchanges.map(([input, output], turn): Operation<LockInput, LockOutput> => {
    const asked = { client: "a", input, call: 10 * turn };
    return output === "never answered" ? { ...asked, return: null } : { ...asked, output, return: 10 * turn + 5 };
  });
  return checkLinearizable(lock, history).verdict;
}

test("one holder after the other, each with a larger token", () => {
  const first: Exchange[] = [
    [acquire, acquired(4)],
    [acquire, rejected],
    [use(4), done],
    [release(4), done],
    [release(4), rejected],
  ];
  assert.equal(verdictOf(...first, [acquire, acquired(9)], [use(9), done]), "linearizable");
  assert.equal(verdictOf(...first, [acquire, acquired(4)]), "violated", "the same token again");
  assert.equal(verdictOf(...first, [acquire, acquired(3)]), "violated", "a smaller one");
  assert.equal(verdictOf(...first, [acquire, rejected]), "violated", "turned down though it is free");
  assert.equal(verdictOf([acquire, acquired(1)], [acquire, acquired(2)]), "violated", "two holders");
  assert.equal(verdictOf([acquire, acquired(1)], [release(2), done]), "violated", "released by another");
  assert.equal(verdictOf([acquire, acquired(1)], [release(1), rejected]), "violated", "kept though released");
});

test("the guarded resource takes no token older than one it has seen", () => {
  const lost: Exchange[] = [
    [acquire, acquired(1)],
    [release(1), "never answered"],
    [acquire, acquired(2)],
  ];
  assert.equal(verdictOf(...lost, [use(1), done], [use(2), done], [use(1), rejected]), "linearizable");
  assert.equal(verdictOf(...lost, [use(2), done], [use(1), done]), "violated");
  assert.equal(verdictOf(...lost, [use(2), done], [use(2), rejected]), "violated");
  assert.equal(
    verdictOf(...lost, [use(2), done], [use(1), "never answered"], [use(1), done]),
    "violated",
    "an old token that nobody heard of again has changed nothing",
  );
});

test("whoever was never told that he holds it has used up a token, until he is found to be gone", () => {
  const taken: Exchange[] = [
    [acquire, acquired(1)],
    [release(1), done],
    [acquire, "never answered"],
    [acquire, rejected],
  ];
  const gone: Exchange = [release(null), "never answered"];
  assert.equal(verdictOf(...taken, gone, [acquire, acquired(3)]), "linearizable");
  assert.equal(verdictOf(...taken, gone, [acquire, acquired(2)]), "violated", "2 was the least the unseen one had");
  assert.equal(verdictOf(...taken, [acquire, acquired(3)]), "violated", "nobody released it");
  assert.equal(
    verdictOf(...taken, [release(2), done], [acquire, acquired(3)]),
    "linearizable",
    "he read his token later",
  );
  assert.equal(verdictOf(...taken, [release(1), done]), "violated", "not with an older token");
});
