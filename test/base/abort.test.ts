import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { whenAborted } from "../../src/base/abort.ts";

test("many wait for one signal, with one listener on it; each is told once, unless it waits no longer", () => {
  const ending = new AbortController();
  const told: number[] = [];
  const stops = Array.from({ length: 20 }, (_, i) =>
    whenAborted(ending.signal, () => {
      told.push(i);
      if (i === 3) stops[4]!();
    }),
  );
  assert.equal(getEventListeners(ending.signal, "abort").length, 1);
  for (const stop of stops.slice(5)) stop();
  ending.abort();
  stops[0]!();
  assert.deepEqual(told, [0, 1, 2, 3]);

  const other = new AbortController();
  const stop = whenAborted(other.signal, () => {});
  stop();
  stop();
  assert.equal(getEventListeners(other.signal, "abort").length, 0);
});
