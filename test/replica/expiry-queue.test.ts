import assert from "node:assert/strict";
import { test } from "node:test";
import { ExpiryQueue } from "../../src/replica/expiry-queue.ts";

test("a lease lives its whole timeout, and not much longer", () => {
  const clock = new ExpiryQueue();
  clock.renew(1, 1000);
  assert.deepEqual(clock.advance(999), []);
  let passed = 999;
  let expired: number[] = [];
  while (expired.length === 0 && passed < 5000) {
    expired = clock.advance(50);
    passed += 50;
  }
  assert.deepEqual(expired, [1]);
  assert.ok(passed <= 1300, `expired only after ${passed} ms`);
});

test("a renewal begins the full time again", () => {
  const clock = new ExpiryQueue();
  clock.renew(1, 1000);
  for (let i = 0; i < 20; i++) {
    assert.deepEqual(clock.advance(900), []);
    clock.renew(1, 1000);
  }
});

test("a timeout that is shortened counts from then on", () => {
  const clock = new ExpiryQueue();
  clock.renew(1, 1_000_000);
  clock.renew(1, 1000);
  assert.deepEqual(clock.advance(1200), [1]);
  clock.renew(1, 1000);
  clock.renew(1, 5000);
  assert.deepEqual(clock.advance(4900), [], "and one that is lengthened too");
  assert.deepEqual(clock.advance(300), [1]);
  assert.deepEqual(clock.advance(900), [], "it runs out once");
});

test("a forgotten lease is not heard of again", () => {
  const clock = new ExpiryQueue();
  clock.renew(1, 1000);
  clock.forget(1);
  assert.deepEqual(clock.advance(10_000), []);
});

test("an expiry that came to nothing is proposed again", () => {
  const clock = new ExpiryQueue();
  clock.renew(1, 1000);
  assert.deepEqual(clock.advance(1300), [1]);
  assert.deepEqual(clock.advance(500), []);
  assert.deepEqual(clock.advance(1000), [1]);
});

test("a hundred thousand leases end each in their own time", () => {
  const clock = new ExpiryQueue();
  for (let id = 0; id < 100_000; id++) clock.renew(id, 1000 + (id % 50) * 100);
  let passed = 0;
  let count = 0;
  while (passed < 7000) {
    passed += 40;
    for (const id of clock.advance(40)) {
      const timeout = 1000 + (id % 50) * 100;
      assert.ok(passed >= timeout && passed <= timeout + 300, `lease of ${timeout} ms ended after ${passed}`);
      clock.forget(id);
      count++;
    }
  }
  assert.equal(count, 100_000);
});

test("a lease renewed between two steps of time lives its whole timeout from then", () => {
  const clock = new ExpiryQueue(400);
  clock.advance(400);
  clock.renew(1, 1000); // it may be nearly 800 by now: the next step will tell
  let now = 400;
  while (clock.advance(400).length === 0 && now < 10_000) now += 400;
  assert.ok(now + 400 - 800 >= 1000 && now < 3000, `it ended at ${now + 400}`);
});
