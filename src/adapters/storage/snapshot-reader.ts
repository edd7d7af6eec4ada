// Reads snapshot files: what is there when a member starts, and parts of one, every chunk checked.

import { assert } from "../../base/assert.ts";
import type { SnapshotMeta } from "../../consensus/raft/types.ts";
import { DamageError, foreignError } from "./damage.ts";
import type { Files } from "./files.ts";
import type { Owner } from "./journal/segment.ts";
import {
  addChecksum,
  CHUNK_BYTES,
  CHUNK_HEADER_BYTES,
  chunkChecksum,
  decodeSnapshotHeader,
  decodeSnapshotTrailer,
  SNAPSHOT_FORMAT,
  SNAPSHOT_HEADER_BYTES_MAX,
  type SnapshotTrailer,
  TRAILER_BYTES,
} from "./snapshot-format.ts";

const FRAME_BYTES = CHUNK_HEADER_BYTES + CHUNK_BYTES;
const VERIFIED_CHUNKS_A_READ = 16;

export interface StoredSnapshot extends SnapshotTrailer {
  readonly path: string;
  readonly meta: SnapshotMeta;
  readonly salt: number;
  readonly headerBytes: number;
}

export function fileBytesOf({ headerBytes, payloadBytes, chunks }: StoredSnapshot): number {
  return headerBytes + payloadBytes + chunks * CHUNK_HEADER_BYTES + TRAILER_BYTES;
}

/** Reads a snapshot's beginning and end, and finds them to fit. Throws a DamageError if they do not. */
export async function openSnapshot(files: Files, path: string, owner: Owner): Promise<StoredSnapshot> {
  const file = await files.open(path, "read");
  try {
    const length = await files.length(file);
    const start = await readAt(files, file, 0, Math.min(length, SNAPSHOT_HEADER_BYTES_MAX));
    const decoded = decodeSnapshotHeader(start);
    if (decoded === null) throw new DamageError(path, 0, "the header of this snapshot is damaged");
    if (decoded.kind === "format") {
      const what = `this snapshot has format ${decoded.format}, and this version reads ${SNAPSHOT_FORMAT}`;
      throw foreignError(path, 4, what, "Start the version that wrote it");
    }
    const { header } = decoded;
    if (header.owner.member !== owner.member || header.owner.incarnation !== owner.incarnation) {
      const what = `this snapshot was written by member ${header.owner.member} in another data directory`;
      throw foreignError(path, 0, what, "Remove it from here, or put back the one that belongs here");
    }
    const trailerAt = Math.max(0, length - TRAILER_BYTES);
    const trailer = decodeSnapshotTrailer(header.salt, await readAt(files, file, trailerAt, TRAILER_BYTES));
    if (trailer === null) throw new DamageError(path, trailerAt, "the end of this snapshot is damaged or missing");
    const stored = { path, meta: header.meta, salt: header.salt, headerBytes: header.bytes, ...trailer };
    if (length !== fileBytesOf(stored)) {
      throw new DamageError(path, trailerAt, "this snapshot is shorter or longer than it says");
    }
    return stored;
  } finally {
    await files.close(file);
  }
}

/** Reads the whole of a snapshot, and finds every byte to be what was written. Throws a DamageError otherwise. */
export async function verifySnapshot(files: Files, stored: StoredSnapshot): Promise<void> {
  const file = await files.open(stored.path, "read");
  try {
    let sum = 0;
    for (let number = 0; number < stored.chunks; number += VERIFIED_CHUNKS_A_READ) {
      const last = Math.min(number + VERIFIED_CHUNKS_A_READ, stored.chunks) - 1;
      await readChunks(files, file, stored, number, last, (_, checksum) => {
        sum = addChecksum(sum, checksum);
      });
    }
    if (sum !== stored.sum) throw new DamageError(stored.path, 0, "the chunks of this snapshot are not those it had");
  } finally {
    await files.close(file);
  }
}

/** Payload from an offset on, at most `bytesMax`. */
export async function readPayload(
  files: Files,
  stored: StoredSnapshot,
  offset: number,
  bytesMax: number,
): Promise<Uint8Array> {
  assert(offset >= 0 && bytesMax > 0, "bytes of a snapshot are read from an offset on, and some of them");
  const end = Math.min(offset + bytesMax, stored.payloadBytes);
  if (end <= offset) return new Uint8Array(0);
  const first = Math.floor(offset / CHUNK_BYTES);
  const last = Math.floor((end - 1) / CHUNK_BYTES);
  const data = new Uint8Array(end - offset);
  const file = await files.open(stored.path, "read");
  try {
    let at = first * CHUNK_BYTES;
    await readChunks(files, file, stored, first, last, (payload) => {
      const from = Math.max(offset - at, 0);
      const to = Math.min(end - at, payload.length);
      data.set(payload.subarray(from, to), at + from - offset);
      at += payload.length;
    });
  } finally {
    await files.close(file);
  }
  return data;
}

async function readChunks(
  files: Files,
  file: number,
  stored: StoredSnapshot,
  first: number,
  last: number,
  onChunk: (payload: Uint8Array, checksum: number) => void,
): Promise<void> {
  const start = stored.headerBytes + first * FRAME_BYTES;
  const lengthOf = (number: number) => Math.min(CHUNK_BYTES, stored.payloadBytes - number * CHUNK_BYTES);
  const bytes = await readAt(files, file, start, (last - first) * FRAME_BYTES + CHUNK_HEADER_BYTES + lengthOf(last));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let number = first; number <= last; number++) {
    const at = (number - first) * FRAME_BYTES;
    const length = lengthOf(number);
    const isThere = length > 0 && at + CHUNK_HEADER_BYTES + length <= bytes.length && view.getUint32(at) === length;
    const payload = bytes.subarray(at + CHUNK_HEADER_BYTES, at + CHUNK_HEADER_BYTES + length);
    if (!isThere || chunkChecksum(stored.salt, number, payload) !== view.getUint32(at + 4)) {
      throw new DamageError(stored.path, start + at, `chunk ${number} of this snapshot is damaged`);
    }
    onChunk(payload, view.getUint32(at + 4));
  }
}

async function readAt(files: Files, file: number, position: number, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  return bytes.subarray(0, await files.read(file, bytes, position));
}
