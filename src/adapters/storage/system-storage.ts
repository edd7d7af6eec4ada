// A member's storage on the operating system's files, with its locks, timers, clocks and chance.

import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import type { OpenedStorage } from "../../replica/ports.ts";
import { afterSends, quietAfter } from "../timers.ts";
import type { Chance } from "./chance.ts";
import { lockDirectory } from "./lock.ts";
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
