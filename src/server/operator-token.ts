// The token by which operators prove to a member that they may have all data and change its ensemble. A member draws one at its first
// start and keeps it in its data directory: whoever may read that directory has all data anyway.

import { randomBytes } from "node:crypto";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

/** Whole or not at all, whatever cuts it short. */
async function drawToken(path: string): Promise<void> {
  if ((await stat(path).catch(() => null)) !== null) return;
  const unfinished = `${path}.new`;
  await rm(unfinished, { force: true });
  await writeFile(unfinished, `${randomBytes(32).toString("base64url")}\n`, { flag: "wx", mode: 0o600 });
  await rename(unfinished, path);
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
