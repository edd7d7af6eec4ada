// Begins a journal: its first segment, filled with zeros, durable under its name.

import type { Chance } from "../chance.ts";
import { type Files, removeIfThere } from "../files.ts";
import { pathIn } from "../paths.ts";
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from "./format.ts";
import { type Owner, SPARE_NAME, segmentName } from "./segment.ts";
import { FIRST_SEGMENT_BYTES } from "./segment-chain.ts";
import { reserve } from "./spare.ts";

export interface NewJournal {
  readonly files: Files;
  readonly directory: string;
  readonly owner: Owner;
  readonly segmentBytes: number;
  readonly chance: Chance;
  readonly context: Uint8Array;
}

export async function createJournal(journal: NewJournal): Promise<void> {
  const { files, directory, owner, segmentBytes, chance, context } = journal;
  const spare = pathIn(directory, SPARE_NAME);
  await removeIfThere(files, spare);
  const allocated = Math.max(Math.min(segmentBytes, FIRST_SEGMENT_BYTES), 4 * SEGMENT_HEADER_BYTES);
  const file = await reserve(files, spare, allocated);
  try {
    const { bytes } = encodeSegmentHeader({
      ...owner,
      number: 1,
      salt: chance(),
      allocated,
      restarts: false,
      context,
      sequence: 1,
      previousEnd: 0,
      previousChain: 0,
    });
    await files.write(file, bytes, 0);
    await files.sync(file);
  } finally {
    await files.close(file);
  }
  await files.rename(spare, pathIn(directory, segmentName(1)));
  await files.syncDirectory(directory);
}
