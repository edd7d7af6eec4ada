// What the disk of the power-loss attack remembers, from traces of a few calls: the attack is worth what its disk is.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { Acknowledgements } from "./disk/acknowledgements.ts";
import type { Contents } from "./disk/contents.ts";
import { stepsOf } from "./disk/system-calls.ts";
import { TracedDisk } from "./disk/traced-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "cabildo-model-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const shownAsHex = (text: string) => `"${Buffer.from(text).toString("hex").replaceAll(/../g, "\\x$&")}"`;
const open = (path: string, file: number) =>
  `1 openat(AT_FDCWD, ${shownAsHex(path)}, O_RDWR|O_CREAT|O_EXCL, 0640) = ${file}`;
const openDirectory = (path: string, file: number) =>
  `1 openat(AT_FDCWD, ${shownAsHex(path)}, O_RDONLY|O_CLOEXEC) = ${file}`;
const write = (file: number, text: string, at: number) =>
  `1 pwrite64(${file}, ${shownAsHex(text)}, ${text.length}, ${at}) = ${text.length}`;
const created = [open("/d/a", 5), openDirectory("/d", 6), "1 fsync(6) = 0"];

/** Every call a moment later than the one before, as strace writes it. */
function timed(lines: readonly string[]): string {
  return lines.map((line, i) => `${line.replace(" ", ` 17.${String(i).padStart(6, "0")} `)}\n`).join("");
}

/** The disk after a trace. */
async function diskAfter(...lines: readonly string[]): Promise<TracedDisk> {
  const trace = join(folder, "trace");
  writeFileSync(trace, timed(lines));
  const disk = new TracedDisk("/d", new Map());
  for await (const step of stepsOf(trace)) disk.apply(step);
  return disk;
}

/** Every way in which the disk comes back, or many of them. */
function waysOf(disk: TracedDisk): Set<string> {
  const random = seededRandom(1);
  return new Set(Array.from({ length: 300 }, () => shown(disk.crash(random).contents)));
}

function shown(contents: Contents): string {
  return [...contents].map(([path, bytes]) => `${path}=${bytes?.toString() ?? "/"}`).join(" ");
}

test("what was not synced is there, or not, or only its beginning", async () => {
  const disk = await diskAfter(...created, write(5, "abc", 0));
  assert.deepEqual([...waysOf(disk)].sort(), ["/d/a=", "/d/a=\0\0\0", "/d/a=a\0\0", "/d/a=ab\0", "/d/a=abc"]);
});

test("what was synced is there", async () => {
  assert.deepEqual([...waysOf(await diskAfter(...created, write(5, "abc", 0), "1 fdatasync(5) = 0"))], ["/d/a=abc"]);
});

test("a sync covers what was written before it began, not what another thread wrote meanwhile", async () => {
  const disk = await diskAfter(
    ...created,
    write(5, "x", 0),
    "1 fdatasync(5 <unfinished ...>",
    `2 pwrite64(5, ${shownAsHex("y")}, 1, 0) = 1`,
    "1 <... fdatasync resumed>) = 0",
  );
  assert.deepEqual([...waysOf(disk)].sort(), ["/d/a=x", "/d/a=y"]);
});

test("a sync that has not ended, failed, or never reached the kernel makes nothing durable, nor does one after it", async () => {
  for (const sync of [
    "1 fdatasync(5 <unfinished ...>",
    "1 fdatasync(5) = -1 EIO (Input/output error) (INJECTED)",
    "1 fdatasync(5) = 0 (INJECTED)",
  ]) {
    assert.ok(waysOf(await diskAfter(...created, write(5, "x", 0), sync)).has("/d/a="), sync);
  }
  const failed = "1 fdatasync(5) = -1 EIO (Input/output error)";
  const again = await diskAfter(...created, write(5, "x", 0), failed, "1 fdatasync(5) = 0");
  assert.ok(waysOf(again).has("/d/a="), "the kernel holds it as clean");
});

test("sectors come in any order", async () => {
  const two = "a".repeat(512) + "b".repeat(512);
  const ways = waysOf(await diskAfter(...created, write(5, two, 0)));
  assert.ok(ways.has(`/d/a=${"\0".repeat(512)}${"b".repeat(512)}`));
  assert.ok(ways.has(`/d/a=${"a".repeat(512)}`));
});

test("a name counts once its directory was synced", async () => {
  assert.deepEqual([...waysOf(await diskAfter(open("/d/a", 5)))].sort(), ["", "/d/a="]);
  const rename = `1 rename(${shownAsHex("/d/a")}, ${shownAsHex("/d/b")}) = 0`;
  assert.deepEqual([...waysOf(await diskAfter(...created, rename))].sort(), ["/d/a=", "/d/b="]);
  assert.deepEqual([...waysOf(await diskAfter(...created, rename, "1 fsync(6) = 0"))], ["/d/b="]);
  const unlink = `1 unlink(${shownAsHex("/d/a")}) = 0`;
  assert.deepEqual([...waysOf(await diskAfter(...created, unlink))].sort(), ["", "/d/a="]);
});

test("a call that the model does not know is refused, where it concerns the disk", async () => {
  await assert.rejects(diskAfter(...created, "1 fallocate(5, 0, 0, 100) = 0"), /fallocate .* no model/);
  await assert.rejects(diskAfter(...created, `1 write(5, "\\x61", 1) = 1`), /write .* no model/);
  await diskAfter(...created, `1 write(7, "\\x61", 1) = 1`, "1 fallocate(8, 0, 0, 100) = 0");
});

test("a client has heard what was begun to be said to it", async () => {
  const trace = join(folder, "told");
  const greeting = Buffer.alloc(41);
  greeting.writeInt32BE(37, 0);
  greeting.writeInt32BE(4000, 8);
  const session = 2n ** 45n + 5n; // of member 1, opened by change 5
  greeting.writeBigInt64BE(session, 12);
  const reply = Buffer.alloc(20);
  reply.writeInt32BE(16, 0);
  reply.writeBigInt64BE(9n, 8);
  const hex = (bytes: Buffer) => `"${bytes.toString("hex").replaceAll(/../g, "\\x$&")}"`;
  const lines = [
    "1 accept4(3, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK) = 21",
    `1 write(21, ${hex(greeting)}, 41) = 41`,
    `1 writev(21, [{iov_base=${hex(reply.subarray(0, 5))}, iov_len=5}, {iov_base=${hex(reply.subarray(5))}, iov_len=15}], 2 <unfinished ...>`,
  ];
  writeFileSync(trace, timed(lines));
  const told = new Acknowledgements();
  const heard: boolean[] = [];
  const zxids: number[] = [];
  for await (const step of stepsOf(trace)) {
    heard.push(told.apply(step));
    zxids.push(told.zxid);
  }
  assert.deepEqual([...told.sessions], [session]);
  assert.deepEqual(zxids, [0, 0, 5, 5, 9]);
  assert.equal(heard.at(-1), true);
});
