// The log on a full disk: it waits for room, in order, and takes votes meanwhile where there is room for them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readIdentity } from "../../src/adapters/storage/identity.ts";
import { failure, MemoryFiles } from "./support/memory-files.ts";
import {
  BLOCKING,
  entries,
  entry,
  hardState,
  open,
  POOLED,
  readAll,
  request,
  settle,
  show,
  written,
} from "./support/storage.ts";

test("a full disk: what was asked for waits, in order, and is done when there is room", async () => {
  for (const pace of [BLOCKING, POOLED]) {
    const files = new MemoryFiles();
    const storage = await open(files, { pace });
    await written(storage, request([entry(1)]));
    files.fault = (operation, path) => (operation === "write" ? failure("ENOSPC", path) : null);
    files.partialBytes = 100; // some of it is written all the same
    const done: number[] = [];
    for (const index of [2, 3]) storage.log.write(request([entry(index)]), () => done.push(index));
    await settle();
    storage.log.write(request([entry(4)]), () => done.push(4));
    await settle();
    storage.timers.elapse();
    await settle();
    assert.deepEqual(done, []);
    assert.deepEqual(storage.full, [true], "told once");
    files.fault = () => null;
    storage.timers.elapse();
    await settle();
    assert.deepEqual(done, [2, 3, 4]);
    assert.deepEqual(storage.full, [true, false]);
    assert.deepEqual(storage.failures, []);
    await storage.log.close();
    assert.deepEqual(show(await readAll(await open(files))), show([1, 2, 3, 4].map((index) => entry(index))));
  }
});

test("a disk that fills up is met when the next segment is prepared, while there is room for votes in this one", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  files.fault = (operation, path) => (operation === "write" && path.endsWith("spare") ? failure("ENOSPC", path) : null);
  let index = 0;
  while (storage.full.length === 0) {
    await written(storage, request([entry(++index)]));
    await settle();
  }
  assert.deepEqual(storage.full, [true]);
  await written(storage, request([], { hardState: hardState(5, 2) })); // still possible
  let done = 0;
  let asked = 0;
  while (done === asked) {
    asked++;
    storage.log.write(request([entry(++index)]), () => done++);
    await settle();
  }
  assert.ok(asked > 3, "the rest of the segment was used");
  assert.ok(!files.paths().includes("/data/log-spare"), "what could not be finished takes no room");
  files.fault = () => null;
  storage.timers.elapse();
  await settle();
  assert.equal(done, asked);
  assert.deepEqual(storage.full, [true, false]);
  await storage.log.close();
  assert.equal((await readAll(await open(files))).length, index);
});

test("a member starts on a full disk, to be read from, and takes writes when there is room", async () => {
  const files = new MemoryFiles();
  const first = await open(files);
  await written(first, request(entries(1, 5)));
  await first.log.close();
  files.fault = (operation, path) =>
    (operation === "write" || operation === "open") && path.includes("spare") ? failure("ENOSPC", path) : null;
  const second = await open(files);
  await settle();
  assert.deepEqual(second.full, [true]);
  assert.equal((await readAll(second)).length, 5);
  let done = false;
  second.log.write(request([entry(6)]), () => (done = true));
  await settle();
  assert.equal(done, false);
  files.fault = () => null;
  second.timers.elapse();
  await settle();
  assert.equal(done, true);
  await second.log.close();
});

test("the format of the directory waits for room, of the disk or of this user's share of it", async () => {
  for (const code of ["ENOSPC", "EDQUOT"]) {
    const files = new MemoryFiles();
    const storage = await open(files);
    files.fault = (operation, path) =>
      operation === "write" && path.includes("identity") ? failure(code, path) : null;
    storage.requireLevel(1);
    await settle();
    assert.deepEqual(storage.failures, [], code);
    files.fault = () => null;
    storage.timers.elapse();
    await settle();
    const identity = await readIdentity(files, "/data", 1);
    assert.equal(identity?.format, 2, code);
    await storage.log.close();
  }
});
