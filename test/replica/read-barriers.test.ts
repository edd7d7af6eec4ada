// Reads on their way to being linearizable.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadBarriers } from "../../src/replica/read-barriers.ts";

function asked(): { barriers: ReadBarriers; answers: string[]; question: number } {
  const barriers = new ReadBarriers();
  const answers: string[] = [];
  const add = (name: string, lease: number | null): void => {
    barriers.add((error) => answers.push(`${name}: ${error?.code ?? "may read"}`), lease);
  };
  add("one", null);
  add("two", 77);
  const question = barriers.ask(1000);
  assert.ok(question !== null);
  assert.deepEqual(question.leases, [77]);
  return { barriers, answers, question: question.context };
}

test("the reads of a turn share a question, and are answered when the state is as far as the leader was", () => {
  const { barriers, answers, question } = asked();
  assert.equal(barriers.ask(1000), null, "nothing more to ask");
  barriers.onReadable(question, 10, 8);
  assert.deepEqual(answers, []);
  barriers.onApplied(9);
  assert.deepEqual(answers, []);
  barriers.onApplied(11);
  assert.deepEqual(answers, ["one: may read", "two: may read"]);
});

test("a question is asked again under another number, and the answer to the first then means nothing", () => {
  const { barriers, answers, question } = asked();
  assert.deepEqual(barriers.askAgain(1100), []);
  const [again] = barriers.askAgain(1600);
  assert.ok(again !== undefined && again.context !== question);
  assert.deepEqual(again.leases, [77], "whom the leader is to hear of is told again as well");
  barriers.onReadable(question, 10, 10);
  assert.deepEqual(answers, []);
  barriers.onReadable(again.context, 12, 12);
  assert.deepEqual(answers, ["one: may read", "two: may read"]);
});

test("what nobody answers in ten seconds is refused, once", () => {
  const { barriers, answers } = asked();
  for (let now = 1000; now <= 12_000; now += 500) barriers.askAgain(now);
  assert.deepEqual(answers, ["one: no-quorum", "two: no-quorum"]);
  barriers.refuseAll();
  assert.equal(answers.length, 2);
});

test("what the state does not get to in ten seconds is refused, once, and keeps nothing", () => {
  const { barriers, answers, question } = asked();
  barriers.onReadable(question, 2 ** 50, 8);
  for (let now = 1000; now < 11_000; now += 100) assert.deepEqual(barriers.askAgain(now), []);
  assert.deepEqual(answers, [], "it may be behind");
  barriers.askAgain(11_000);
  assert.deepEqual(answers, ["one: no-quorum", "two: no-quorum"]);
  barriers.onApplied(2 ** 50);
  barriers.refuseAll();
  assert.equal(answers.length, 2);
});

test("reads that are asked later have their own deadline, and a lower index is met all the same", () => {
  const { barriers, answers, question } = asked();
  barriers.onReadable(question, 2 ** 50, 8);
  barriers.add((error) => answers.push(`three: ${error?.code ?? "may read"}`), null);
  const later = barriers.ask(5000)!;
  barriers.onReadable(later.context, 9, 8);
  barriers.onApplied(9);
  assert.deepEqual(answers, ["three: may read"]);
  barriers.askAgain(11_000);
  assert.deepEqual(answers, ["three: may read", "one: no-quorum", "two: no-quorum"]);
});

test("a member that stops refuses all of them, wherever they are", () => {
  const { barriers, answers, question } = asked();
  barriers.onReadable(question, 10, 8);
  barriers.add((error) => answers.push(`three: ${error?.code}`), null);
  barriers.ask(1000);
  barriers.add((error) => answers.push(`four: ${error?.code}`), null);
  barriers.refuseAll();
  assert.deepEqual(answers.sort(), ["four: no-quorum", "one: no-quorum", "three: no-quorum", "two: no-quorum"]);
});
