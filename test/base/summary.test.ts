import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { Summary } from "../../src/base/summary.ts";

const MINUTE_MS = 60_000;

function summaryAt(start = 1_000_000): { readonly summary: Summary; pass(milliseconds: number): void } {
  let now = start;
  const summary = new Summary(() => now);
  return { summary, pass: (milliseconds) => (now += milliseconds) };
}

test("nothing counted: no quantile, and zeros", () => {
  const { summary } = summaryAt();
  assert.deepEqual([summary.count, summary.sum, summary.min, summary.max, summary.average], [0, 0, 0, 0, 0]);
  assert.ok(Number.isNaN(summary.quantile(0.5)));
});

test("a quantile is within 1/32 of the value it stands for, from microseconds to half an hour", () => {
  const random = seededRandom(7);
  const { summary } = summaryAt();
  const values: number[] = [];
  for (let i = 0; i < 5000; i++) {
    const value = 0.02 * 2 ** (random.below(2600) / 100);
    values.push(value);
    summary.add(value);
  }
  values.sort((one, other) => one - other);
  for (const share of [0, 0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = values[Math.max(1, Math.ceil(share * values.length)) - 1]!;
    const told = summary.quantile(share);
    assert.ok(Math.abs(told - exact) <= exact / 32 + 1 / 1024, `${share}: ${told}, not ${exact}`);
  }
});

test("equal values are told exactly", () => {
  for (const value of [0, 1, 3, 17, 1226]) {
    const { summary } = summaryAt();
    for (let i = 0; i < 3; i++) summary.add(value);
    for (const share of [0.5, 0.9, 0.99]) assert.equal(summary.quantile(share), value);
  }
});

test("quantiles forget after ten minutes, count and sum do not", () => {
  const { summary, pass } = summaryAt();
  summary.add(100);
  pass(7 * MINUTE_MS);
  summary.add(10);
  assert.equal(Math.round(summary.quantile(1)), 100);
  pass(3 * MINUTE_MS);
  assert.equal(Math.round(summary.quantile(1)), 10);
  pass(1000 * MINUTE_MS);
  assert.ok(Number.isNaN(summary.quantile(0.5)));
  assert.deepEqual([summary.count, summary.sum, summary.min, summary.max], [2, 110, 10, 100]);
});

test("after a long silence nothing of old windows comes back", () => {
  for (const minutes of [2, 4, 9, 10, 11, 13, 61]) {
    const { summary, pass } = summaryAt(0);
    for (let i = 0; i < 5; i++) {
      summary.add(1000);
      pass(2 * MINUTE_MS);
    }
    pass(minutes * MINUTE_MS);
    summary.add(1);
    const isForgotten = minutes + 2 >= 10; // the last of them came two minutes before
    assert.equal(summary.quantile(1) < 2, isForgotten, `${minutes} minutes`);
  }
});

test("a value that cannot be, or is too large for a bucket, is counted all the same", () => {
  const { summary } = summaryAt();
  for (const value of [-5, 1e12, Number.NaN]) summary.add(value);
  assert.equal(summary.count, 3);
  assert.equal(summary.min, 0);
  assert.equal(summary.max, 1e12);
  assert.equal(summary.quantile(0.5), 0);
  assert.ok(summary.quantile(1) > 2 ** 20);
});

test("a reset begins anew", () => {
  const { summary } = summaryAt();
  summary.add(5);
  summary.reset();
  assert.equal(summary.count, 0);
  assert.ok(Number.isNaN(summary.quantile(0.5)));
  summary.add(2);
  assert.equal(summary.min, 2);
});
