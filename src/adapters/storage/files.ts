// The few things that storage asks of a file system, as one port: the real one stands here, and tests put in its place one
// that fails, fills up, stalls, or forgets what was never synced.

import fs from "node:fs";
import { dirname } from "node:path";

export interface Files {
  /** "create" fails where the file exists, "update" and "read" where it does not. */
  open(path: string, mode: "create" | "update" | "read"): Promise<number>;
  close(file: number): Promise<void>;
  length(file: number): Promise<number>;
  /** Fills `into` from `position` on; returns how many bytes there were. */
  read(file: number, into: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes`, or fails having written any part of them. */
  write(file: number, bytes: Uint8Array, position: number): Promise<void>;
  /** Makes all that was written to the file durable, and its length. */
  sync(file: number): Promise<void>;
  /** `write` and `sync` on the caller's thread: half the cost, for a disk that answers at once. */
  writeNow(file: number, bytes: Uint8Array, position: number): void;
  syncNow(file: number): void;
  truncate(file: number, length: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  list(directory: string): Promise<string[]>;
  /** Makes it and what is above it, durably; no error where it exists. */
  makeDirectory(path: string): Promise<void>;
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(path: string): Promise<void>;
}

type Done<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

function promised<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value)));
  });
}

const FLAGS = { create: "wx+", update: "r+", read: "r" } as const;

export const systemFiles: Files = {
  open: (path, mode) => promised((done) => fs.open(path, FLAGS[mode], 0o640, done)),
  close: (file) => promised<void>((done) => fs.close(file, (error) => done(error ?? null))),
  length: async (file) => (await promised<fs.Stats>((done) => fs.fstat(file, done))).size,

  async read(file, into, position) {
    let filled = 0;
    while (filled < into.length) {
      const count = await promised<number>((done) =>
        fs.read(file, into, filled, into.length - filled, position + filled, done),
      );
      if (count === 0) break;
      filled += count;
    }
    return filled;
  },

  async write(file, bytes, position) {
    for (let written = 0; written < bytes.length; ) {
      written += await promised<number>((done) =>
        fs.write(file, bytes, written, bytes.length - written, position + written, done),
      );
    }
  },

  sync: (file) => promised<void>((done) => fs.fdatasync(file, (error) => done(error))),

  writeNow(file, bytes, position) {
    for (let written = 0; written < bytes.length; ) {
      written += fs.writeSync(file, bytes, written, bytes.length - written, position + written);
    }
  },

  syncNow: (file) => fs.fdatasyncSync(file),
  truncate: (file, length) => promised<void>((done) => fs.ftruncate(file, length, (error) => done(error))),
  rename: (from, to) => promised<void>((done) => fs.rename(from, to, (error) => done(error))),
  remove: (path) => promised<void>((done) => fs.unlink(path, (error) => done(error))),
  list: (directory) => promised<string[]>((done) => fs.readdir(directory, done)),

  async makeDirectory(path) {
    const first = await promised<string | undefined>((done) => fs.mkdir(path, { recursive: true, mode: 0o750 }, done));
    if (first === undefined) return;
    for (let parent = dirname(path); parent.length >= dirname(first).length; parent = dirname(parent)) {
      await systemFiles.syncDirectory(parent);
      if (parent === dirname(parent)) break;
    }
  },

  async syncDirectory(path) {
    if (process.platform === "win32") return; // no such thing there: NTFS journals names by itself
    const directory = await systemFiles.open(path, "read");
    try {
      await promised<void>((done) => fs.fsync(directory, (error) => done(error)));
    } finally {
      await systemFiles.close(directory);
    }
  },
};

/** Whether the disk, or this user's share of it, has no room: the one failure that passes by itself. */
export function isNoSpace(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === "ENOSPC" || code === "EDQUOT";
}

export function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === "ENOENT";
}

export async function readWhole(files: Files, path: string, bytesMax: number): Promise<Uint8Array> {
  const file = await files.open(path, "read");
  try {
    const bytes = new Uint8Array(Math.min(bytesMax, await files.length(file)));
    return bytes.subarray(0, await files.read(file, bytes, 0));
  } finally {
    await files.close(file);
  }
}

export async function removeIfThere(files: Files, path: string): Promise<void> {
  await files.remove(path).catch((error) => {
    if (!isAbsent(error)) throw error;
  });
}
