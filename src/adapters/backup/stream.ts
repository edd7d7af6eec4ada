// The bytes of a backup, as they leave a member: pulled part by part, so that no more than one is in memory.

import { createHash } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { type BackupHeader, encodeBackupHeader, encodeBackupTrailer, TRAILER_BYTES } from "./format.ts";

export interface BackupStream {
  /** Of the whole file. */
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export function backupStream(header: BackupHeader, payload: AsyncIterable<Uint8Array>): BackupStream {
  const first = encodeBackupHeader(header);
  return { size: first.length + header.bytes + TRAILER_BYTES, chunks: fileOf(first, header.bytes, payload) };
}

async function* fileOf(first: Uint8Array, bytes: number, payload: AsyncIterable<Uint8Array>) {
  const hash = createHash("sha256");
  hash.update(first);
  yield first;
  let length = 0;
  for await (const chunk of payload) {
    hash.update(chunk);
    length += chunk.length;
    yield chunk;
  }
  assert(length === bytes, `a backup of ${bytes} bytes has ${length}`);
  const trailer = encodeBackupTrailer(hash.digest("hex"));
  assert(trailer.length === TRAILER_BYTES, "a trailer of another length");
  yield trailer;
}
