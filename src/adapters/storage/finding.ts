// What a start finds in a member's directories: identity, log and snapshots, and whether they fit together.

import type { Configuration, RecoveredState, SnapshotMeta } from "../../consensus/raft/types.ts";
import { DamageError } from "./damage.ts";
import { IDENTITY_NAME, readIdentity } from "./identity.ts";
import { isJournalFile, type Owner, SPARE_NAME, segmentName } from "./journal/segment.ts";
import { isUnfinishedBirth, type RecoveredLog, recoverLog } from "./log-recovery.ts";
import { pathIn } from "./paths.ts";
import type { Place } from "./place.ts";
import { asideDirectory } from "./set-aside.ts";
import { openSnapshot, type StoredSnapshot, verifySnapshot } from "./snapshot-reader.ts";
import { isSnapshot } from "./snapshots.ts";

/** What a start found, and agrees with itself. */
export interface Found {
  readonly owner: Owner;
  /** Of the directory. */
  readonly format: number;
  readonly log: RecoveredLog;
  readonly snapshots: readonly StoredSnapshot[];
  /** The log has nothing after this snapshot, or something else than what it ends in: it restarts after it. */
  readonly restart: SnapshotMeta | null;
}

/** `open`: an unfinished birth is removed, and damaged snapshots that nobody needs are set aside. `read`: nothing is changed. */
export type Purpose = "open" | "read";

/** Null: nothing was ever here. Throws a DamageError where something is missing or not as it was written. */
export async function findData(place: Place, purpose: Purpose): Promise<Found | null> {
  const { files, dataDirectory, logDirectory, member, logger } = place;
  const identity = await readIdentity(files, dataDirectory, member);
  const snapshotNames = (await files.list(dataDirectory)).filter(isSnapshot);
  if (identity === null) {
    const logNames = (await files.list(logDirectory)).filter((name) => isJournalFile(name) && name !== SPARE_NAME);
    if (logNames.length + snapshotNames.length === 0) return null;
    if (snapshotNames.length === 0 && (await isUnfinishedBirth(files, logDirectory, logNames))) {
      if (purpose === "open") await files.remove(pathIn(logDirectory, logNames[0]!));
      return null;
    }
    throw new DamageError(pathIn(dataDirectory, IDENTITY_NAME), 0, "the identity is missing, but there are data");
  }
  const { owner, format } = identity;
  const log = await recoverLog(files, logDirectory, owner);
  if (log === null) throw new DamageError(pathIn(logDirectory, segmentName(1)), 0, "the log is missing");
  if (log.journal.tail.isTorn) {
    const { path, end } = log.journal.tail;
    logger.warn(`${path}: a commit at offset ${end} was being written when the member stopped: it is left out`);
  }
  const snapshots = await findSnapshots(place, owner, snapshotNames, log, purpose);
  return { owner, format, log, snapshots, restart: restartAfter(snapshots.at(-1)?.meta ?? null, log) };
}

/** The newest snapshot that is whole, and those before it, the oldest first. Damaged ones count if the log needs them. */
async function findSnapshots(
  place: Place,
  owner: Owner,
  names: readonly string[],
  log: RecoveredLog,
  purpose: Purpose,
): Promise<StoredSnapshot[]> {
  const { files, dataDirectory, logger } = place;
  const whole: StoredSnapshot[] = [];
  let damage: DamageError | null = null;
  const damaged: string[] = [];
  for (const name of names.toSorted((a, b) => indexIn(b) - indexIn(a))) {
    const path = pathIn(dataDirectory, name);
    try {
      const stored = await openSnapshot(files, path, owner);
      if (whole.length === 0) await verifySnapshot(files, stored);
      whole.unshift(stored);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      if (whole.length === 0) damage ??= error;
      damaged.push(name);
      logger.error(error.message);
    }
  }
  const reached = whole.at(-1)?.meta.index ?? 0;
  if (reached < log.positions.base.index) {
    const [first] = log.journal.segments;
    throw (
      damage ??
      new DamageError(
        first!.path,
        0,
        `the log begins after entry ${log.positions.base.index}, and the snapshot that it goes on from is missing`,
      )
    );
  }
  if (damaged.length > 0 && purpose === "open") {
    const aside = await asideDirectory(place, dataDirectory);
    for (const name of damaged) await files.rename(pathIn(dataDirectory, name), pathIn(aside, name));
    await files.syncDirectory(aside);
    await files.syncDirectory(dataDirectory);
    logger.warn(`damaged snapshots were set aside in ${aside}; the log makes good what they held`);
  }
  return whole;
}

function indexIn(name: string): number {
  return Number(name.split("-")[1]);
}

function restartAfter(snapshot: SnapshotMeta | null, { positions }: RecoveredLog): SnapshotMeta | null {
  if (snapshot === null) return null;
  if (snapshot.index > positions.lastIndex) return snapshot;
  const term = positions.termAt(snapshot.index);
  return term !== null && term !== snapshot.term ? snapshot : null;
}

export function recoveredState(found: Found, latest: SnapshotMeta | null, initial: Configuration): RecoveredState {
  const { log, restart } = found;
  const snapshot = latest ?? { index: 0, term: 0, configuration: initial };
  const lastIndex = restart === null ? log.positions.lastIndex : restart.index;
  const commitIndex = Math.min(Math.max(log.hardState.commitIndex, snapshot.index), lastIndex);
  const isAfter = ({ index }: { readonly index: number }) => restart === null && index > snapshot.index;
  const termStarts = log.positions.termStarts.filter(isAfter);
  const first = snapshot.index + 1;
  if (first <= lastIndex && termStarts[0]?.index !== first) {
    termStarts.unshift({ index: first, term: log.positions.termAt(first)! });
  }
  return {
    hardState: { ...log.hardState, commitIndex },
    snapshot,
    lastIndex,
    termStarts,
    configurations: log.configurations.filter(isAfter),
  };
}
