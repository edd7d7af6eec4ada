// The token by which operators prove to a member that they may have all data and change its ensemble. A member draws one at its first
// start and keeps it in its data directory: whoever may read that directory has all data anyway.

import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemFiles } from "../adapters/storage/system-files.ts";
import { CoordinationError } from "../base/errors.ts";

export const TOKEN_NAME = "operator-token";
/** Shorter ones can be guessed. */
const TOKEN_CHARACTERS_MIN = 32;
const TOKEN_CHARACTERS_MAX = 1024;

/** Where a member's token stands: where its settings say, else in its data directory. */
export function tokenFileOf({ dataDir, tokenFile }: { readonly dataDir: string; readonly tokenFile: string | null }) {
  return tokenFile ?? join(dataDir, TOKEN_NAME);
}

/** The member's token. One is drawn where the settings name no file and none is there yet. */
export async function openOperatorToken(where: {
  readonly dataDir: string;
  readonly tokenFile: string | null;
}): Promise<string> {
  const path = tokenFileOf(where);
  if (where.tokenFile === null) {
    await drawToken(path).catch((error: NodeJS.ErrnoException) => {
      throw unusable(`the operators' token cannot be kept in ${path}: ${error.message}`);
    });
  }
  return readOperatorToken(path);
}

/** Whole or not at all, whatever cuts it short. An empty file is what a power loss left of one: a token is drawn anew. */
async function drawToken(path: string): Promise<void> {
  if (await holdsSomething(path)) return;
  const unfinished = `${path}.new`;
  await rm(unfinished, { force: true });
  const file = await open(unfinished, "wx", 0o600);
  try {
    await file.writeFile(`${randomBytes(32).toString("base64url")}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
  await systemFiles.syncDirectory(dirname(path));
}

/** Zeros count as nothing: some file systems keep a file's length and not its bytes. */
async function holdsSomething(path: string): Promise<boolean> {
  try {
    return /[^\0\s]/.test(await readFile(path, "latin1"));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT"; // what cannot be read is told when it is read
  }
}

async function readOperatorToken(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw unusable(`the operators' token ${path} cannot be read: ${error.message}`);
  });
  const token = text.trim();
  if (token.length >= TOKEN_CHARACTERS_MIN && token.length <= TOKEN_CHARACTERS_MAX && /^[\x21-\x7e]+$/.test(token))
    return token;
  throw unusable(
    `${path} holds no token of ${TOKEN_CHARACTERS_MIN} to ${TOKEN_CHARACTERS_MAX} printable characters: make one with ` +
      '"openssl rand -base64 32"',
  );
}

function unusable(message: string): CoordinationError {
  return new CoordinationError("configuration", "not-applied", message);
}
