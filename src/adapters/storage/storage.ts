// Opens a member's data directory: makes sure that it is this member's and nobody else is using it, finds what it holds, and
// decides what damage means: alone, the member refuses to start; among others, it sets aside what it has and is born again,
// under a new incarnation, so that nobody counts on what it has forgotten.

import { join, resolve } from "node:path";
import type { Configuration, HardState, RecoveredState, SnapshotMeta } from "../../consensus/raft/types.ts";
import { type Logger, silentLogger } from "../../replica/logger.ts";
import type { OpenedStorage, StorageEvents } from "../../replica/ports.ts";
import { type After, afterSends, type Defer, quietAfter } from "../timers.ts";
import { type Chance, systemChance } from "./chance.ts";
import { DamageError, foreignError, refusal } from "./damage.ts";
import { type Files, isAbsent, systemFiles } from "./files.ts";
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from "./format.ts";
import { IDENTITY_NAME, newIncarnation, readIdentity, writeIdentity } from "./identity.ts";
import { lockDirectory } from "./lock.ts";
import { FIRST_SEGMENT_BYTES, WriteAheadLog } from "./log.ts";
import type { Pace } from "./pace.ts";
import {
  isLogFile,
  isUnfinishedBirth,
  type Owner,
  type RecoveredLog,
  recoverLog,
  SPARE_NAME,
  segmentName,
} from "./recovery.ts";
import { openSnapshot, type StoredSnapshot, verifySnapshot } from "./snapshot-reader.ts";
import { isSnapshot, isUnfinishedSnapshot, SnapshotFiles } from "./snapshots.ts";
import { reserve } from "./spare.ts";
import { SyncTimes } from "./sync-times.ts";

const SLOW_SYNC_MS = 1000;
const SEGMENT_BYTES = 64 * 1024 * 1024;
const BLANK: HardState = { term: 0, votedFor: null, commitIndex: 0 };

/** Of the directories below the data directory in which damaged files are kept. */
const ASIDE_PREFIX = "damaged-";

export interface StorageOptions {
  readonly dataDirectory: string;
  /** Where the log goes, if not beside the snapshots. */
  readonly logDirectory?: string | undefined;
  readonly member: number;
  /** What a member without a snapshot begins from. */
  readonly initialConfiguration: Configuration;
  readonly retainSnapshots: number;
  /** No other member has this one's data: damage cannot be made good. */
  readonly alone: boolean;
  readonly events: StorageEvents;
  readonly log?: Logger | undefined;
  readonly segmentBytes?: number | undefined;
  /** A sync slower than this is told; a second unless given. */
  readonly slowSyncMs?: number | undefined;
  /** For simulations and tests: the world that storage stands in. */
  readonly files?: Files | undefined;
  readonly lock?: ((directory: string) => Promise<() => Promise<void>>) | undefined;
  readonly after?: After | undefined;
  readonly afterSends?: Defer | undefined;
  readonly pace?: Pace | undefined;
  readonly chance?: Chance | undefined;
  /** Milliseconds since 1970, for the name under which damaged data are set aside. */
  readonly wall?: (() => number) | undefined;
}

interface Place {
  readonly files: Files;
  readonly dataDirectory: string;
  readonly logDirectory: string;
  readonly directories: readonly string[];
  readonly member: number;
  readonly logger: Logger;
  readonly chance: Chance;
  readonly wall: () => number;
}

/** What a start found, and agrees with itself. */
interface Found {
  readonly owner: Owner;
  readonly log: RecoveredLog;
  readonly snapshots: readonly StoredSnapshot[];
  /** The log has nothing after this snapshot, or something else than what it ends in: it restarts after it. */
  readonly restart: SnapshotMeta | null;
}

/**
 * Throws a CoordinationError that names file, offset and remedy: "damaged" where nothing here can be trusted and nobody else
 * has it, "configuration" where the directory is another's or in use. Nothing is changed then.
 */
export async function openStorage(options: StorageOptions): Promise<OpenedStorage> {
  const dataDirectory = resolve(options.dataDirectory);
  const logDirectory = resolve(options.logDirectory ?? dataDirectory);
  const place: Place = {
    files: options.files ?? systemFiles,
    dataDirectory,
    logDirectory,
    directories: [...new Set([dataDirectory, logDirectory])],
    member: options.member,
    logger: options.log ?? silentLogger,
    chance: options.chance ?? systemChance,
    wall: options.wall ?? Date.now,
  };
  for (const directory of place.directories) await place.files.makeDirectory(directory);
  const unlock = await lockAll(place, options.lock ?? lockDirectory);
  try {
    return await openLocked(options, place, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function openLocked(options: StorageOptions, place: Place, unlock: () => Promise<void>): Promise<OpenedStorage> {
  const { files, dataDirectory, logDirectory, logger, chance } = place;
  const found = await findOrBegin(place, options.alone, options.segmentBytes ?? SEGMENT_BYTES);
  await tidy(place);
  const { owner, restart } = found;
  const snapshots = new SnapshotFiles(
    {
      files,
      directory: dataDirectory,
      owner,
      retained: options.retainSnapshots,
      events: options.events,
      logger,
      after: options.after ?? quietAfter,
      chance,
    },
    found.snapshots,
  );
  const recovered = recoveredState(found, snapshots.latest(), options.initialConfiguration);
  const log = new WriteAheadLog(
    {
      files,
      directory: logDirectory,
      owner,
      segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
      events: options.events,
      after: options.after ?? quietAfter,
      afterSends: options.afterSends ?? afterSends,
      chance,
      pace: options.pace,
      syncTimes: new SyncTimes(options.slowSyncMs ?? SLOW_SYNC_MS, logger),
      keptFrom: () => snapshots.oldestIndex,
      onClosed: unlock,
    },
    found.log,
    await continueTail(files, found),
  );
  log.start(restart);
  return { incarnation: owner.incarnation, mayFound: !(await hasAside(place)), recovered, log, snapshots };
}

// ------------------------------------------------------------------------------------------------------------- finding

async function findOrBegin(place: Place, alone: boolean, segmentBytes: number): Promise<Found> {
  const { logger } = place;
  await refuseForeign(place);
  try {
    const found = await find(place);
    if (found !== null) return found;
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    if (alone) throw refusal(error);
    logger.error(error.message);
    const aside = await setAside(place);
    logger.error(
      `what this data directory held was set aside in ${aside.join(" and ")}; this member starts empty, under a new ` +
        "incarnation, and takes everything from the other members. Should a majority of them have lost theirs as well, and " +
        "all is to begin anew, move that away first: until then it begins no ensemble",
    );
  }
  return begin(place, segmentBytes);
}

/** Null: nothing was ever here. Throws a DamageError where something is missing or not as it was written. */
async function find(place: Place): Promise<Found | null> {
  const { files, dataDirectory, logDirectory, member, logger } = place;
  const owner = await readIdentity(files, dataDirectory, member);
  const snapshotNames = (await files.list(dataDirectory)).filter(isSnapshot);
  if (owner === null) {
    const logNames = (await files.list(logDirectory)).filter((name) => isLogFile(name) && name !== SPARE_NAME);
    if (logNames.length + snapshotNames.length === 0) return null;
    if (snapshotNames.length === 0 && (await isUnfinishedBirth(files, logDirectory, logNames))) {
      await files.remove(join(logDirectory, logNames[0]!));
      return null;
    }
    throw new DamageError(join(dataDirectory, IDENTITY_NAME), 0, "the identity is missing, but there are data");
  }
  const log = await recoverLog(files, logDirectory, owner);
  if (log === null) throw new DamageError(join(logDirectory, segmentName(1)), 0, "the log is missing");
  if (log.tail.isTorn) {
    const { path, end } = log.tail;
    logger.warn(`${path}: a commit at offset ${end} was being written when the member stopped: it is left out`);
  }
  const snapshots = await findSnapshots(place, owner, snapshotNames, log);
  return { owner, log, snapshots, restart: restartAfter(snapshots.at(-1)?.meta ?? null, log) };
}

/** The newest snapshot that is whole, and those before it, the oldest first. Damaged ones count if the log needs them. */
async function findSnapshots(
  place: Place,
  owner: Owner,
  names: readonly string[],
  log: RecoveredLog,
): Promise<StoredSnapshot[]> {
  const { files, dataDirectory, logger } = place;
  const whole: StoredSnapshot[] = [];
  let damage: DamageError | null = null;
  const damaged: string[] = [];
  for (const name of names.toSorted((a, b) => indexIn(b) - indexIn(a))) {
    const path = join(dataDirectory, name);
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
    const [first] = log.segments;
    throw (
      damage ??
      new DamageError(
        first!.path,
        0,
        `the log begins after entry ${log.positions.base.index}, and the snapshot that it goes on from is missing`,
      )
    );
  }
  if (damaged.length > 0) {
    const aside = await asideDirectory(place, dataDirectory);
    for (const name of damaged) await files.rename(join(dataDirectory, name), join(aside, name));
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

function recoveredState(found: Found, latest: SnapshotMeta | null, initial: Configuration): RecoveredState {
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

/**
 * Makes certain that what was read is on the disk, and not only in the kernel's memory since a sync that failed or never
 * came: the last commit is written once more and synced. Returns the tail, opened, if it can go on as it is.
 */
async function continueTail(files: Files, { log: { tail }, restart }: Found): Promise<number | null> {
  const file = await files.open(tail.path, "update");
  let isKept = false;
  try {
    if (tail.lastCommitAt !== null) {
      const bytes = new Uint8Array(tail.end - tail.lastCommitAt);
      await files.read(file, bytes, tail.lastCommitAt);
      await files.write(file, bytes, tail.lastCommitAt);
    }
    await files.sync(file);
    isKept = tail.lastCommitAt === null && !tail.isTorn && restart === null;
    return isKept ? file : null;
  } finally {
    if (!isKept) await files.close(file);
  }
}

// ----------------------------------------------------------------------------------------------------------- beginning

/** An empty log under a new incarnation. The identity comes last: a start that was cut short leaves none. */
async function begin(place: Place, segmentBytes: number): Promise<Found> {
  const { files, dataDirectory, logDirectory, member, logger, chance } = place;
  const owner: Owner = { member, incarnation: newIncarnation(chance) };
  const spare = join(logDirectory, SPARE_NAME);
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
      base: { index: 0, term: 0 },
      sequence: 1,
      previousEnd: 0,
      previousChain: 0,
      hardState: BLANK,
    });
    await files.write(file, bytes, 0);
    await files.sync(file);
  } finally {
    await files.close(file);
  }
  await files.rename(spare, join(logDirectory, segmentName(1)));
  await files.syncDirectory(logDirectory);
  await writeIdentity(files, dataDirectory, owner);
  logger.info(`a new data directory for member ${member}: ${dataDirectory}`);
  const log = await recoverLog(files, logDirectory, owner);
  return { owner, log: log!, snapshots: [], restart: null };
}

/** ZooKeeper's own data: starting empty beside them would look like losing them. */
async function refuseForeign({ files, directories }: Place): Promise<void> {
  for (const directory of directories) {
    const path = join(directory, "version-2");
    const names = await files.list(path).catch((error) => {
      if (isAbsent(error) || (error as NodeJS.ErrnoException).code === "ENOTDIR") return [];
      throw error;
    });
    const file = names.find((name) => name.startsWith("log.") || name.startsWith("snapshot."));
    if (file === undefined) continue;
    const remedy = "Choose an empty directory as `dataDir` and `dataLogDir`; nothing was changed";
    throw foreignError(join(path, file), 0, "this directory holds data of Apache ZooKeeper", remedy);
  }
}

/** Moves everything aside, deleting nothing. The identity first: without it, what remains is never taken for whole. */
async function setAside(place: Place): Promise<string[]> {
  const { files, directories } = place;
  const asides: string[] = [];
  for (const directory of directories) {
    const aside = await asideDirectory(place, directory);
    const names = (await files.list(directory)).filter(
      (name) => name === IDENTITY_NAME || isLogFile(name) || isSnapshot(name),
    );
    names.sort((a, b) => Number(b === IDENTITY_NAME) - Number(a === IDENTITY_NAME));
    for (const name of names) {
      await files.rename(join(directory, name), join(aside, name));
      if (name === IDENTITY_NAME) await files.syncDirectory(directory);
    }
    await files.syncDirectory(aside);
    await files.syncDirectory(directory);
    asides.push(aside);
  }
  return asides;
}

/** Whatever became of the start that set it aside. */
async function hasAside({ files, directories }: Place): Promise<boolean> {
  for (const directory of directories) {
    if ((await files.list(directory)).some((name) => name.startsWith(ASIDE_PREFIX))) return true;
  }
  return false;
}

async function asideDirectory({ files, wall }: Place, directory: string): Promise<string> {
  const time = new Date(wall()).toISOString().replaceAll(/[:.]/g, "-");
  const aside = join(directory, `${ASIDE_PREFIX}${time}`);
  await files.makeDirectory(aside);
  return aside;
}

/** What earlier runs left unfinished goes. */
async function tidy({ files, dataDirectory, logDirectory, directories }: Place): Promise<void> {
  for (const name of await files.list(dataDirectory)) {
    if (isUnfinishedSnapshot(name)) await files.remove(join(dataDirectory, name));
  }
  await removeIfThere(files, join(logDirectory, SPARE_NAME));
  for (const directory of directories) await files.syncDirectory(directory);
}

async function lockAll(
  { directories }: Place,
  lock: (directory: string) => Promise<() => Promise<void>>,
): Promise<() => Promise<void>> {
  const held: (() => Promise<void>)[] = [];
  const unlock = async () => {
    for (const release of held.splice(0)) await release();
  };
  try {
    for (const directory of directories) held.push(await lock(directory));
  } catch (error) {
    await unlock();
    throw error;
  }
  return unlock;
}

async function removeIfThere(files: Files, path: string): Promise<void> {
  await files.remove(path).catch((error) => {
    if (!isAbsent(error)) throw error;
  });
}
