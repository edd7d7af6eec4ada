// The directories of a stopped member, for commands that write a new ensemble into them. A command holds the locks of both from its
// first look until its last write, so that what it saw is still there. Nothing is deleted: old data are moved aside within the directories.

import { access, readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { HeldDirectories } from "../adapters/storage/directory-locks.ts";
import { moveData } from "../adapters/storage/set-aside.ts";
import { systemFiles } from "../adapters/storage/system-files.ts";
import { holdDirectories } from "../adapters/storage/system-storage.ts";
import { markFinished, UNFINISHED_NAME } from "../adapters/storage/unfinished.ts";
import { CoordinationError } from "../base/errors.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";
import { TOKEN_NAME } from "./operator-token.ts";

/** What may stand in an empty data directory: what operators, file systems, locks and members put there before any data. */
const NO_DATA: ReadonlySet<string> = new Set(["myid", "lost+found", "lock", TOKEN_NAME]);

/** Where a member has its data: one directory, or two. */
export type MemberDirectories = Pick<ServerConfiguration, "dataDir" | "logDir">;

function directoriesOf({ dataDir, logDir }: MemberDirectories): readonly string[] {
  return [...new Set([dataDir, logDir])];
}

/** Does the work while no member, and no other command, can use the directories; they must be there. */
export async function whileHeld<T>(
  directories: MemberDirectories,
  work: (held: HeldDirectories) => Promise<T>,
): Promise<T> {
  for (const directory of directoriesOf(directories)) {
    await access(directory).catch((error: NodeJS.ErrnoException) => {
      throw unusable(error.code === "ENOENT" ? `${directory} is not there` : `${directory}: ${error.message}`);
    });
  }
  const held = await holdDirectories(directoriesOf(directories));
  try {
    return await work(held);
  } finally {
    await held.release();
  }
}

/** The same; directories that are not there are made. */
export async function whileMade<T>(
  directories: MemberDirectories,
  work: (held: HeldDirectories) => Promise<T>,
): Promise<T> {
  for (const directory of directoriesOf(directories)) {
    await systemFiles.makeDirectory(directory).catch((error: Error) => {
      throw unusable(`${directory} cannot be made: ${error.message}`);
    });
  }
  return whileHeld(directories, work);
}

/** Throws "configuration" unless both directories of the member are empty or not there. */
export async function requireEmptyDirectories(directories: MemberDirectories): Promise<void> {
  for (const directory of directoriesOf(directories)) {
    const data = (await namesIn(directory)).find((name) => !NO_DATA.has(name));
    if (data === undefined) continue;
    throw unusable(
      `${directory} is not empty (${data}): a backup is restored into new directories only, and nothing was changed. Name ` +
        "another directory, or move what is there away",
    );
  }
}

/** Moves what the directories hold into one of this name below each. */
export async function setDataAside(directories: MemberDirectories, name: string): Promise<void> {
  for (const { directory, aside } of asidesOf(directories, name)) await moveData(systemFiles, directory, aside);
}

/** Where `setDataAside` moves what each directory holds. */
export function asidesOf(directories: MemberDirectories, name: string) {
  return directoriesOf(directories).map((directory) => ({ directory, aside: join(directory, name) }));
}

/**
 * After a failure: takes the mark of an unfinished directory away where nothing was moved aside or written, so that a member starts
 * from it as before. `aside` is null where the directories were empty.
 */
export async function unmarkIfUntouched(directories: MemberDirectories, aside: string | null): Promise<void> {
  try {
    const isUntouched = aside === null ? await areEmpty(directories) : await isNothingIn(asidesOf(directories, aside));
    if (isUntouched) await markFinished(systemFiles, directories.dataDir);
  } catch {
    // The mark stays: it says what to do.
  }
}

async function areEmpty(directories: MemberDirectories): Promise<boolean> {
  const names = (await Promise.all(directoriesOf(directories).map(namesIn))).flat();
  return names.every((name) => NO_DATA.has(name) || name === UNFINISHED_NAME);
}

/** Removes these directories, which were made for what was to be moved, where all are empty. */
async function isNothingIn(places: readonly { readonly aside: string }[]): Promise<boolean> {
  for (const { aside } of places) if ((await namesIn(aside)).length > 0) return false;
  for (const { aside } of places) await rmdir(aside).catch(() => {});
  return true;
}

/** None where no directory is there. */
async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw unusable(`${directory} cannot be read: ${error.message}`);
  });
}

function unusable(message: string): CoordinationError {
  return new CoordinationError("configuration", "not-applied", message);
}
