// Damaged data are never deleted. They are moved to a directory next to the data, where an operator finds them.

import { IDENTITY_NAME } from "./identity.ts";
import { isJournalFile } from "./journal/segment.ts";
import { pathIn } from "./paths.ts";
import type { Place } from "./place.ts";
import { isSnapshot } from "./snapshots.ts";

/** Of the directories below the data directory in which damaged files are kept. */
const ASIDE_PREFIX = "damaged-";

/** Moves everything aside, deleting nothing. The identity first: without it, what remains is never taken for whole. */
export async function setAside(place: Place): Promise<string[]> {
  const { files, directories } = place;
  const asides: string[] = [];
  for (const directory of directories) {
    const aside = await asideDirectory(place, directory);
    const names = (await files.list(directory)).filter(
      (name) => name === IDENTITY_NAME || isJournalFile(name) || isSnapshot(name),
    );
    names.sort((a, b) => Number(b === IDENTITY_NAME) - Number(a === IDENTITY_NAME));
    for (const name of names) {
      await files.rename(pathIn(directory, name), pathIn(aside, name));
      if (name === IDENTITY_NAME) await files.syncDirectory(directory);
    }
    await files.syncDirectory(aside);
    await files.syncDirectory(directory);
    asides.push(aside);
  }
  return asides;
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
