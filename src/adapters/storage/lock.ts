// One process at a time on a data directory, by something that the operating system takes back when the process ends,
// however it ends: no stale lock files, no process number mistaken for another's.
//
// Linux: a socket in the abstract namespace, named after the directory's device and inode (so any path to it is the same
// lock). It is not seen across network namespaces: two containers on one volume are not kept apart by it. Elsewhere:
// a file opened with the exclusive lock that macOS, the BSDs and Windows have in `open` itself.

import fs from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { CoordinationError } from "../../base/errors.ts";

const O_EXLOCK = process.platform === "win32" ? 0x10000000 : 0x20;

/** Returns how to let go. */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  return process.platform === "linux" ? lockByName(directory) : lockByFile(directory);
}

async function lockByName(directory: string): Promise<() => Promise<void>> {
  const { dev, ino } = await fs.stat(directory, { bigint: true });
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? inUse(directory) : error);
    });
    server.listen({ path: `\0cabildo-data-${dev}-${ino}`, exclusive: true }, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

async function lockByFile(directory: string): Promise<() => Promise<void>> {
  const flags = fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NONBLOCK | O_EXLOCK;
  try {
    const file = await fs.open(join(directory, "lock"), flags, 0o640);
    return () => file.close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EAGAIN" || code === "EWOULDBLOCK" || code === "EBUSY" || code === "EPERM") throw inUse(directory);
    throw error;
  }
}

function inUse(directory: string): CoordinationError {
  return new CoordinationError(
    "configuration",
    "not-applied",
    `${directory}: another process is using this data directory. Give each member one of its own, or stop the other process`,
  );
}
