// What storage takes for durable is durable by the system's own calls, which no file in memory can show.

import assert from "node:assert/strict";
import fs, { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock, test } from "node:test";
import { systemFiles } from "../../src/adapters/storage/system-files.ts";

test("what is synced is synced by the system: files by fdatasync, in the pool and on the loop, directories by fsync", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cabildo-files-"));
  const calls: string[] = [];
  const noted = <Name extends "fdatasync" | "fdatasyncSync" | "fsync">(name: Name): void => {
    const original = fs[name] as (...args: never[]) => unknown;
    mock.method(fs, name, (...args: never[]) => {
      calls.push(name);
      return original(...args);
    });
  };
  for (const name of ["fdatasync", "fdatasyncSync", "fsync"] as const) noted(name);
  try {
    const file = await systemFiles.open(join(directory, "file"), "create");
    await systemFiles.write(file, Uint8Array.of(1, 2, 3), 0);
    await systemFiles.sync(file);
    systemFiles.writeNow(file, Uint8Array.of(4), 3);
    systemFiles.syncNow(file);
    await systemFiles.close(file);
    await systemFiles.syncDirectory(directory);
    assert.deepEqual(calls, ["fdatasync", "fdatasyncSync", "fsync"]);
  } finally {
    mock.restoreAll();
    rmSync(directory, { recursive: true });
  }
});
