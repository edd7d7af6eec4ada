// The virtual disk keeps what it promised, and nothing that it did not: a simulation on a disk that is too kind proves
// nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Files } from "../../src/adapters/storage/files.ts";
import { seededRandom } from "../../src/base/random.ts";
import { VirtualDisk } from "../../src/sim/kernel/disk.ts";
import { VirtualClock, VirtualTime } from "../../src/sim/kernel/time.ts";

const SECTOR = 512;

interface Scene {
  readonly time: VirtualTime;
  readonly disk: VirtualDisk;
  readonly files: Files;
  /** Lets virtual time pass until the promise is kept. */
  wait<T>(promise: Promise<T>): Promise<T>;
}

function scene(seed = 1): Scene {
  const time = new VirtualTime();
  const disk = new VirtualDisk(time, seededRandom(seed));
  const wait = async <T>(promise: Promise<T>): Promise<T> => {
    let isKept = false;
    const settled = promise.finally(() => {
      isKept = true;
    });
    settled.catch(() => {});
    await time.runUntil(() => isKept, 1_000_000);
    return settled;
  };
  return { time, disk, files: disk.mount(new VirtualClock(time)), wait };
}

async function contentOf({ disk, time, wait }: Scene, path: string): Promise<Uint8Array | null> {
  const files = disk.mount(new VirtualClock(time));
  const file = await wait(files.open(path, "read")).catch(() => null);
  if (file === null) return null;
  const bytes = new Uint8Array(await wait(files.length(file)));
  await wait(files.read(file, bytes, 0));
  return bytes;
}

/** A file of so many bytes 1, synced, with its name. */
async function synced(stage: Scene, path: string, length: number): Promise<number> {
  const { files, wait } = stage;
  const file = await wait(files.open(path, "create"));
  await wait(files.write(file, new Uint8Array(length).fill(1), 0));
  await wait(files.sync(file));
  await wait(files.syncDirectory("/d"));
  return file;
}

test("what was synced is there after any loss of power", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const stage = scene(seed);
    await synced(stage, "/d/f", 3 * SECTOR);
    stage.disk.losePower();
    assert.deepEqual(await contentOf(stage, "/d/f"), new Uint8Array(3 * SECTOR).fill(1));
  }
});

test("what was not synced is there while the power is on; after, any sectors of it are", async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const stage = scene(seed);
    const file = await synced(stage, "/d/f", 3 * SECTOR);
    await stage.wait(stage.files.write(file, new Uint8Array(3 * SECTOR).fill(2), 0));
    assert.deepEqual(await contentOf(stage, "/d/f"), new Uint8Array(3 * SECTOR).fill(2));
    stage.disk.losePower();
    const left = (await contentOf(stage, "/d/f"))!;
    assert.equal(left.length, 3 * SECTOR);
    seen.add([0, 1, 2].map((sector) => left[sector * SECTOR]).join(""));
  }
  for (const some of ["111", "222", "121", "212"]) assert.ok(seen.has(some), `${some} was never left: ${[...seen]}`);
});

test("a new name is lost with the power unless its directory was synced, and so is a new place", async () => {
  let lost = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const stage = scene(seed);
    const { files, wait, disk } = stage;
    await synced(stage, "/d/old", SECTOR);
    await wait(files.rename("/d/old", "/d/new"));
    disk.losePower();
    const [before, after] = [await contentOf(stage, "/d/old"), await contentOf(stage, "/d/new")];
    assert.ok((before === null) !== (after === null), "it has one name");
    if (after === null) lost++;
  }
  assert.ok(lost > 0 && lost < 20, `${lost} of 20 lost`);
});

test("a sync that fails leaves what it should have kept in the cache, and on no disk", async () => {
  const stage = scene();
  const { files, wait, disk } = stage;
  const file = await synced(stage, "/d/f", SECTOR);
  await wait(files.write(file, new Uint8Array(SECTOR).fill(2), 0));
  disk.syncsUntilError = 0;
  await assert.rejects(wait(files.sync(file)), { code: "EIO" });
  await wait(files.sync(file)); // as on Linux, it says that all is well now
  assert.equal((await contentOf(stage, "/d/f"))![0], 2);
  disk.losePower();
  assert.equal((await contentOf(stage, "/d/f"))![0], 1);
});

test("a full disk takes what needs no room, and nothing else", async () => {
  const stage = scene();
  const { files, wait, disk } = stage;
  const file = await synced(stage, "/d/f", SECTOR);
  disk.capacityBytes = disk.usedBytes;
  await wait(files.write(file, new Uint8Array(SECTOR).fill(2), 0));
  await assert.rejects(wait(files.write(file, new Uint8Array(1), SECTOR)), { code: "ENOSPC" });
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  await wait(files.write(file, new Uint8Array(1), SECTOR));
});

test("a process that was killed hears nothing more, and does nothing more", async () => {
  const stage = scene();
  const { time, disk } = stage;
  const clock = new VirtualClock(time);
  const files = disk.mount(clock);
  const file = await stage.wait(files.open("/d/f", "create"));
  let heard = false;
  void files.sync(file).then(() => {
    heard = true;
  });
  clock.isStopped = true;
  void files.write(file, new Uint8Array(1), 0);
  await time.run(10_000);
  assert.equal(heard, false);
  assert.equal((await contentOf(stage, "/d/f"))!.length, 0);
});

test("a flipped bit is in what is read, and stays after a loss of power", async () => {
  const stage = scene();
  await synced(stage, "/d/f", SECTOR);
  assert.match(stage.disk.flipBit() ?? "", /^bit \d of byte \d+ of \/d\/f$/);
  const damaged = await contentOf(stage, "/d/f");
  assert.equal(damaged!.filter((byte) => byte !== 1).length, 1);
  stage.disk.losePower();
  assert.deepEqual(await contentOf(stage, "/d/f"), damaged);
});

test("a rename from one directory to another is one step: an older one undoes nothing that came after it", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const stage = scene(seed);
    const { files, wait, disk } = stage;
    await synced(stage, "/d/f", SECTOR);
    await wait(files.rename("/d/f", "/d/aside/f"));
    await synced(stage, "/d/f", 2 * SECTOR);
    disk.losePower();
    assert.equal((await contentOf(stage, "/d/f"))?.length, 2 * SECTOR);
    assert.equal((await contentOf(stage, "/d/aside/f"))?.length, SECTOR);
  }
});
