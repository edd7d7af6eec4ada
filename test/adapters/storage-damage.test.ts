import assert from "node:assert/strict";
import { mkdir, mkdtemp, open as openFile, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CoordinationError } from "../../src/base/errors.ts";
import { MemoryFiles } from "./support/memory-files.ts";
import {
  entries,
  entry,
  hardState,
  open,
  readAll,
  request,
  show,
  type TestStorage,
  written,
} from "./support/storage.ts";

const VOTE = hardState(3, 2, 4);

/** Twelve entries, some large and some full of zeros, a vote, a truncation; three segments; ended without a word. */
async function smallLog(): Promise<{ files: MemoryFiles; expected: string[] }> {
  const files = new MemoryFiles();
  const first = await open(files, { segmentBytes: 4096 });
  await written(first, request(entries(1, 3)));
  await written(first, request([entry(4, "\0".repeat(1400)), entry(5)], { hardState: VOTE }));
  await written(first, request([entry(6, "z".repeat(900)), entry(7)]));
  await written(first, request(entries(6, 8, 3), { truncateFrom: 6 }));
  await first.log.close();
  const second = await open(files, { segmentBytes: 4096 });
  await written(second, request([entry(9, "\0".repeat(2000), 3)]));
  await written(second, request([entry(10, "ten", 3), entry(11, `${"\0".repeat(1100)}x`, 3)]));
  await written(second, request([entry(12, `the last ${"\0".repeat(1400)}w`, 3)]));
  const expected = show([
    ...entries(1, 3),
    entry(4, "\0".repeat(1400)),
    entry(5),
    ...entries(6, 8, 3),
    entry(9, "\0".repeat(2000), 3),
    entry(10, "ten", 3),
    entry(11, `${"\0".repeat(1100)}x`, 3),
    entry(12, `the last ${"\0".repeat(1400)}w`, 3),
  ]);
  return { files: files.copy(), expected };
}

function logFiles(files: MemoryFiles): string[] {
  return files.paths().filter((path) => path.startsWith("/data/log-0"));
}

/** Opens it and says what came of it: all of it, a refusal, or a new beginning with everything set aside. */
async function outcome(
  files: MemoryFiles,
  expected: readonly string[],
  alone: boolean,
  incarnation: number,
): Promise<"whole" | "refused" | "born again"> {
  const before = files.copy();
  let storage: TestStorage;
  try {
    storage = await open(files, { alone, segmentBytes: 4096 });
  } catch (error) {
    assert.ok(error instanceof CoordinationError, `not a crash: ${(error as Error).stack}`);
    assert.equal(alone, true);
    assert.equal(error.code, "damaged");
    assert.match(error.message, /^\/data\/\S+: at offset \d+: .*Restore its data directory from a backup/);
    assert.deepEqual(files.paths(), before.paths(), "nothing was changed");
    for (const path of files.paths()) assert.deepEqual(files.bytes(path), before.bytes(path), "nothing was changed");
    return "refused";
  }
  if (storage.incarnation === incarnation) {
    assert.deepEqual(show(await readAll(storage)), expected, "nothing is lost without a word");
    assert.deepEqual(storage.recovered.hardState, VOTE);
    await storage.log.close();
    return "whole";
  }
  assert.equal(alone, false);
  assert.equal(storage.recovered.lastIndex, 0);
  assert.deepEqual(storage.recovered.hardState, hardState(0));
  assert.ok(storage.lines.some((line) => /set aside in \/data\/damaged-/.test(line)));
  const aside = files
    .paths()
    .find((path) => path.includes("damaged-"))!
    .split("/")[2];
  for (const path of before.paths()) {
    if (path.endsWith("log-spare")) continue; // nothing was ever in it
    assert.deepEqual(files.bytes(path.replace("/data/", `/data/${aside}/`)), before.bytes(path), "nothing was deleted");
  }
  await storage.log.close();
  return "born again";
}

test("whatever byte of the log is changed, nothing acknowledged is lost without a word", async () => {
  const { files, expected } = await smallLog();
  const { incarnation } = await open(files.copy(), { segmentBytes: 4096 });
  const tally = { whole: 0, refused: 0, "born again": 0 };
  for (const path of logFiles(files)) {
    const { length } = files.bytes(path);
    for (let at = 0; at < length; at++) {
      for (const [alone, flip] of [
        [true, 1 << (at % 8)],
        [false, 0xff],
      ] as const) {
        if (!alone && at % 5 !== 0) continue;
        const damaged = files.copy();
        damaged.bytes(path)[at]! ^= flip;
        tally[await outcome(damaged, expected, alone, incarnation)]++;
      }
    }
  }
  assert.ok(tally.refused > 4000 && tally["born again"] > 800, JSON.stringify(tally));
  assert.ok(tally.whole > 1000, "bytes that nothing was written to may change");
});

test("a flipped bit that was the only one of its word is damage, not a part that never arrived", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  await written(storage, request([entry(1, "\0\0\0\u0001\0\0\0\0".repeat(200))]));
  const path = logFiles(files)[0]!;
  const ones = [...files.bytes(path).keys()].filter((at) => at >= 1024 && files.bytes(path)[at] === 1);
  assert.ok(ones.length > 100);
  for (const at of ones) {
    const damaged = files.copy();
    damaged.bytes(path)[at] = 0;
    await assert.rejects(open(damaged, { alone: true }), { code: "damaged" }, `at ${at}`);
  }
});

test("whatever sector of the log is lost, nothing acknowledged is, but the last commit: it looks as if it was never finished", async () => {
  const { files, expected } = await smallLog();
  const { incarnation } = await open(files.copy(), { segmentBytes: 4096 });
  const last = logFiles(files).at(-1)!;
  const tornAt: string[] = [];
  for (const path of logFiles(files)) {
    for (let at = 0; at < files.bytes(path).length; at += 512) {
      if (
        files
          .bytes(path)
          .subarray(at, at + 512)
          .every((byte) => byte === 0)
      )
        continue;
      const damaged = files.copy();
      damaged.bytes(path).fill(0, at, at + 512);
      const storage = await open(damaged, { alone: true, segmentBytes: 4096 }).catch((error) => {
        assert.equal((error as CoordinationError).code, "damaged");
        return null;
      });
      if (storage === null || storage.recovered.lastIndex === 12) continue;
      tornAt.push(`${path} ${storage.recovered.lastIndex}`);
      assert.ok(storage.lines.some((line) => line.includes("was being written when the member stopped")));
    }
  }
  assert.deepEqual(tornAt, [`${last} 11`, `${last} 11`], "two sectors of the last commit");
  assert.equal(await outcome(files.copy(), expected, true, incarnation), "whole");
});

test("wherever a segment is cut off, it is noticed", async () => {
  const { files, expected } = await smallLog();
  const { incarnation } = await open(files.copy(), { segmentBytes: 4096 });
  for (const path of logFiles(files)) {
    const bytes = files.bytes(path);
    for (let length = 0; length < bytes.length; length += 7) {
      for (const alone of [true, false]) {
        const damaged = files.copy();
        damaged.put(path, bytes.slice(0, length));
        const result = await outcome(damaged, expected, alone, incarnation);
        const isSealOnly = path !== logFiles(files).at(-1) && length >= bytes.length - 512;
        assert.equal(result, isSealOnly ? "whole" : alone ? "refused" : "born again", `${path} cut at ${length}`);
      }
    }
  }
});

test("a missing segment is noticed, the first, a middle one or the last", async () => {
  const { files, expected } = await smallLog();
  const { incarnation } = await open(files.copy(), { segmentBytes: 4096 });
  assert.ok(logFiles(files).length >= 3);
  for (const path of logFiles(files)) {
    for (const alone of [true, false]) {
      const damaged = files.copy();
      damaged.delete(path);
      assert.equal(await outcome(damaged, expected, alone, incarnation), alone ? "refused" : "born again", path);
    }
  }
});

test("a missing segment is noticed also where the one before it is filled to its last sector", async () => {
  const files = new MemoryFiles();
  const storage = await open(files, { segmentBytes: 4096 });
  for (let index = 1; index <= 40; index++) await written(storage, request([entry(index)])); // a sector each
  await storage.log.close();
  const segments = logFiles(files);
  const last = segments.at(-1)!;
  assert.equal(files.bytes(segments.at(-2)!).length, 4096, "a commit and a seal more, and it would not have fitted");
  files.delete(last);
  await assert.rejects(
    open(files, { alone: true, segmentBytes: 4096 }),
    /the log goes on in segment \d+, which is missing/,
  );
});

test("all of the log missing, or only the identity, is damage and not a new member", async () => {
  const { files, expected } = await smallLog();
  const { incarnation } = await open(files.copy(), { segmentBytes: 4096 });
  const noLog = files.copy();
  for (const path of logFiles(noLog)) noLog.delete(path);
  assert.equal(await outcome(noLog, expected, true, incarnation), "refused");
  const noIdentity = files.copy();
  noIdentity.delete("/data/identity");
  assert.equal(await outcome(noIdentity, expected, true, incarnation), "refused");
  const changed = files.copy();
  changed.bytes("/data/identity")[40]! ^= 1;
  assert.equal(await outcome(changed, expected, true, incarnation), "refused");
});

test("a member born again among others is whole at the next start", async () => {
  const { files } = await smallLog();
  files.bytes("/data/log-0000000001")[600]! ^= 1;
  const born = await open(files, { alone: false });
  assert.equal(born.recovered.lastIndex, 0);
  await written(born, request(entries(1, 2, 9)));
  await born.log.close();
  const again = await open(files, { alone: false });
  assert.equal(again.incarnation, born.incarnation);
  assert.deepEqual(show(await readAll(again)), show(entries(1, 2, 9)));
});

test("bytes that come from elsewhere never pass for a commit, not even those of the same log", async () => {
  const { files, expected } = await smallLog();
  const { incarnation } = await open(files.copy(), { segmentBytes: 4096 });
  const last = logFiles(files).at(-1)!;
  const commit = files.bytes(logFiles(files)[0]!).slice(512, 1024);
  const bytes = files.bytes(last);
  const end = bytes.length - 512;
  for (let at = 512; at <= end; at += 512) {
    const damaged = files.copy();
    damaged.bytes(last).set(commit, at);
    const result = await outcome(damaged, expected, true, incarnation);
    assert.ok(result === "refused" || result === "whole");
  }
  const repeated = files.copy(); // its own last commit, once more after itself
  const lastEnd = bytes.findLastIndex((byte) => byte !== 0) + 1;
  repeated.bytes(last).set(bytes.slice(lastEnd - 1536, lastEnd - 1024), lastEnd);
  assert.equal(await outcome(repeated, expected, true, incarnation), "refused");
});

test("a commit of a copied directory that went its own way is none of this one's history", async () => {
  const born = new MemoryFiles();
  await (await open(born)).log.close();
  const [mine, other] = [born.copy(), born.copy()];
  for (const [files, word] of [
    [mine, "mine"],
    [other, "else"],
  ] as const) {
    const storage = await open(files);
    for (const index of [1, 2, 3]) await written(storage, request([entry(index, `${word} ${index}`)]));
  }
  const path = "/data/log-0000000001";
  for (const at of [512, 1024, 1536]) {
    const mixed = mine.copy();
    mixed.bytes(path).set(other.bytes(path).subarray(at, at + 512), at);
    if (at === 1536) mixed.bytes(path).fill(0, 2048); // the last: nothing after it bears witness
    await assert.rejects(open(mixed), { code: "damaged" }, `at ${at}`);
  }
});

test("a log that changes under a running member is noticed when it is read", async () => {
  const files = new MemoryFiles();
  const storage = await open(files);
  await written(storage, request(entries(1, 100)));
  files.bytes("/data/log-0000000001")[900]! ^= 4;
  await assert.rejects(storage.log.read(1, 50, 1 << 20), { code: "damaged" });
});

// ------------------------------------------------------------------------------------------------------- real files

const directories: string[] = [];
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))));

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "cabildo-damage-"));
  directories.push(made);
  return made;
}

test("on real files: a flipped bit is refused alone, and set aside among others", async () => {
  const dataDirectory = await directory();
  const storage = await open(null, { dataDirectory });
  for (let index = 1; index <= 20; index++) await written(storage, request([entry(index)]));
  await storage.log.close();
  const path = join(dataDirectory, "log-0000000001");
  const file = await openFile(path, "r+");
  await file.write(Uint8Array.of(0x55), 0, 1, 2600);
  await file.close();
  await assert.rejects(open(null, { dataDirectory }), (error: CoordinationError) => {
    assert.equal(error.code, "damaged");
    assert.match(error.message, new RegExp(`^${path}: at offset 2560: `));
    return true;
  });
  const born = await open(null, { dataDirectory, alone: false });
  assert.notEqual(born.incarnation, storage.incarnation);
  assert.equal(born.recovered.lastIndex, 0);
  await born.log.close();
  const aside = (await readdir(dataDirectory)).find((name) => name.startsWith("damaged-"))!;
  assert.deepEqual((await readdir(join(dataDirectory, aside))).filter((name) => name !== "log-spare").sort(), [
    "identity",
    "log-0000000001",
  ]);
});

test("on real files: a log cut short is refused", async () => {
  const dataDirectory = await directory();
  const storage = await open(null, { dataDirectory });
  await written(storage, request(entries(1, 20)));
  await storage.log.close();
  await truncate(join(dataDirectory, "log-0000000001"), 600);
  await assert.rejects(open(null, { dataDirectory }), { code: "damaged" });
});

test("another member's directory is refused, whoever is alone or not, and nothing in it changes", async () => {
  const dataDirectory = await directory();
  const storage = await open(null, { dataDirectory, member: 2 });
  await storage.log.close();
  const before = await readdir(dataDirectory);
  for (const alone of [true, false]) {
    await assert.rejects(open(null, { dataDirectory, member: 3, alone }), (error: CoordinationError) => {
      assert.equal(error.code, "configuration");
      assert.match(
        error.message,
        /identity: at offset \d+: this is the data directory of member 2, and this is member 3.*myid/,
      );
      return true;
    });
  }
  assert.deepEqual(await readdir(dataDirectory), before);
});

test("a directory of a later format is refused", async () => {
  const dataDirectory = await directory();
  await (await open(null, { dataDirectory })).log.close();
  const path = join(dataDirectory, "identity");
  const { crc32 } = await import("node:zlib");
  const body = `${(await readFile(path, "utf8")).split("checksum")[0]!.replace("format 1", "format 3")}colour blue\n`;
  await writeFile(path, `${body}checksum ${crc32(body).toString(16).padStart(8, "0")}\n`);
  await assert.rejects(open(null, { dataDirectory, alone: false }), {
    code: "configuration",
    message: /format 3, and this version reads 1 and 2/,
  });
});

test("with the feature level the directory's format is raised, once, and stays so; older programs know none but the first", async () => {
  const dataDirectory = await directory();
  const path = join(dataDirectory, "identity");
  const format = async () => /format (\d+)/.exec(await readFile(path, "utf8"))![1];
  const storage = await open(null, { dataDirectory });
  storage.requireLevel(0);
  assert.equal(await format(), "1");
  for (const level of [1, 1, 0, 1]) storage.requireLevel(level);
  await storage.log.close(); // what is being written is finished first
  assert.equal(await format(), "2");
  const again = await open(null, { dataDirectory });
  assert.equal(again.incarnation, storage.incarnation);
  again.requireLevel(0);
  await again.log.close();
  assert.equal(await format(), "2");
});

test("ZooKeeper's own data are not started beside", async () => {
  const dataDirectory = await directory();
  await mkdir(join(dataDirectory, "version-2"));
  await writeFile(join(dataDirectory, "version-2", "log.1"), "ZKLG");
  await writeFile(join(dataDirectory, "myid"), "1\n");
  await assert.rejects(open(null, { dataDirectory }), { code: "configuration", message: /Apache ZooKeeper/ });
  assert.deepEqual((await readdir(dataDirectory)).sort(), ["myid", "version-2"]);
});

test("a log and its data directory must belong together", async () => {
  const [data1, log1, data2] = [await directory(), await directory(), await directory()];
  await (await open(null, { dataDirectory: data1, logDirectory: log1 })).log.close();
  assert.deepEqual(await readdir(data1), ["identity"]);
  await (await open(null, { dataDirectory: data2 })).log.close();
  await assert.rejects(open(null, { dataDirectory: data2, logDirectory: log1 }), {
    code: "configuration",
    message: /another data directory/,
  });
  await (await open(null, { dataDirectory: data1, logDirectory: log1 })).log.close();
});

test("a first start that was cut short before the identity was there is simply begun again", async () => {
  const files = new MemoryFiles();
  await (await open(files)).log.close();
  files.delete("/data/identity");
  const storage = await open(files);
  assert.equal(storage.recovered.lastIndex, 0);
});
