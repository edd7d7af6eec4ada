// Opens a member's data directory. It checks that the directory belongs to this member and that no other process uses it, finds
// what it holds, and decides what damage means. A member without others refuses to start on damage. One with others sets its
// data aside and starts empty, under a new incarnation, so that nobody counts on what it has lost.

import { type Logger, silentLogger } from "../../base/logger.ts";
import type { Configuration } from "../../consensus/raft/types.ts";
import type { OpenedStorage, StorageEvents } from "../../replica/ports.ts";
import type { After, Defer } from "../timers.ts";
import { begin, refuseForeign } from "./beginning.ts";
import type { Chance } from "./chance.ts";
import { DamageError, refusal } from "./damage.ts";
import { DirectoryFormat } from "./directory-format.ts";
import { type LockDirectory, lockAll } from "./directory-locks.ts";
import { type Files, removeIfThere } from "./files.ts";
import { type Found, findData, recoveredState } from "./finding.ts";
import type { Pace } from "./journal/pace.ts";
import { SPARE_NAME } from "./journal/segment.ts";
import { SyncTimes } from "./journal/sync-times.ts";
import { continueTail } from "./journal/tail.ts";
import { WriteAheadLog } from "./log.ts";
import { pathIn } from "./paths.ts";
import type { Place } from "./place.ts";
import { hasAside, setAside } from "./set-aside.ts";
import { isUnfinishedSnapshot, SnapshotFiles } from "./snapshots.ts";
import { refuseUnfinished } from "./unfinished.ts";

const SLOW_SYNC_MS = 1000;
const SEGMENT_BYTES = 64 * 1024 * 1024;

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
  /** The caller is the restore that has marked this directory as unfinished. */
  readonly isRestoring?: boolean | undefined;
  readonly events: StorageEvents;
  readonly log?: Logger | undefined;
  readonly segmentBytes?: number | undefined;
  /** A sync slower than this is told; a second unless given. */
  readonly slowSyncMs?: number | undefined;
  readonly pace?: Pace | undefined;
}

/** What storage needs of its surroundings: the operating system's (`system-storage.ts`), or a simulated one. */
export interface StorageWorld {
  readonly files: Files;
  readonly lock: LockDirectory;
  readonly after: After;
  /** Runs a task once this turn's frames have left for the other members. */
  readonly afterSends: Defer;
  readonly chance: Chance;
  /** Monotonic milliseconds: how long syncs take. */
  readonly now: () => number;
  /** Milliseconds since 1970, for the name under which damaged data are set aside. */
  readonly wall: () => number;
}

/**
 * Directories are absolute. Throws a CoordinationError that names file, offset and remedy: "damaged" where nothing here can be trusted and nobody else
 * has it, "configuration" where the directory is another's or in use. Nothing is changed then.
 */
export async function openStorageIn(world: StorageWorld, options: StorageOptions): Promise<OpenedStorage> {
  const { dataDirectory, logDirectory = dataDirectory } = options;
  const place: Place = {
    files: world.files,
    dataDirectory,
    logDirectory,
    directories: [...new Set([dataDirectory, logDirectory])],
    member: options.member,
    logger: options.log ?? silentLogger,
    chance: world.chance,
    wall: world.wall,
  };
  for (const directory of place.directories) await place.files.makeDirectory(directory);
  const unlock = await lockAll(place.directories, world.lock);
  try {
    if (options.isRestoring !== true) await refuseUnfinished(place.files, dataDirectory);
    return await openLocked(world, options, place, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function openLocked(
  world: StorageWorld,
  options: StorageOptions,
  place: Place,
  unlock: () => Promise<void>,
): Promise<OpenedStorage> {
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
      after: world.after,
      chance,
    },
    found.snapshots,
  );
  const directoryFormat = new DirectoryFormat(
    { owner, format: found.format },
    {
      files,
      directory: dataDirectory,
      after: world.after,
      logger,
      onFailure: (error) => options.events.onFailure(error),
    },
  );
  const recovered = recoveredState(found, snapshots.latest(), options.initialConfiguration);
  const log = new WriteAheadLog(
    {
      files,
      directory: logDirectory,
      owner,
      segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
      events: options.events,
      after: world.after,
      afterSends: world.afterSends,
      chance,
      pace: options.pace,
      syncTimes: new SyncTimes(options.slowSyncMs ?? SLOW_SYNC_MS, logger, world.now),
      keptFrom: () => snapshots.oldestIndex,
      onClosed: async () => {
        await directoryFormat.close();
        await unlock();
      },
    },
    found.log,
    await continueTail(files, found.log.journal, restart === null),
  );
  log.start(restart);
  return {
    incarnation: owner.incarnation,
    mayFound: !(await hasAside(place)),
    recovered,
    log,
    snapshots,
    requireLevel: (level) => directoryFormat.requireLevel(level),
  };
}

async function findOrBegin(place: Place, alone: boolean, segmentBytes: number): Promise<Found> {
  const { logger } = place;
  await refuseForeign(place);
  try {
    const found = await findData(place, "open");
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

/** What earlier runs left unfinished goes. */
async function tidy({ files, dataDirectory, logDirectory, directories }: Place): Promise<void> {
  for (const name of await files.list(dataDirectory)) {
    if (isUnfinishedSnapshot(name)) await files.remove(pathIn(dataDirectory, name));
  }
  await removeIfThere(files, pathIn(logDirectory, SPARE_NAME));
  for (const directory of directories) await files.syncDirectory(directory);
}
