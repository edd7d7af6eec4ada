// Figures, printed; the bounds are far above them, to catch only what went badly wrong.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { after, test } from "node:test";
import { entry, open, request, written } from "./support/storage.ts";

const directories: string[] = [];
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))));

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "cabildo-speed-"));
  directories.push(made);
  return made;
}

test("a new member's storage is open within a moment", async (t) => {
  const dataDirectory = await directory();
  const began = performance.now();
  const storage = await open(null, { dataDirectory, segmentBytes: 64 * 1024 * 1024 });
  const took = performance.now() - began;
  t.diagnostic(`new: ${took.toFixed(1)} ms`);
  assert.ok(took < 1000);
  await storage.log.close();
});

test("a million small entries are found again quickly, and held in no memory", async (t) => {
  const dataDirectory = await directory();
  const options = { dataDirectory, segmentBytes: 64 * 1024 * 1024 };
  const first = await open(null, options);
  const payload = "x".repeat(100);
  const began = performance.now();
  for (let index = 1; index <= 1_000_000; index += 100) {
    await written(first, request(Array.from({ length: 100 }, (_, i) => entry(index + i, payload))));
  }
  const wrote = performance.now() - began;
  await first.log.close();
  const heap = process.memoryUsage().heapUsed;
  const started = performance.now();
  const again = await open(null, options);
  const took = performance.now() - started;
  const grown = (process.memoryUsage().heapUsed - heap) / 2 ** 20;
  assert.equal(again.recovered.lastIndex, 1_000_000);
  t.diagnostic(`written: 10,000 commits in ${wrote.toFixed(0)} ms, ${(wrote / 10).toFixed(0)} µs each`);
  t.diagnostic(
    `recovered: 1,000,000 entries, ${(again.log.size / 2 ** 20).toFixed(0)} MiB, in ${took.toFixed(0)} ms; ${grown.toFixed(1)} MiB more heap`,
  );
  assert.ok(took < 10_000);
  const readBegan = performance.now();
  const middle = await again.log.read(654_321, 655_000, 1 << 20);
  t.diagnostic(`read 680 from the middle in ${(performance.now() - readBegan).toFixed(1)} ms`);
  assert.equal(middle.length, 680);
  await again.log.close();
});
