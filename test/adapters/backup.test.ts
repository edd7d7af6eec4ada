// A backup file: what was written is read, and one changed, missing or added byte is refused wherever it stands.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { decodeBackupHeader, encodeBackupHeader } from "../../src/adapters/backup/format.ts";
import { verifyBackup } from "../../src/adapters/backup/reader.ts";
import { backupStream } from "../../src/adapters/backup/stream.ts";
import { AssertionError } from "../../src/base/assert.ts";
import { CoordinationError } from "../../src/base/errors.ts";

const directory = mkdtempSync(join(tmpdir(), "cabildo-backup-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const header = {
  program: "1.2.3-rc.1",
  takenAt: 1_700_000_000_000,
  cluster: 2 ** 51 + 1,
  member: 7,
  index: 42,
  term: 3,
  sequence: 2 ** 44,
  bytes: 300,
};

async function* chunksOf(bytes: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes; at += 128) {
    yield Uint8Array.from({ length: Math.min(128, bytes - at) }, (_, i) => (at + i) * 7);
  }
}

async function written(): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const { size, chunks: stream } = backupStream(header, chunksOf(header.bytes));
  for await (const chunk of stream) chunks.push(chunk);
  const file = Buffer.concat(chunks);
  assert.equal(file.length, size);
  return file;
}

/** What reading these bytes is refused by; null: it is not. */
async function refusalOf(bytes: Uint8Array): Promise<CoordinationError | null> {
  const path = join(directory, "changed");
  writeFileSync(path, bytes);
  try {
    await verifyBackup(path);
    return null;
  } catch (error) {
    assert.ok(error instanceof CoordinationError, String(error));
    return error;
  }
}

test("what was written is read: header and payload", async () => {
  const path = join(directory, "whole");
  writeFileSync(path, await written());
  const backup = await verifyBackup(path);
  assert.deepEqual(backup.header, header);
  const chunks: Uint8Array[] = [];
  for await (const chunk of backup.payload()) chunks.push(chunk);
  const expected: Uint8Array[] = [];
  for await (const chunk of chunksOf(header.bytes)) expected.push(chunk);
  assert.deepEqual(Buffer.concat(chunks), Buffer.concat(expected));
  assert.match(readFileSync(path, "latin1"), /^cabildo backup\nformat 1\nprogram 1\.2\.3-rc\.1\n/);
});

test("one flipped bit is refused, at every byte", async () => {
  const file = await written();
  for (let at = 0; at < file.length; at++) {
    const changed = Buffer.from(file);
    changed[at]! ^= 1 << (at % 8);
    const refusal = await refusalOf(changed);
    assert.ok(refusal !== null, `a flipped bit at ${at} is not noticed`);
    if (at > 20) assert.equal(refusal.code, "damaged", `at ${at}: ${refusal.message}`);
  }
});

test("a file that was cut, or goes on, is refused", async () => {
  const file = await written();
  for (let length = 0; length < file.length; length++) {
    assert.ok((await refusalOf(file.subarray(0, length))) !== null, `cut to ${length} bytes`);
  }
  assert.equal((await refusalOf(Buffer.concat([file, Buffer.from([10])])))?.code, "damaged");
});

test("a later format is told from damage, and another file from a backup", async () => {
  const text = Buffer.from(encodeBackupHeader(header)).toString("latin1");
  assert.equal(decodeBackupHeader(Buffer.from(text.replace("member 7", "member 8"))).kind, "damaged");
  assert.equal(decodeBackupHeader(Buffer.from("CBST")).kind, "foreign");
  const body = text.replace("format 1", "format 9").replace(/checksum .*\n/, "");
  const { crc32 } = await import("../../src/base/crc32.ts");
  const later = `${body}checksum ${crc32(Buffer.from(body)).toString(16).padStart(8, "0")}\n`;
  assert.deepEqual(decodeBackupHeader(Buffer.from(later)), { kind: "format", format: 9 });
  assert.match((await refusalOf(Buffer.from(later)))!.message, /backup format 9, which a later version wrote/);
});

test("a payload of another length than the header says is never passed off as whole", async () => {
  const { chunks } = backupStream(header, chunksOf(header.bytes - 1));
  await assert.rejects(async () => {
    for await (const _ of chunks);
  }, AssertionError);
});
