// Raft's log on a journal: commits, what is dropped, reading back, purging, and failures of the disk.

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { AdaptivePace } from "../../src/adapters/storage/journal/pace.ts";
import { encodeConfiguration } from "../../src/consensus/raft/configuration.ts";
import { failure, MemoryFiles } from "./support/memory-files.ts";
import {
  BLOCKING,
  CONFIGURATION,
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

const directories: string[] = [];
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))));

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "cabildo-log-"));
  directories.push(made);
  return made;
}

for (const [name, pace] of [
  ["on the loop", BLOCKING],
  ["in the thread pool", POOLED],
] as const) {
  test(`what was written is there after a restart, on real files (commits ${name})`, async () => {
    const dataDirectory = await directory();
    const first = await open(null, { dataDirectory, pace });
    assert.equal(first.recovered.lastIndex, 0);
    assert.deepEqual(first.recovered.snapshot, { index: 0, term: 0, configuration: CONFIGURATION });
    for (let index = 1; index <= 500; index++) {
      await written(
        first,
        request([entry(index, `entry ${index}`, index <= 300 ? 1 : 4)], { hardState: hardState(4, 2, index) }),
      );
    }
    await first.log.close();
    const second = await open(null, { dataDirectory, pace });
    assert.equal(second.incarnation, first.incarnation);
    assert.equal(second.recovered.lastIndex, 500);
    assert.deepEqual(second.recovered.hardState, hardState(4, 2, 500));
    assert.deepEqual(second.recovered.termStarts, [
      { index: 1, term: 1 },
      { index: 301, term: 4 },
    ]);
    const all = await readAll(second);
    assert.deepEqual(
      show(all),
      Array.from({ length: 500 }, (_, i) => `${i + 1}@${i < 300 ? 1 : 4} entry ${i + 1}`),
    );
    assert.ok((await readdir(dataDirectory)).filter((file) => file.startsWith("log-0")).length > 5, "several segments");
    await written(second, request([entry(501, "goes on", 4)]));
    await second.log.close();
    const third = await open(null, { dataDirectory, pace });
    assert.equal(third.recovered.lastIndex, 501);
    await third.log.close();
  });
}

test("requests of one turn are one commit; those made during a sync share the next", async () => {
  const files = new MemoryFiles();
  const storage = await open(files, { pace: POOLED });
  await settle();
  const syncs = () => files.counts.get("sync") ?? 0;
  const before = syncs();
  const done: number[] = [];
  const write = (index: number) => storage.log.write(request([entry(index)]), () => done.push(index));
  for (let index = 1; index <= 10; index++) write(index);
  await settle();
  assert.equal(syncs() - before, 1);
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);

  let release = () => {};
  files.fault = (operation) => (operation === "sync" ? new Promise((resolve) => (release = resolve)) : null);
  write(11);
  await settle();
  for (let index = 12; index <= 40; index++) {
    write(index);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(done.length, 10, "nobody is told while the sync is in flight");
  assert.equal(syncs() - before, 2);
  files.fault = () => null;
  release();
  await settle();
  assert.equal(syncs() - before, 3, "29 requests, one sync");
  assert.deepEqual(
    done,
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
});

test("a stalled disk holds the loop up once: commits go to the pool until it has proved itself", () => {
  const pace = new AdaptivePace();
  const note = (milliseconds: number, times: number) => {
    for (let i = 0; i < times; i++) pace.note(milliseconds);
  };
  note(0.1, 5);
  assert.equal(pace.isBlocking, true);
  pace.note(900);
  assert.equal(pace.isBlocking, false);
  note(0.2, 31);
  assert.equal(pace.isBlocking, false);
  note(0.2, 1);
  assert.equal(pace.isBlocking, true, "32 fast ones");
  pace.note(900);
  note(0.2, 63);
  assert.equal(pace.isBlocking, false, "each disappointment asks for a longer proof");
  pace.note(30);
  note(0.2, 63);
  assert.equal(pace.isBlocking, false, "another stall begins it anew");
  note(0.2, 1);
  assert.equal(pace.isBlocking, true);
});

test("a slow disk is left to the pool, a busy processor is not taken for one", () => {
  const slow = new AdaptivePace();
  for (let i = 0; i < 4; i++) slow.note(8);
  assert.equal(slow.isBlocking, false);
  for (let i = 0; i < 1000; i++) slow.note(8);
  assert.equal(slow.isBlocking, false);
  const busy = new AdaptivePace();
  for (let i = 0; i < 1000; i++) busy.note(i % 10 === 0 ? 6 : 0.2);
  assert.equal(busy.isBlocking, true);
});

test("dropped entries stay dropped, and those that took their place are read", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  await written(storage, request(entries(1, 20, 1)));
  await written(storage, request(entries(21, 300, 2))); // goes on in another segment
  await written(storage, request(entries(15, 30, 3), { truncateFrom: 15, hardState: hardState(3) }));
  assert.deepEqual(show(await storage.log.read(10, 20, 1 << 20)), show([...entries(10, 14, 1), ...entries(15, 20, 3)]));
  await written(storage, request([], { truncateFrom: 12 }));
  await written(storage, request(entries(12, 13, 4)));
  // in one turn: added, dropped again, added
  const turn = [
    written(storage, request(entries(14, 18, 4))),
    written(storage, request(entries(16, 17, 5), { truncateFrom: 16 })),
    written(storage, request([entry(18, "last", 5)])),
  ];
  await Promise.all(turn);
  const expected = show([...entries(1, 11, 1), ...entries(12, 15, 4), ...entries(16, 17, 5), entry(18, "last", 5)]);
  assert.deepEqual(show(await storage.log.read(1, 99, 1 << 20)), expected);
  await storage.log.close();
  const again = await open(files);
  assert.equal(again.recovered.lastIndex, 18);
  assert.deepEqual(again.recovered.termStarts, [
    { index: 1, term: 1 },
    { index: 12, term: 4 },
    { index: 16, term: 5 },
  ]);
  assert.deepEqual(show(await readAll(again)), expected);
});

test("reading is cut after the bytes asked for, but never empty", async () => {
  const storage = await open(new MemoryFiles());
  await written(storage, request(Array.from({ length: 50 }, (_, i) => entry(i + 1, "x".repeat(1000)))));
  assert.deepEqual(
    (await storage.log.read(7, 40, 2500)).map(({ index }) => index),
    [7, 8, 9],
  );
  assert.deepEqual(
    (await storage.log.read(7, 40, 1)).map(({ index }) => index),
    [7],
  );
  assert.deepEqual(await storage.log.read(51, 60, 1000), []);
  assert.equal((await storage.log.read(1, 50, 1 << 20)).length, 50);
});

test("configuration entries are told, without those that were dropped or that a snapshot covers", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  const named = (cluster: number) => ({ ...CONFIGURATION, cluster });
  const configuration = (index: number) =>
    ({ index, term: 1, kind: "configuration", payload: encodeConfiguration(named(index)) }) as const;
  for (const index of [1, 2, 3, 4]) await written(storage, request([configuration(index)]));
  await written(storage, request([entry(4)], { truncateFrom: 4 }));
  const writer = storage.snapshots.create({ index: 1, term: 1, configuration: named(1) });
  await writer.finish();
  await storage.log.close();
  const again = await open(files);
  assert.deepEqual(again.recovered.snapshot, { index: 1, term: 1, configuration: named(1) });
  assert.deepEqual(again.recovered.configurations, [
    { index: 2, configuration: named(2) },
    { index: 3, configuration: named(3) },
  ]);
  assert.deepEqual(again.recovered.termStarts, [{ index: 2, term: 1 }]);
  assert.equal(again.recovered.hardState.commitIndex, 1, "a snapshot is of what was committed");
});

test("a purge removes whole segments and loses neither later entries nor the vote", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  await written(storage, request([entry(1)], { hardState: hardState(7, 3, 1) }));
  for (let first = 2; first < 900; first += 10) await written(storage, request(entries(first, first + 9)));
  const size = storage.log.size;
  await storage.snapshots.create({ index: 500, term: 1, configuration: CONFIGURATION }).finish();
  storage.log.purge(500);
  await settle();
  assert.ok(storage.log.size < size * 0.7);
  assert.deepEqual(await storage.log.read(1, 10, 1000), []);
  assert.deepEqual(show(await storage.log.read(501, 901, 1 << 20)), show(entries(501, 901)));
  assert.ok(!files.paths().includes("/data/log-0000000001"));
  await storage.log.close();
  const again = await open(files);
  assert.deepEqual(again.recovered.hardState, hardState(7, 3, 500));
  assert.equal(again.recovered.snapshot.index, 500);
  assert.equal(again.recovered.lastIndex, 901);
  assert.deepEqual(again.recovered.termStarts, [{ index: 501, term: 1 }]);
  assert.deepEqual(show(await readAll(again)), show(entries(501, 901)));
});

test("the log is kept from the oldest retained snapshot on", async () => {
  const files = new MemoryFiles();
  const storage = await open(files, { retainSnapshots: 2 });
  for (let first = 1; first < 900; first += 10) await written(storage, request(entries(first, first + 9)));
  for (const index of [300, 600]) {
    await storage.snapshots.create({ index, term: 1, configuration: CONFIGURATION }).finish();
    storage.log.purge(index);
  }
  await settle();
  assert.equal((await storage.log.read(301, 301, 1))[0]?.index, 301);
  await storage.snapshots.create({ index: 800, term: 1, configuration: CONFIGURATION }).finish();
  storage.log.purge(800);
  await settle();
  assert.deepEqual(await storage.log.read(301, 301, 1), []);
  assert.equal((await storage.log.read(601, 601, 1))[0]?.index, 601);
});

test("after a leader's snapshot the log begins again behind it, also across a restart", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  await written(storage, request(entries(1, 400), { hardState: hardState(9, 2, 10) }));
  const snapshot = { index: 1000, term: 8, configuration: CONFIGURATION };
  const writer = storage.snapshots.create(snapshot);
  await writer.write(new Uint8Array(10));
  await writer.finish();
  await storage.log.restart(snapshot);
  assert.deepEqual(await storage.log.read(400, 400, 1), []);
  await written(storage, request(entries(1001, 1003, 9)));
  await settle();
  assert.deepEqual(
    files.paths().filter((path) => path.startsWith("/data/log-0")),
    ["/data/log-0000000003"],
  );
  await storage.log.close();
  const again = await open(files);
  assert.deepEqual(again.recovered.snapshot, snapshot);
  assert.deepEqual(again.recovered.hardState, hardState(9, 2, 1000));
  assert.deepEqual(show(await readAll(again)), show(entries(1001, 1003, 9)));
});

test("a failed sync is the end: nothing more is acknowledged, and nothing is tried again", async () => {
  for (const pace of [BLOCKING, POOLED]) {
    const files = new MemoryFiles();
    const storage = await open(files, { pace });
    await written(storage, request([entry(1)]));
    let syncs = 0;
    files.fault = (operation, path) =>
      operation === "sync" && path.includes("log-0") && ++syncs === 3 ? failure("EIO", path) : null;
    const done: number[] = [];
    for (let index = 2; index <= 9; index++) {
      storage.log.write(request([entry(index)]), () => done.push(index));
      await settle();
    }
    assert.deepEqual(done, [2, 3]);
    assert.equal(storage.failures.length, 1);
    assert.equal(syncs, 3, "not synced again");
    await storage.log.close();
  }
});

test("any other failure of a write is the end too", async () => {
  for (const pace of [BLOCKING, POOLED]) {
    const files = new MemoryFiles();
    const storage = await open(files, { pace });
    files.fault = (operation, path) => (operation === "write" ? failure("EIO", path) : null);
    let done = false;
    storage.log.write(request([entry(1)]), () => (done = true));
    await settle();
    assert.equal(done, false);
    assert.equal(storage.failures.length, 1);
  }
});

test("closing finishes what was asked for, and does not wait for room on a full disk", async () => {
  const files = new MemoryFiles();
  const storage = await open(files, { pace: POOLED });
  let done = 0;
  for (const index of [1, 2, 3]) storage.log.write(request([entry(index)]), () => done++);
  await storage.log.close();
  assert.equal(done, 3);
  const again = await open(files, { pace: POOLED });
  await settle();
  files.fault = (operation, path) => (operation === "write" ? failure("ENOSPC", path) : null);
  again.log.write(request([entry(4)]), () => done++);
  await settle();
  await again.log.close();
  assert.equal(done, 3);
  assert.deepEqual(again.failures, []);
  assert.equal(again.timers.count, 0);
});

test("an entry larger than a segment gets one of its own", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  const large = "y".repeat(100_000);
  await written(storage, request([entry(1), entry(2, large)]));
  await written(storage, request([entry(3)]));
  await storage.log.close();
  assert.deepEqual(show(await readAll(await open(files))), show([entry(1), entry(2, large), entry(3)]));
});

test("a gap in what is asked for is a bug, and told at once", async () => {
  const storage = await open(new MemoryFiles());
  assert.throws(() => storage.log.write(request([entry(2)]), () => {}), /gap/);
});
