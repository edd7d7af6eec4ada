import assert from "node:assert/strict";
import { test } from "node:test";
import { SyncTimes } from "../../src/adapters/storage/journal/sync-times.ts";
import { MemoryFiles } from "./support/memory-files.ts";
import { BLOCKING, entries, open, POOLED, request, written } from "./support/storage.ts";

function measured(slowMs: number) {
  const lines: string[] = [];
  const logger = { info() {}, warn: (line: string) => lines.push(line), error() {} };
  return { times: new SyncTimes(slowMs, logger, () => 0), lines };
}

test("every sync is counted once, in the first bucket that holds it", () => {
  const { times } = measured(1000);
  for (const milliseconds of [0.1, 0.125, 0.13, 1, 1.5, 9000]) times.note(milliseconds, 0);
  const counted = times.counts.flatMap((count, i) => (count === 0 ? [] : [[times.bounds[i] ?? "beyond", count]]));
  assert.deepEqual(counted, [
    [0.000125, 2],
    [0.00025, 1],
    [0.001, 1],
    [0.002, 1],
    ["beyond", 1],
  ]);
  assert.ok(Math.abs(times.sum - 9.002855) < 1e-9);
});

test("a slow sync is told with what to compare it to, at most once in ten seconds, and none is forgotten", () => {
  const { times, lines } = measured(50);
  times.note(50, 0);
  assert.deepEqual(lines, []);
  for (const now of [1, 2, 3, 9_000]) times.note(80, now);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /took 80 ms, more than fsync\.warningthresholdms \(50 ms\)/);
  times.note(300, 10_001);
  assert.match(lines[1]!, /took 300 ms.*\(and 3 more slow ones before it\)/);
  times.note(80, 30_000);
  assert.doesNotMatch(lines[2]!, /more slow ones/);
});

for (const pace of [BLOCKING, POOLED]) {
  test(`the log counts its syncs, one for all that waited together (${pace === BLOCKING ? "on the loop" : "pooled"})`, async () => {
    const storage = await open(new MemoryFiles(), { pace, slowSyncMs: 1000 });
    const count = () => storage.log.syncDurations!.counts.reduce((sum, some) => sum + some, 0);
    assert.equal(count(), 0);
    await written(storage, request(entries(1, 2)));
    assert.equal(count(), 1);
    await Promise.all([written(storage, request(entries(3, 4))), written(storage, request(entries(5, 6)))]);
    assert.equal(count(), 2);
    assert.ok(storage.log.syncDurations!.sum > 0);
    await storage.log.close();
  });
}
