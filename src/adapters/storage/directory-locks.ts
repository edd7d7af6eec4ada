// The locks on a member's directories: for this process, all of them or none. A command that first checks the directories and then
// writes them holds the locks from before the check until after the write.

import { assert } from "../../base/assert.ts";

/** Takes a directory for this process alone; returns how to let go. Throws "configuration" where another process has it. */
export type LockDirectory = (directory: string) => Promise<() => Promise<void>>;

export async function lockAll(directories: Iterable<string>, lock: LockDirectory): Promise<() => Promise<void>> {
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

/** Invariant: all directories are locked until `release`; what opens storage there takes `lock`, which leaves them locked. */
export class HeldDirectories {
  readonly #directories: ReadonlySet<string>;
  readonly #unlock: () => Promise<void>;
  #isHeld = true;

  static async take(directories: Iterable<string>, lock: LockDirectory): Promise<HeldDirectories> {
    const all = new Set(directories);
    return new HeldDirectories(all, await lockAll(all, lock));
  }

  private constructor(directories: ReadonlySet<string>, unlock: () => Promise<void>) {
    this.#directories = directories;
    this.#unlock = unlock;
  }

  readonly lock: LockDirectory = async (directory) => {
    assert(this.#isHeld && this.#directories.has(directory), "storage is opened where the caller holds no lock");
    return async () => {};
  };

  async release(): Promise<void> {
    this.#isHeld = false;
    await this.#unlock();
  }
}
