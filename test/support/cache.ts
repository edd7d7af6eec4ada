// What suites install from the registries stands in .cache/, one folder each, made once and kept between runs. A folder
// counts only when its mark is there, so an install that was cut short begins anew; two processes never install the
// same folder at once.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const repository = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const cacheFolder = join(repository, ".cache");

const mark = ".complete";
const waitMs = 200;
const waitMaxMs = 600_000;

/** The folder `.cache/<name>`, filled by `install` unless an earlier run did so. */
export async function cached(name: string, install: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder, name);
  if (existsSync(join(folder, mark))) return folder;
  mkdirSync(cacheFolder, { recursive: true });
  const unlock = await lock(`${folder}.lock`);
  try {
    if (existsSync(join(folder, mark))) return folder;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await install(folder);
    writeFileSync(join(folder, mark), "");
    return folder;
  } finally {
    unlock();
  }
}

async function lock(path: string): Promise<() => void> {
  const deadline = performance.now() + waitMaxMs;
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (!isHeld(path)) rmSync(path, { force: true });
    else if (performance.now() > deadline) throw new Error(`${path} is held by another process for too long`);
    else await sleep(waitMs);
  }
}

/** Whether a file that names its holder's process id still has a living holder. */
export function isHeld(path: string): boolean {
  try {
    const holder = Number(readFileSync(path, "utf8"));
    if (holder === 0) return true; // just made, its id is being written
    process.kill(holder, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
