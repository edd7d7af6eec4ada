// The operating system's files, behind the port that storage uses.

import fs from "node:fs";
import { dirname } from "node:path";
import type { Files } from "./files.ts";

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
