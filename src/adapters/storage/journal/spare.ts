// The segment that comes next, made ready beside the log: filled with zeros and synced in small steps, so that the space is
// really there, a full disk is met here and not in the middle of a commit, and the log's own syncs are not held up.

import type { After } from "../../timers.ts";
import { type Files, isAbsent, isNoSpace } from "../files.ts";
import { pathIn } from "../paths.ts";
import { SECTOR_BYTES } from "./format.ts";
import { SPARE_NAME } from "./segment.ts";

const FILL_BYTES = 512 * 1024;
const SYNC_EVERY_BYTES = 4 * 1024 * 1024;
/** A disk that has not even so much room counts as full. */
const SMALL_BYTES = 1024 * 1024;

export interface SpareFile {
  readonly path: string;
  readonly file: number;
  readonly allocated: number;
}

export interface SpareOptions {
  readonly files: Files;
  readonly directory: string;
  readonly after: After;
  readonly onFull: (isFull: boolean) => void;
}

const RETRY_MS = 1000;
const zeros = new Uint8Array(FILL_BYTES);

/** Creates a file of so many zeros, really there. */
export async function reserve(files: Files, path: string, size: number): Promise<number> {
  const file = await files.open(path, "create");
  try {
    for (let at = 0; at < size; at += FILL_BYTES) {
      await files.write(file, at + FILL_BYTES <= size ? zeros : zeros.subarray(0, size - at), at);
      if ((at + FILL_BYTES) % SYNC_EVERY_BYTES === 0) await files.sync(file);
    }
    await files.sync(file);
    return file;
  } catch (error) {
    await files.close(file);
    throw error;
  }
}

export class Spare {
  readonly #options: SpareOptions;
  readonly #path: string;
  #preparing: Promise<SpareFile | null> | null = null;
  #isClosed = false;
  /** What a commit that cannot go on needs. */
  #needed: number | null = null;
  #wake: (() => void) | null = null;

  constructor(options: SpareOptions) {
    this.#options = options;
    this.#path = pathIn(options.directory, SPARE_NAME);
  }

  /** Begins to make one ready, of `bytes` if there is room, else of less. */
  prepare(bytes: number, bytesMin: number): void {
    if (this.#preparing !== null) return;
    this.#preparing = this.#prepare(sectors(Math.max(bytes, bytesMin)), sectors(bytesMin));
    this.#preparing.catch(() => {}); // met by whoever takes it
  }

  /** The one made ready, at least so large; waits for it, and for room. Null: closed meanwhile. */
  async take(bytes: number, bytesMin: number): Promise<SpareFile | null> {
    this.prepare(bytes, bytesMin);
    this.#needed = sectors(bytesMin);
    this.#wake?.();
    const spare = await this.#preparing!;
    this.#preparing = null;
    this.#needed = null;
    if (spare === null || spare.allocated >= bytesMin) return spare;
    await this.#options.files.close(spare.file);
    return this.take(bytes, bytesMin);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake?.();
    const spare = await this.#preparing?.catch(() => null);
    if (spare) {
      await this.#options.files.close(spare.file);
      await this.#options.files.remove(this.#path);
    }
  }

  async #prepare(bytes: number, bytesMin: number): Promise<SpareFile | null> {
    const { onFull } = this.#options;
    const sizes = [bytes, Math.min(bytes, Math.max(bytesMin, SMALL_BYTES))];
    for (;;) {
      for (const size of sizes) {
        if (this.#isClosed) return null;
        const file = await this.#fill(size);
        if (file === null) continue;
        onFull(false);
        return this.#ready(file, size);
      }
      onFull(true);
      // Nothing new is begun now, but what is under way has to be written somewhere: the last of the room is for that.
      const needed = this.#needed;
      const file = needed === null || this.#isClosed ? null : await this.#fill(needed);
      if (needed !== null && file !== null) return this.#ready(file, needed);
      await this.#pause();
    }
  }

  async #ready(file: number, allocated: number): Promise<SpareFile | null> {
    if (!this.#isClosed) return { path: this.#path, file, allocated };
    await this.#options.files.close(file);
    await this.#removeOld();
    return null;
  }

  /** Null: no room for so much; then nothing is left of it. */
  async #fill(size: number): Promise<number | null> {
    await this.#removeOld();
    try {
      return await reserve(this.#options.files, this.#path, size);
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      await this.#removeOld();
      return null;
    }
  }

  async #removeOld(): Promise<void> {
    try {
      await this.#options.files.remove(this.#path);
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }

  #pause(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.after(RETRY_MS, resolve);
      this.#wake = () => {
        this.#wake = null;
        cancel();
        resolve();
      };
    });
  }
}

function sectors(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}
