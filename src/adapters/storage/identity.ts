// The identity of a data directory: a small text file that says which member and ensemble it belongs to. It is written
// before anything else, and again when the feature level was raised (directory-format.ts): the format says which programs may
// open the directory.

import { assert } from "../../base/assert.ts";
import { crc32 } from "../../base/crc32.ts";
import { isMemberId } from "../../base/member-id.ts";
import { byteString, bytesOf } from "../../base/text.ts";
import type { Chance } from "./chance.ts";
import { DamageError, foreignError } from "./damage.ts";
import { type Files, isAbsent, readWhole } from "./files.ts";
import type { Owner } from "./journal/segment.ts";
import { pathIn } from "./paths.ts";

export const IDENTITY_NAME = "identity";
/** Of each feature level, the format of directories with data of that level. The fields are the same in all. */
const FORMAT_OF_LEVEL: readonly number[] = [1, 2];
const TEMPORARY_NAME = "identity-unfinished";
const IDENTITY = /^(cabildo data directory\nformat (\d{1,9})\n(?:[a-z]+ .*\n)*)checksum ([0-9a-f]{8})\n$/;
const BODY = /^cabildo data directory\nformat \d+\nmember (\d{1,10})\nincarnation (\d{1,15})\n$/;

export interface Identity {
  readonly owner: Owner;
  readonly format: number;
}

/** Of data of this feature level; levels that are models' of tests have that of the highest. */
export function directoryFormatOf(level: number): number {
  return FORMAT_OF_LEVEL[Math.min(level, FORMAT_OF_LEVEL.length - 1)]!;
}

/** Null: there is none. Throws unless it is this member's. */
export async function readIdentity(files: Files, directory: string, member: number): Promise<Identity | null> {
  const path = pathIn(directory, IDENTITY_NAME);
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(files, path, 4096);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
  const match = IDENTITY.exec(byteString(bytes, 0, bytes.length));
  if (match === null || checksumOf(match[1]!) !== match[3]) throw new DamageError(path, 0, "the identity is damaged");
  const format = Number(match[2]);
  const body = BODY.exec(match[1]!);
  if (!FORMAT_OF_LEVEL.includes(format) || body === null) {
    const what = `this data directory has format ${format}, and this version reads ${FORMAT_OF_LEVEL.join(" and ")}`;
    throw foreignError(path, match[0].indexOf("format"), what, "Start the version that wrote it");
  }
  const owner = { member: Number(body[1]), incarnation: Number(body[2]) };
  if (owner.member === member) return { owner, format };
  throw foreignError(
    path,
    match[0].indexOf("member"),
    `this is the data directory of member ${owner.member}, and this is member ${member}`,
    "Correct `myid` or the data directory; nothing was changed",
  );
}

export async function writeIdentity(files: Files, directory: string, { owner, format }: Identity): Promise<void> {
  assert(isMemberId(owner.member), "an identity without a member's number");
  assert(owner.incarnation > 0 && owner.incarnation < 2 ** 48, "an incarnation has 48 bits, and is never 0");
  assert(FORMAT_OF_LEVEL.includes(format), `a data directory of format ${format}`);
  const body = `cabildo data directory\nformat ${format}\nmember ${owner.member}\nincarnation ${owner.incarnation}\n`;
  const temporary = pathIn(directory, TEMPORARY_NAME);
  await files.remove(temporary).catch((error) => {
    if (!isAbsent(error)) throw error;
  });
  const file = await files.open(temporary, "create");
  try {
    await files.write(file, bytesOf(`${body}checksum ${checksumOf(body)}\n`), 0);
    await files.sync(file);
  } finally {
    await files.close(file);
  }
  await files.rename(temporary, pathIn(directory, IDENTITY_NAME));
  await files.syncDirectory(directory);
}

/** 48 random bits, never 0: 0 means "not known yet". */
export function newIncarnation(chance: Chance): number {
  return Math.max(1, (chance() >>> 16) * 2 ** 32 + chance());
}

function checksumOf(body: string): string {
  return crc32(bytesOf(body)).toString(16).padStart(8, "0");
}
