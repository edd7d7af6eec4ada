// Continues a journal behind what a start has read of it.

import type { Files } from "../files.ts";
import type { RecoveredJournal } from "./recovery.ts";

/**
 * Makes certain that what was read is on the disk, and not only in the kernel's memory since a sync that failed or never
 * came: the last commit is written once more and synced. Returns the last segment, opened, if it can be written on as it is,
 * which `mayGoOn` may forbid; else null.
 */
export async function continueTail(files: Files, { tail }: RecoveredJournal, mayGoOn: boolean): Promise<number | null> {
  const file = await files.open(tail.path, "update");
  let isKept = false;
  try {
    if (tail.lastCommitAt !== null) {
      const bytes = new Uint8Array(tail.end - tail.lastCommitAt);
      await files.read(file, bytes, tail.lastCommitAt);
      await files.write(file, bytes, tail.lastCommitAt);
    }
    await files.sync(file);
    isKept = tail.lastCommitAt === null && !tail.isTorn && mayGoOn;
    return isKept ? file : null;
  } finally {
    if (!isKept) await files.close(file);
  }
}
