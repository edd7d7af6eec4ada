import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CoordinationError } from "../../src/base/errors.ts";
import type { SnapshotMeta } from "../../src/consensus/raft/types.ts";
import type { Snapshots } from "../../src/replica/ports.ts";
import { failure, MemoryFiles } from "./support/memory-files.ts";
import {
  CONFIGURATION,
  entries,
  open,
  readAll,
  request,
  settle,
  show,
  type TestStorage,
  written,
} from "./support/storage.ts";

const directories: string[] = [];
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))));

function meta(index: number): SnapshotMeta {
  return { index, term: 1, configuration: { ...CONFIGURATION, cluster: index } };
}

function payload(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}

async function take(snapshots: Snapshots, index: number, bytes: Uint8Array, pieces = 10_000): Promise<void> {
  const writer = snapshots.create(meta(index));
  for (let at = 0; at < bytes.length; at += pieces) await writer.write(bytes.subarray(at, at + pieces));
  await writer.finish();
}

async function streamed(snapshots: Snapshots, index: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of snapshots.stream(index)) parts.push(part);
  return Buffer.concat(parts);
}

async function withEntries(files: MemoryFiles, last: number): Promise<TestStorage> {
  const storage = await open(files);
  for (let first = 1; first <= last; first += 20) await written(storage, request(entries(first, first + 19)));
  return storage;
}

test("a snapshot comes back as it was given, however large and however cut, on real files", async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), "cabildo-snapshots-"));
  directories.push(dataDirectory);
  const storage = await open(null, { dataDirectory, retainSnapshots: 9 });
  const lengths = [0, 1, 65535, 65536, 65537, 16 * 65536, 3_000_001];
  for (const [position, length] of lengths.entries()) {
    await take(storage.snapshots, position + 1, payload(length), [7, 65536, 10_000_000][position % 3]);
    assert.deepEqual(storage.snapshots.latest(), meta(position + 1));
    assert.ok((await streamed(storage.snapshots, position + 1)).equals(payload(length)), `${length} bytes`);
  }
  await storage.log.close();
  const again = await open(null, { dataDirectory, retainSnapshots: 9 });
  assert.deepEqual(again.recovered.snapshot, meta(lengths.length));
  for (const [position, length] of lengths.entries()) {
    assert.ok(
      (await streamed(again.snapshots, position + 1)).equals(payload(length)),
      `${length} bytes after a restart`,
    );
  }
  await again.log.close();
});

test("a follower that writes the chunks it reads has the same snapshot", async () => {
  const [leader, follower] = [await open(new MemoryFiles()), await open(new MemoryFiles(), { member: 2 })];
  const bytes = payload(500_000);
  await take(leader.snapshots, 7, bytes);
  const writer = follower.snapshots.create(meta(7));
  for (let offset = 0; ; ) {
    const part = await leader.snapshots.read(7, offset, 77_777);
    assert.ok(part !== null && part.data.length <= 77_777);
    await writer.write(part.data);
    offset += part.data.length;
    if (part.done) break;
    assert.equal(follower.snapshots.latest(), null, "it does not exist before it is whole");
  }
  await writer.finish();
  assert.deepEqual(follower.snapshots.latest(), meta(7));
  assert.ok((await streamed(follower.snapshots, 7)).equals(bytes));
  assert.deepEqual(await leader.snapshots.read(7, bytes.length, 10), { data: new Uint8Array(0), done: true });
  assert.equal(await leader.snapshots.read(8, 0, 10), null, "there is none of that index");
});

test("the newest few are retained, and one that goes while it is read is told as gone", async () => {
  const files = new MemoryFiles();
  const storage = await open(files, { retainSnapshots: 2 });
  for (const index of [1, 2, 3]) await take(storage.snapshots, index, payload(100_000));
  const names = () => files.paths().filter((path) => path.includes("snapshot"));
  assert.deepEqual(names(), ["/data/snapshot-2-1", "/data/snapshot-3-1"]);
  assert.equal(storage.snapshots.sizeOf(2), 100_000);
  assert.equal(storage.snapshots.sizeOf(1), null);
  assert.equal(
    storage.snapshots.size,
    names().reduce((sum, path) => sum + files.bytes(path).length, 0),
  );
  assert.ok(await storage.snapshots.read(2, 0, 10));
  await take(storage.snapshots, 4, payload(10));
  assert.equal(await storage.snapshots.read(2, 10, 10), null);
});

test("an abandoned snapshot leaves nothing, and an unfinished one is gone at the next start", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  const abandoned = storage.snapshots.create(meta(5));
  await abandoned.write(payload(2_000_000));
  assert.ok(files.paths().some((path) => path.endsWith(".unfinished")));
  await abandoned.abandon();
  assert.ok(!files.paths().some((path) => path.includes("snapshot")));
  const unfinished = storage.snapshots.create(meta(6));
  await unfinished.write(payload(2_000_000));
  await storage.log.close();
  const again = await open(files);
  assert.equal(again.snapshots.latest(), null);
  assert.ok(!files.paths().some((path) => path.includes("snapshot")));
});

test("no room for a snapshot is told to who takes it, and is not the end of the member", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  files.fault = (operation, path) =>
    operation === "write" && path.includes("snapshot") ? failure("ENOSPC", path) : null;
  const writer = storage.snapshots.create(meta(5));
  await assert.rejects(writer.write(payload(2_000_000)), { name: "CoordinationError", code: "no-space" });
  await writer.abandon();
  assert.deepEqual(storage.failures, []);
  assert.ok(!files.paths().some((path) => path.includes("snapshot")));
  files.fault = () => null;
  await take(storage.snapshots, 5, payload(2_000_000));
  assert.equal(storage.snapshots.latest()?.index, 5);
});

test("a leader's snapshot waits for room, and is whole when it has come; given up, it waits no more", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  const full: MemoryFiles["fault"] = (operation, path) =>
    operation === "write" && path.includes("snapshot") ? failure("ENOSPC", path) : null;
  files.fault = full;
  files.partialBytes = 1000;
  const writer = storage.snapshots.create(meta(5), "wait");
  const whole = payload(2_000_000);
  const written = writer.write(whole).then(() => writer.finish());
  for (let second = 0; second < 3; second++) {
    await settle();
    assert.equal(storage.timers.count, 1, "it looks again every second");
    storage.timers.elapse();
  }
  assert.equal(
    storage.lines.filter((line) => /no room for .*snapshot-5.*: it waits until there is/.test(line)).length,
    1,
  );
  files.fault = () => null;
  await settle();
  storage.timers.elapse();
  await written;
  assert.ok((await streamed(storage.snapshots, 5)).equals(whole));

  files.fault = full;
  const other = storage.snapshots.create(meta(6), "wait");
  const waiting = other.write(whole);
  await settle();
  await Promise.all([assert.rejects(waiting, { code: "closed" }), other.abandon()]);
  assert.deepEqual([storage.failures, storage.timers.count], [[], 0]);
  assert.ok(!files.paths().some((path) => path.includes("snapshot-6")));
});

test("any other failure while a snapshot is written is the end", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  files.fault = (operation, path) => (operation === "sync" && path.includes("snapshot") ? failure("EIO", path) : null);
  const writer = storage.snapshots.create(meta(5));
  await writer.write(payload(10));
  await assert.rejects(writer.finish(), { code: "EIO" });
  assert.equal(storage.failures.length, 1);
  assert.equal(storage.snapshots.latest(), null);
});

test("wherever the newest snapshot is damaged, the one before it and the log make it good", async () => {
  const files = new MemoryFiles();
  const storage = await withEntries(files, 200);
  await take(storage.snapshots, 80, payload(1000));
  await take(storage.snapshots, 160, payload(3000));
  storage.log.purge(160);
  await settle();
  await storage.log.close();
  const pristine = files.copy();
  const expected = show(entries(81, 200));
  const length = pristine.bytes("/data/snapshot-160-1").length;
  let fellBack = 0;
  for (let at = 0; at < length; at += 3) {
    const damaged = pristine.copy();
    if (at % 2 === 0) damaged.bytes("/data/snapshot-160-1")[at]! ^= 1 << (at % 8);
    else damaged.put("/data/snapshot-160-1", damaged.bytes("/data/snapshot-160-1").slice(0, at));
    const again = await open(damaged, { alone: true });
    assert.equal(again.recovered.snapshot.index, 80, `damaged at ${at}`);
    assert.deepEqual(show(await readAll(again)), expected);
    assert.ok((await streamed(again.snapshots, 80)).equals(payload(1000)));
    assert.ok(
      damaged.paths().some((path) => /damaged-.*\/snapshot-160-1$/.test(path)),
      "set aside, not deleted",
    );
    for (const crashed of at % 50 === 0 ? damaged.crashes(8, 1) : []) {
      assert.ok(!crashed().paths().includes("/data/snapshot-160-1"), "whatever happens next, it does not come back");
    }
    await again.log.close();
    fellBack++;
  }
  assert.ok(fellBack > 1000);
});

test("a damaged snapshot that the log does not reach behind is damage: refused alone, born again among others", async () => {
  const files = new MemoryFiles();
  const storage = await withEntries(files, 400);
  const snapshot = { ...meta(1000), term: 2 };
  const writer = storage.snapshots.create(snapshot);
  await writer.write(payload(3000));
  await writer.finish();
  await storage.log.restart(snapshot);
  await settle();
  await storage.log.close();
  for (const spoil of [
    (spoilt: MemoryFiles) => {
      spoilt.bytes("/data/snapshot-1000-2")[2000]! ^= 1;
    },
    (spoilt: MemoryFiles) => spoilt.delete("/data/snapshot-1000-2"),
  ]) {
    const spoilt = files.copy();
    spoil(spoilt);
    await assert.rejects(open(spoilt, { alone: true }), (error: CoordinationError) => {
      assert.equal(error.code, "damaged");
      assert.match(error.message, /at offset \d+: .*(chunk 0 of this snapshot is damaged|begins after entry 1000)/);
      return true;
    });
    const born = await open(spoilt, { alone: false });
    assert.notEqual(born.incarnation, storage.incarnation);
    assert.deepEqual([storage.mayFound, born.mayFound], [true, false], "it knows that there was an ensemble");
    assert.equal(born.recovered.snapshot.index, 0);
    await born.log.close();
  }
});

test("a snapshot that changes under a running member is never passed on", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  await take(storage.snapshots, 5, payload(300_000));
  files.bytes("/data/snapshot-5-1")[200_000]! ^= 1;
  await storage.snapshots.read(5, 0, 65536);
  await assert.rejects(storage.snapshots.read(5, 150_000, 65536), { code: "damaged", message: /chunk 3/ });
  await assert.rejects(streamed(storage.snapshots, 5), CoordinationError);
});

test("a snapshot ahead of the log, or of another history, makes the log begin again behind it", async () => {
  for (const snapshot of [
    { ...meta(900), term: 3 },
    { ...meta(100), term: 3 },
  ]) {
    const files = new MemoryFiles();
    const storage = await withEntries(files, 200);
    await storage.snapshots.create(snapshot).finish();
    await storage.log.close(); // before the log was restarted
    const again = await open(files, { alone: true });
    assert.deepEqual(again.recovered.snapshot, snapshot);
    assert.equal(again.recovered.lastIndex, snapshot.index);
    assert.deepEqual(again.recovered.termStarts, []);
    await written(again, request(entries(snapshot.index + 1, snapshot.index + 2, 3)));
    await again.log.close();
    const third = await open(files, { alone: true });
    assert.deepEqual(show(await readAll(third)), show(entries(snapshot.index + 1, snapshot.index + 2, 3)));
    await third.log.close();
  }
});

test("a snapshot of another member is not taken for one's own", async () => {
  const [one, two] = [new MemoryFiles(), new MemoryFiles()];
  for (const [member, files] of [
    [1, one],
    [2, two],
  ] as const) {
    const storage = await open(files, { member });
    await take(storage.snapshots, 5, payload(10));
    await storage.log.close();
  }
  one.put("/data/snapshot-9-1", two.bytes("/data/snapshot-5-1").slice());
  await assert.rejects(open(one, { member: 1 }), {
    code: "configuration",
    message: /member 2 in another data directory/,
  });
});

test("files in the directory that are not ours are left alone", async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), "cabildo-snapshots-"));
  directories.push(dataDirectory);
  const { writeFile } = await import("node:fs/promises");
  const others = ["myid", "zookeeper_server.pid", "snapshot-notes.txt", "log-of-the-cook"];
  for (const name of others) await writeFile(join(dataDirectory, name), "1");
  const storage = await open(null, { dataDirectory });
  await storage.log.close();
  const names = await readdir(dataDirectory);
  for (const name of others) assert.ok(names.includes(name), name);
});
