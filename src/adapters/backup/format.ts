// A backup file: a header of text lines, the state's snapshot as its own format has it, and a last line with the SHA-256 of
// everything before it. `head -12 FILE` shows the header. One flipped, missing or added bit is noticed.
//
//   cabildo backup\n format 1\n program …\n … checksum 8 hex\n · payload · \nsha256 64 hex\n

import { crc32 } from "../../base/crc32.ts";
import { byteString, bytesOf } from "../../base/text.ts";

const FORMAT = 1;
/** A header is a few hundred bytes. */
export const HEADER_BYTES_MAX = 1024;
const TRAILER = /^\nsha256 ([0-9a-f]{64})\n$/;
export const TRAILER_BYTES = 73;

/** What a backup holds, and where it came from. */
export interface BackupHeader {
  /** Version of the program that made it. */
  readonly program: string;
  /** Milliseconds since 1970, by that member's clock. */
  readonly takenAt: number;
  /** The ensemble: two with different numbers have nothing in common. */
  readonly cluster: number;
  readonly member: number;
  /** Of the last log entry that the state holds. */
  readonly index: number;
  readonly term: number;
  /** Commands applied: ZooKeeper's zxid, and the source of all fencing tokens. */
  readonly sequence: number;
  /** Length of the payload. */
  readonly bytes: number;
}

const HEADER = /^(cabildo backup\nformat (\d{1,9})\n(?:[a-z]+ [^\n]{1,200}\n){1,20}?)checksum ([0-9a-f]{8})\n/;
const FIELDS =
  /^cabildo backup\nformat \d+\nprogram ([\w.+-]{1,64})\ntaken (\d{1,15})\ncluster (\d{1,16})\nmember (\d{1,10})\nindex (\d{1,16})\nterm (\d{1,16})\nsequence (\d{1,16})\nbytes (\d{1,16})\n$/;

export function encodeBackupHeader(header: BackupHeader): Uint8Array {
  const { program, takenAt, cluster, member, index, term, sequence, bytes } = header;
  const numbers = { taken: takenAt, cluster, member, index, term, sequence, bytes };
  const lines = Object.entries(numbers).map(([name, value]) => `${name} ${value}\n`);
  const body = `cabildo backup\nformat ${FORMAT}\nprogram ${program}\n${lines.join("")}`;
  return bytesOf(`${body}checksum ${checksumOf(body)}\n`);
}

export type DecodedHeader =
  | { readonly kind: "header"; readonly header: BackupHeader; readonly length: number }
  /** A later version wrote it. */
  | { readonly kind: "format"; readonly format: number }
  | { readonly kind: "foreign" }
  | { readonly kind: "damaged" };

/** Reads the beginning of a file. */
export function decodeBackupHeader(bytes: Uint8Array): DecodedHeader {
  const text = byteString(bytes, 0, Math.min(bytes.length, HEADER_BYTES_MAX));
  const match = HEADER.exec(text);
  if (match === null) return { kind: text.startsWith("cabildo backup\n") ? "damaged" : "foreign" };
  const [whole, body, format, checksum] = match as unknown as [string, string, string, string];
  if (checksumOf(body) !== checksum) return { kind: "damaged" };
  if (Number(format) !== FORMAT) return { kind: "format", format: Number(format) };
  const fields = FIELDS.exec(body);
  if (fields === null) return { kind: "damaged" };
  const numbers = fields.slice(2).map(Number);
  if (!numbers.every(Number.isSafeInteger)) return { kind: "damaged" };
  const [takenAt, cluster, member, index, term, sequence, length] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const header = { program: fields[1]!, takenAt, cluster, member, index, term, sequence, bytes: length };
  return { kind: "header", header, length: whole.length };
}

export function encodeBackupTrailer(sha256: string): Uint8Array {
  return bytesOf(`\nsha256 ${sha256}\n`);
}

/** Null: these bytes are no trailer. */
export function decodeBackupTrailer(bytes: Uint8Array): string | null {
  return TRAILER.exec(byteString(bytes, 0, bytes.length))?.[1] ?? null;
}

function checksumOf(body: string): string {
  return crc32(bytesOf(body)).toString(16).padStart(8, "0");
}
