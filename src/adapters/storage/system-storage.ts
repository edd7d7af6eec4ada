// A member's storage on the operating system's files, with its locks, timers, clocks and chance.

import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { silentLogger } from "../../base/logger.ts";
import type { OpenedStorage } from "../../replica/ports.ts";
import { afterSends, quietAfter } from "../timers.ts";
import type { Chance } from "./chance.ts";
import { HeldDirectories } from "./directory-locks.ts";
import { lockDirectory } from "./lock.ts";
import { readStorageIn, type StoredData } from "./reading.ts";
import { openStorageIn, type StorageOptions, type StorageWorld } from "./storage.ts";
import { systemFiles } from "./system-files.ts";

const systemChance: Chance = () => randomBytes(4).readUInt32BE();

const SYSTEM: StorageWorld = {
  files: systemFiles,
  lock: lockDirectory,
  after: quietAfter,
  afterSends,
  chance: systemChance,
  now: () => performance.now(),
  wall: Date.now,
};

/** `openStorageIn` the operating system; tests put parts of their own in its place. */
export function openStorage(options: StorageOptions & Partial<StorageWorld>): Promise<OpenedStorage> {
  const dataDirectory = resolve(options.dataDirectory);
  const logDirectory = resolve(options.logDirectory ?? dataDirectory);
  return openStorageIn({ ...SYSTEM, ...options }, { ...options, dataDirectory, logDirectory });
}

/** What `readStorageIn` finds in the operating system's directories. The caller holds their locks (`holdDirectories`). */
export function readStorage(
  options: Pick<StorageOptions, "dataDirectory" | "logDirectory" | "member" | "initialConfiguration" | "log">,
): Promise<StoredData | null> {
  const dataDirectory = resolve(options.dataDirectory);
  const logDirectory = resolve(options.logDirectory ?? dataDirectory);
  const directories = [...new Set([dataDirectory, logDirectory])];
  const { files, chance, wall } = SYSTEM;
  const logger = options.log ?? silentLogger;
  const place = { files, dataDirectory, logDirectory, directories, member: options.member, logger, chance, wall };
  return readStorageIn(place, options.initialConfiguration);
}

/** Takes directories that are there for this process alone, until they are released. */
export function holdDirectories(directories: readonly string[]): Promise<HeldDirectories> {
  return HeldDirectories.take(
    directories.map((directory) => resolve(directory)),
    lockDirectory,
  );
}
