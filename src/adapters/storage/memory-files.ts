// Files in memory, behind the port that storage uses: for test clusters, whose data nobody keeps. What is written is "durable" at once,
// for as long as the object lives; there is no power to lose.

import type { Files } from "./files.ts";

interface MemoryFile {
  bytes: Uint8Array;
  length: number;
}

export class MemoryFiles implements Files {
  readonly #names = new Map<string, MemoryFile>();
  readonly #open = new Map<number, MemoryFile>();
  #lastFile = 0;

  async open(path: string, mode: "create" | "update" | "read"): Promise<number> {
    let file = this.#names.get(path);
    if (mode === "create") {
      if (file !== undefined) throw failure("EEXIST", path);
      file = { bytes: new Uint8Array(0), length: 0 };
      this.#names.set(path, file);
    }
    if (file === undefined) throw failure("ENOENT", path);
    this.#open.set(++this.#lastFile, file);
    return this.#lastFile;
  }

  async close(file: number): Promise<void> {
    this.#open.delete(file);
  }

  async length(file: number): Promise<number> {
    return this.#file(file).length;
  }

  async read(file: number, into: Uint8Array, position: number): Promise<number> {
    const { bytes, length } = this.#file(file);
    const part = bytes.subarray(Math.min(position, length), Math.min(position + into.length, length));
    into.set(part);
    return part.length;
  }

  async write(file: number, bytes: Uint8Array, position: number): Promise<void> {
    this.writeNow(file, bytes, position);
  }

  async sync(): Promise<void> {}

  writeNow(file: number, bytes: Uint8Array, position: number): void {
    const found = this.#file(file);
    if (bytes.length === 0) return; // as the system's: nothing grows
    const end = position + bytes.length;
    if (end > found.bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * found.bytes.length));
      larger.set(found.bytes.subarray(0, found.length));
      found.bytes = larger;
    }
    found.bytes.set(bytes, position);
    found.length = Math.max(found.length, end);
  }

  syncNow(): void {}

  async truncate(file: number, length: number): Promise<void> {
    const found = this.#file(file);
    if (length > found.length) this.writeNow(file, new Uint8Array(length - found.length), found.length);
    found.bytes.fill(0, length, found.length);
    found.length = length;
  }

  async rename(from: string, to: string): Promise<void> {
    const file = this.#names.get(from);
    if (file === undefined) throw failure("ENOENT", from);
    this.#names.delete(from);
    this.#names.set(to, file);
  }

  async remove(path: string): Promise<void> {
    if (!this.#names.delete(path)) throw failure("ENOENT", path);
  }

  async list(directory: string): Promise<string[]> {
    const prefix = `${directory}/`;
    const names = [...this.#names.keys()].filter((path) => path.startsWith(prefix));
    return [...new Set(names.map((path) => path.slice(prefix.length).split("/")[0]!))].sort();
  }

  async makeDirectory(): Promise<void> {}

  async syncDirectory(): Promise<void> {}

  #file(file: number): MemoryFile {
    const found = this.#open.get(file);
    if (found === undefined) throw failure("EBADF", String(file));
    return found;
  }
}

function failure(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
