// Reads a backup file. Nothing of it is given out before every byte was found to be what was written.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { CoordinationError } from "../../base/errors.ts";
import {
  type BackupHeader,
  decodeBackupHeader,
  decodeBackupTrailer,
  HEADER_BYTES_MAX,
  TRAILER_BYTES,
} from "./format.ts";

const READ_BYTES = 1024 * 1024;

export interface VerifiedBackup {
  readonly header: BackupHeader;
  readonly fileBytes: number;
  readonly sha256: string;
  /** The state's snapshot, read from the file once more. */
  payload(): AsyncIterable<Uint8Array>;
}

/**
 * Reads the whole file. Throws a `CoordinationError`: "damaged" where a byte is not what was written, "configuration" where
 * the file is no backup, is of a later format, or cannot be read.
 */
export async function verifyBackup(path: string): Promise<VerifiedBackup> {
  const file = await open(path, "r").catch((error) => {
    throw new CoordinationError("configuration", "not-applied", `${path} cannot be read: ${error.message}`);
  });
  try {
    return await verifyFile(path, file);
  } finally {
    await file.close();
  }
}

async function verifyFile(path: string, file: FileHandle): Promise<VerifiedBackup> {
  const { size } = await file.stat();
  const { header, length } = headerOf(path, await part(file, 0, Math.min(size, HEADER_BYTES_MAX)));
  const expected = length + header.bytes + TRAILER_BYTES;
  if (size !== expected) throw damaged(path, `it has ${size} bytes, and was written with ${expected}`);
  const trailer = decodeBackupTrailer(await part(file, size - TRAILER_BYTES, TRAILER_BYTES));
  const sha256 = await hashOf(file, size - TRAILER_BYTES);
  if (trailer !== sha256) throw damaged(path, "its checksum (SHA-256) is not that of its bytes");
  const range = { start: length, end: length + header.bytes - 1, highWaterMark: READ_BYTES };
  return { header, fileBytes: size, sha256, payload: () => createReadStream(path, range) };
}

function headerOf(path: string, bytes: Uint8Array): { readonly header: BackupHeader; readonly length: number } {
  const decoded = decodeBackupHeader(bytes);
  switch (decoded.kind) {
    case "header":
      return decoded;
    case "damaged":
      throw damaged(path, "its header is not as it was written");
    case "format":
      throw unusable(`${path} has backup format ${decoded.format}, which a later version wrote: use that version`);
    case "foreign":
      throw unusable(`${path} is no backup of Cabildo, or its first bytes are damaged`);
  }
}

async function hashOf(file: FileHandle, end: number): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(READ_BYTES);
  for (let at = 0; at < end; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(READ_BYTES, end - at), at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest("hex");
}

async function part(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  return bytes.subarray(0, bytesRead);
}

function damaged(path: string, what: string): CoordinationError {
  return new CoordinationError("damaged", "not-applied", `${path} is damaged: ${what}. Use another backup`);
}

function unusable(message: string): CoordinationError {
  return new CoordinationError("configuration", "not-applied", message);
}
