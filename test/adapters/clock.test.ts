import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/adapters/clock.ts";

test("the clock runs forward, defers to after the input of this turn, and calls off what it was to do", async () => {
  const began = systemClock.now();
  assert.ok(Math.abs(systemClock.wall() - Date.now()) < 1000);
  const order: string[] = [];
  const cancel = systemClock.after(5, () => order.push("called off"));
  await new Promise<void>((resolve) => {
    systemClock.after(20, () => {
      order.push("after");
      resolve();
    });
    systemClock.defer(() => order.push("deferred"));
    process.nextTick(() => order.push("this turn"));
    cancel();
  });
  assert.deepEqual(order, ["this turn", "deferred", "after"]);
  assert.ok(systemClock.now() - began >= 15);
});
