// A window on a file: a part of it in memory that moves along the file, for reading a log forward in large steps.

import type { Files } from "../files.ts";

const STEP_BYTES = 1024 * 1024;

export class Window {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where in the file `bytes` begins. */
  start = 0;
  readonly length: number;
  readonly #files: Files;
  readonly #file: number;
  readonly #stepBytes: number;

  /** Shows the first `length` bytes of a file. */
  constructor(files: Files, file: number, length: number, stepBytes = STEP_BYTES) {
    this.#files = files;
    this.#file = file;
    this.length = length;
    this.#stepBytes = stepBytes;
  }

  /** Whether bytes [at, at + count) are in memory. */
  holds(at: number, count: number): boolean {
    return at >= this.start && at + count <= this.start + this.bytes.length;
  }

  /** Brings bytes [at, at + count) into new memory, and what follows; false: the file ends before. */
  async move(at: number, count: number): Promise<boolean> {
    if (at + count > this.length) return false;
    const bytes = new Uint8Array(Math.min(Math.max(count, this.#stepBytes), this.length - at));
    const filled = await this.#files.read(this.#file, bytes, at);
    this.bytes = bytes.subarray(0, filled);
    this.start = at;
    return filled >= count;
  }
}
