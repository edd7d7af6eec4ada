// What a stopped member's directories hold, for reading only: nothing is created, removed, moved or written. The caller holds their locks.

import type { Configuration, RecoveredState } from "../../consensus/raft/types.ts";
import type { Log, Snapshots } from "../../replica/ports.ts";
import { quietAfter } from "../timers.ts";
import { refuseForeign } from "./beginning.ts";
import { DamageError, refusal } from "./damage.ts";
import { findData, recoveredState } from "./finding.ts";
import { readEntries } from "./log-reader.ts";
import type { Place } from "./place.ts";
import { SnapshotFiles } from "./snapshots.ts";
import { refuseUnfinished } from "./unfinished.ts";

export interface StoredData {
  readonly recovered: RecoveredState;
  readonly log: Pick<Log, "read">;
  readonly snapshots: Pick<Snapshots, "stream" | "placeOf">;
}

/**
 * Null: nothing was ever here. Throws a CoordinationError that names file, offset and remedy: "damaged" where what is here cannot be
 * trusted, "configuration" where the directory is another's.
 */
export async function readStorageIn(place: Place, initialConfiguration: Configuration): Promise<StoredData | null> {
  const { files, dataDirectory: directory, logger, chance } = place;
  await refuseUnfinished(files, directory);
  await refuseForeign(place);
  const found = await findData(place, "read").catch((error) => {
    throw error instanceof DamageError ? refusal(error) : error;
  });
  if (found === null) return null;
  const events = { onFull: () => {}, onFailure: () => {} }; // only writes tell of them
  const snapshots = new SnapshotFiles(
    { files, directory, owner: found.owner, retained: 1, events, logger, after: quietAfter, chance },
    found.snapshots,
  );
  const { positions } = found.log;
  return {
    recovered: recoveredState(found, snapshots.latest(), initialConfiguration),
    log: { read: (from, to, bytesMax) => readEntries(files, positions, from, to, bytesMax) },
    snapshots,
  };
}
