// Damaged data are never deleted. They are moved to a directory next to the data, where an operator finds them.

import type { Files } from "./files.ts";
import { IDENTITY_NAME } from "./identity.ts";
import { isJournalFile } from "./journal/segment.ts";
import { pathIn } from "./paths.ts";
import type { Place } from "./place.ts";
import { isSnapshot } from "./snapshots.ts";

/** Of the directories below the data directory in which damaged files are kept. */
const ASIDE_PREFIX = "damaged-";

/** Moves everything aside, deleting nothing. */
export async function setAside(place: Place): Promise<string[]> {
  const asides: string[] = [];
  for (const directory of place.directories) {
    const aside = await asideDirectory(place, directory);
    await moveData(place.files, directory, aside);
    asides.push(aside);
  }
  return asides;
}

/** A member's data into another directory. The identity first: without it, what remains is never taken for whole. */
export async function moveData(files: Files, directory: string, to: string): Promise<void> {
  await files.makeDirectory(to);
  const names = (await files.list(directory)).filter(
    (name) => name === IDENTITY_NAME || isJournalFile(name) || isSnapshot(name),
  );
  names.sort((a, b) => Number(b === IDENTITY_NAME) - Number(a === IDENTITY_NAME));
  for (const name of names) {
    await files.rename(pathIn(directory, name), pathIn(to, name));
    if (name === IDENTITY_NAME) await files.syncDirectory(directory);
  }
  await files.syncDirectory(to);
  await files.syncDirectory(directory);
}

/** Whatever became of the start that set it aside. */
export async function hasAside({ files, directories }: Place): Promise<boolean> {
  for (const directory of directories) {
    if ((await files.list(directory)).some((name) => name.startsWith(ASIDE_PREFIX))) return true;
  }
  return false;
}

export async function asideDirectory({ files, wall }: Place, directory: string): Promise<string> {
  const time = new Date(wall()).toISOString().replaceAll(/[:.]/g, "-");
  const aside = pathIn(directory, `${ASIDE_PREFIX}${time}`);
  await files.makeDirectory(aside);
  return aside;
}
