// Files in memory do what the operating system's do: the same random operations on both give the same results and the same errors.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Files } from "../../src/adapters/storage/files.ts";
import { MemoryFiles } from "../../src/adapters/storage/memory-files.ts";
import { systemFiles } from "../../src/adapters/storage/system-files.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";

const OPERATIONS = 400;
const NAMES = ["a", "b", "c"];

/** What the operations of a seed tell, one line each. */
async function play(files: Files, folder: string, random: Random): Promise<readonly string[]> {
  const told: string[] = [];
  const open: number[] = [];
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const path = (): string => join(folder, pick(NAMES));
  const bytes = (): Uint8Array => new Uint8Array(random.below(64)).map(() => 1 + random.below(255));
  const operations: readonly (() => Promise<unknown>)[] = [
    async () => void open.push(await files.open(path(), pick(["create", "update"] as const))),
    async () => files.close(open.splice(random.below(open.length), 1)[0]!),
    async () => files.length(pick(open)),
    async () => {
      const into = new Uint8Array(random.below(200));
      const count = await files.read(pick(open), into, random.below(200));
      return `${count}: ${Buffer.from(into).toString("hex")}`;
    },
    async () => files.write(pick(open), bytes(), random.below(150)),
    async () => files.writeNow(pick(open), bytes(), random.below(150)),
    async () => files.sync(pick(open)),
    async () => files.syncNow(pick(open)),
    async () => files.truncate(pick(open), random.below(200)),
    async () => files.rename(path(), path()),
    async () => files.remove(path()),
    async () => (await files.list(folder)).sort().join(),
    async () => files.syncDirectory(folder),
  ];
  for (let i = 0; i < OPERATIONS; i++) {
    const number = open.length === 0 ? 0 : random.below(operations.length);
    const outcome = await operations[number]!().then(
      (value) => String(value),
      (error) => `fails with ${error.code}`,
    );
    told.push(`${i}, operation ${number}: ${outcome}`);
  }
  for (const file of open) await files.close(file);
  return told;
}

test("files in memory do what the system's do, and fail as they do", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const folder = await mkdtemp(join(tmpdir(), "cabildo-files-"));
    try {
      const real = await play(systemFiles, folder, seededRandom(seed));
      const inMemory = await play(new MemoryFiles(), folder, seededRandom(seed));
      assert.deepEqual(inMemory, real, `seed ${seed}`);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
});
