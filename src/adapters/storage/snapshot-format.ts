// A snapshot as bytes. Pure.
//
//   header · { length u32 · checksum u32 · bytes }* · trailer
//
// The header begins, in every format, with a magic number, the format and its own length, and ends with its checksum.
// Every chunk but the last has CHUNK_BYTES of payload, so an offset in the payload tells where in the file it stands. A
// chunk's checksum starts from the file's salt and the chunk's number: no chunk passes for another. The trailer, written
// last, says how much there is and sums up the chunks' checksums.

import { ByteReader, ByteWriter, MalformedError } from "../../base/bytes.ts";
import { crc32 } from "../../base/crc32.ts";
import { readMemberId, writeMemberId } from "../../base/member-id.ts";
import { decodeConfiguration, encodeConfiguration } from "../../consensus/raft/configuration.ts";
import type { SnapshotMeta } from "../../consensus/raft/types.ts";
import type { Owner } from "./journal/segment.ts";

export const SNAPSHOT_FORMAT = 2;
export const CHUNK_BYTES = 64 * 1024;
export const CHUNK_HEADER_BYTES = 8;
export const TRAILER_BYTES = 28;
/**
 * As much of a file as is read for its header. A configuration has at most 255 members, some of them twice, and at most twice
 * `DESCRIPTIONS_BYTES_MAX` of descriptions (state/membership/description.ts).
 */
export const SNAPSHOT_HEADER_BYTES_MAX = 4 * 1024 * 1024;

const MAGIC = 0x43617073; // "Caps"
const TRAILER_MARK = 0xffffffff;

export interface SnapshotHeader {
  readonly owner: Owner;
  readonly salt: number;
  readonly meta: SnapshotMeta;
  /** Where the first chunk begins. */
  readonly bytes: number;
}

export function encodeSnapshotHeader(owner: Owner, salt: number, meta: SnapshotMeta): Uint8Array {
  const configuration = encodeConfiguration(meta.configuration);
  const writer = new ByteWriter(256);
  writer.int32(MAGIC);
  writer.int32(SNAPSHOT_FORMAT);
  const length = writer.reserve(4);
  writer.int32(salt);
  writeMemberId(writer, owner.member);
  writer.int64(owner.incarnation);
  writer.int64(meta.index);
  writer.int64(meta.term);
  writer.int32(configuration.length);
  writer.raw(configuration);
  writer.setInt32(length, writer.length + 4);
  writer.int32(crc32(writer.view()));
  return writer.copy();
}

/** Null: these bytes do not begin with a whole header. */
export function decodeSnapshotHeader(
  bytes: Uint8Array,
): { kind: "header"; header: SnapshotHeader } | { kind: "format"; format: number } | null {
  try {
    const reader = new ByteReader(bytes);
    if (reader.uint32() !== MAGIC) return null;
    const format = reader.uint32();
    const length = reader.uint32();
    if (length < reader.offset + 4) return null;
    const summed = new ByteReader(bytes).view(length - 4);
    if (crc32(summed) !== new ByteReader(bytes, length - 4).uint32()) return null;
    if (format !== SNAPSHOT_FORMAT) return { kind: "format", format };
    const salt = reader.uint32();
    const owner = { member: readMemberId(reader), incarnation: reader.natural() };
    const index = reader.counter();
    const term = reader.counter();
    const configuration = reader.view(reader.uint32());
    const meta = { index, term, configuration: decodeConfiguration(configuration.slice()) };
    return { kind: "header", header: { owner, salt, meta, bytes: length } };
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

export interface SnapshotTrailer {
  readonly chunks: number;
  readonly payloadBytes: number;
  /** The chunks' checksums, summed up in order. */
  readonly sum: number;
}

export function encodeSnapshotTrailer(salt: number, { chunks, payloadBytes, sum }: SnapshotTrailer): Uint8Array {
  const writer = new ByteWriter(TRAILER_BYTES);
  writer.int32(TRAILER_MARK);
  writer.int32(chunks);
  writer.int64(payloadBytes);
  writer.int32(sum);
  writer.int32(salt);
  writer.int32(crc32(writer.view(), salt));
  return writer.copy();
}

/** Null: these bytes are not the trailer of the file with this salt. */
export function decodeSnapshotTrailer(salt: number, bytes: Uint8Array): SnapshotTrailer | null {
  if (bytes.length !== TRAILER_BYTES) return null;
  const reader = new ByteReader(bytes);
  if (reader.uint32() !== TRAILER_MARK) return null;
  const chunks = reader.uint32();
  const payloadBytes = reader.int64();
  const sum = reader.uint32();
  if (reader.uint32() !== salt) return null;
  if (crc32(bytes.subarray(0, reader.offset), salt) !== reader.uint32()) return null;
  if (payloadBytes < 0 || chunks !== Math.ceil(payloadBytes / CHUNK_BYTES)) return null;
  return { chunks, payloadBytes, sum };
}

export function chunkChecksum(salt: number, number: number, payload: Uint8Array): number {
  return crc32(payload, (salt + number) >>> 0);
}

/** Adds a chunk's checksum to the sum of those before it. */
export function addChecksum(sum: number, checksum: number): number {
  return crc32(Uint8Array.of(checksum >>> 24, checksum >>> 16, checksum >>> 8, checksum), sum);
}
