// The mark of a data directory whose contents are being written from a backup, or from another directory. A member does not start
// while it is there: what looks like an empty directory may lack everything.

import { bytesOf } from "../../base/text.ts";
import { foreignError } from "./damage.ts";
import { type Files, isAbsent, removeIfThere } from "./files.ts";
import { pathIn } from "./paths.ts";

export const UNFINISHED_NAME = "unfinished-restore";

/** `remedy`: what to do where this is found, for people. */
export async function markUnfinished(files: Files, directory: string, remedy: string): Promise<void> {
  const file = await files.open(pathIn(directory, UNFINISHED_NAME), "create");
  try {
    await files.write(file, bytesOf(`${remedy}\n`), 0);
    await files.sync(file);
  } finally {
    await files.close(file);
  }
  await files.syncDirectory(directory);
}

export async function markFinished(files: Files, directory: string): Promise<void> {
  await removeIfThere(files, pathIn(directory, UNFINISHED_NAME));
  await files.syncDirectory(directory);
}

export async function refuseUnfinished(files: Files, directory: string): Promise<void> {
  const names = await files.list(directory).catch((error) => {
    if (isAbsent(error)) return [] as string[];
    throw error;
  });
  if (!names.includes(UNFINISHED_NAME)) return;
  const path = pathIn(directory, UNFINISHED_NAME);
  const what = "a restore into this directory was cut short, so it may lack everything";
  throw foreignError(path, 0, what, "This file says what to do");
}
