// A file system in memory that knows what is durable and what is not: it can lose power, in every way that the real one may
// come back from it, and fail, fill up or stall where it is told to.

import { dirname } from "node:path";
import type { Files } from "../../../src/adapters/storage/files.ts";
import { seededRandom } from "../../../src/base/random.ts";

const SECTOR = 512;

interface Change {
  readonly offset: number;
  /** Null: the file was cut off at `offset`. */
  readonly bytes: Uint8Array | null;
}

interface Inode {
  current: Uint8Array;
  durable: Uint8Array;
  /** What was done since the last sync, in order. */
  pending: Change[];
}

type NameChange = { readonly directory: string; readonly apply: (names: Map<string, Inode>) => void };

export type Operation = "open" | "write" | "sync" | "truncate" | "rename" | "remove" | "syncDirectory";

/** What to do about an operation: let it be (null), fail, or wait. */
export type Fault = (operation: Operation, path: string) => Error | Promise<void> | null;

export class MemoryFiles implements Files {
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  #pendingNames: NameChange[] = [];
  readonly #open = new Map<number, { readonly inode: Inode; readonly path: string }>();
  #lastFile = 0;
  readonly counts = new Map<Operation, number>();
  fault: Fault = () => null;
  /** Called before anything changes: a moment at which power may be lost. */
  onMoment: () => void = () => {};
  /** A write that fails with no space leaves so many bytes of it. */
  partialBytes = 0;

  async open(path: string, mode: "create" | "update" | "read"): Promise<number> {
    if (mode === "create") await this.#meet("open", path);
    let inode = this.#names.get(path);
    if (mode === "create") {
      if (inode !== undefined) throw failure("EEXIST", path);
      inode = { current: new Uint8Array(0), durable: new Uint8Array(0), pending: [] };
      const created = inode;
      this.#rename(path, (names) => names.set(path, created));
    }
    if (inode === undefined) throw failure("ENOENT", path);
    this.#open.set(++this.#lastFile, { inode, path });
    return this.#lastFile;
  }

  async close(file: number): Promise<void> {
    this.#file(file);
    this.#open.delete(file);
  }

  async length(file: number): Promise<number> {
    return this.#file(file).inode.current.length;
  }

  async read(file: number, into: Uint8Array, position: number): Promise<number> {
    const part = this.#file(file).inode.current.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  }

  async write(file: number, bytes: Uint8Array, position: number): Promise<void> {
    const { inode, path } = this.#file(file);
    const copy = bytes.slice(); // as the kernel sees them now
    try {
      await this.#meet("write", path);
    } catch (error) {
      if (this.partialBytes > 0) change(inode, { offset: position, bytes: copy.subarray(0, this.partialBytes) });
      throw error;
    }
    change(inode, { offset: position, bytes: copy });
  }

  async sync(file: number): Promise<void> {
    const { inode, path } = this.#file(file);
    try {
      await this.#meet("sync", path);
    } catch (error) {
      inode.pending = []; // as Linux does: what could not be written counts as clean, and is read as if it were there
      throw error;
    }
    harden(inode);
  }

  writeNow(file: number, bytes: Uint8Array, position: number): void {
    const { inode, path } = this.#file(file);
    try {
      this.#meetNow("write", path);
    } catch (error) {
      if (this.partialBytes > 0) change(inode, { offset: position, bytes: bytes.slice(0, this.partialBytes) });
      throw error;
    }
    change(inode, { offset: position, bytes: bytes.slice() });
  }

  syncNow(file: number): void {
    const { inode, path } = this.#file(file);
    try {
      this.#meetNow("sync", path);
    } catch (error) {
      inode.pending = [];
      throw error;
    }
    harden(inode);
  }

  async truncate(file: number, length: number): Promise<void> {
    const { inode, path } = this.#file(file);
    await this.#meet("truncate", path);
    change(inode, { offset: length, bytes: null });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#meet("rename", from);
    const inode = this.#names.get(from);
    if (inode === undefined) throw failure("ENOENT", from);
    this.#rename(to, (names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  async remove(path: string): Promise<void> {
    if (!this.#names.has(path)) throw failure("ENOENT", path);
    await this.#meet("remove", path);
    this.#rename(path, (names) => names.delete(path));
  }

  async list(directory: string): Promise<string[]> {
    const prefix = `${directory}/`;
    const below = [...this.#names.keys()].filter((path) => path.startsWith(prefix));
    return [...new Set(below.map((path) => path.slice(prefix.length).split("/")[0]!))].sort();
  }

  async makeDirectory(): Promise<void> {}

  async syncDirectory(path: string): Promise<void> {
    await this.#meet("syncDirectory", path);
    for (const change of this.#pendingNames) {
      if (change.directory === path) change.apply(this.#durableNames);
    }
    this.#pendingNames = this.#pendingNames.filter((change) => change.directory !== path);
  }

  // ------------------------------------------------------------------------------------------------- for the tests

  bytes(path: string): Uint8Array {
    const inode = this.#names.get(path);
    if (inode === undefined) throw failure("ENOENT", path);
    return inode.current;
  }

  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** The same files as they look now, all of them durable, to be damaged. */
  copy(): MemoryFiles {
    const copy = new MemoryFiles();
    for (const [path, inode] of this.#names) copy.put(path, inode.current.slice());
    return copy;
  }

  put(path: string, bytes: Uint8Array): void {
    const inode = { current: bytes, durable: bytes.slice(), pending: [] };
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  delete(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  /** What could be on the disk if power were lost now; each way is made by a function, for they are many. */
  crashes(limit: number, seed: number): (() => MemoryFiles)[] {
    const inodes = [...new Set([...this.#names.values(), ...this.#durableNames.values()])];
    const frozen = inodes.map((inode) => ({ inode, durable: inode.durable.slice(), units: unitsOf(inode) }));
    const durableNames = new Map(this.#durableNames);
    const pendingNames = [...this.#pendingNames];
    const count = frozen.reduce((sum, { units }) => sum + units.length, 0);
    const build = (isKept: (unit: number) => boolean | "torn", namesKept: number): MemoryFiles => {
      const names = new Map(durableNames);
      for (const { apply } of pendingNames.slice(0, namesKept)) apply(names);
      const contents = new Map<Inode, Uint8Array>();
      let unit = 0;
      for (const { inode, durable, units } of frozen) {
        let bytes: Uint8Array = durable;
        for (const part of units) {
          const kept = isKept(unit++);
          if (kept !== false) bytes = changed(bytes, kept === "torn" ? tornOf(part) : part);
        }
        contents.set(inode, bytes === durable ? durable.slice() : bytes);
      }
      const crashed = new MemoryFiles();
      for (const [path, inode] of names) crashed.put(path, contents.get(inode)!);
      return crashed;
    };
    const combinations = 2 ** count * (pendingNames.length + 1);
    if (combinations <= limit) {
      return Array.from({ length: combinations }, (_, number) => () => {
        const bits = Math.floor(number / (pendingNames.length + 1));
        return build((unit) => ((bits >>> unit) & 1) === 1, number % (pendingNames.length + 1));
      });
    }
    return Array.from({ length: limit }, (_, number) => () => {
      const random = seededRandom(seed * 1000 + number);
      const namesKept = random.below(pendingNames.length + 1);
      if (random.chance(0.5)) {
        const share = random.below(5) / 4;
        return build(() => random.chance(share), namesKept); // any sectors
      }
      const first = random.below(count + 1); // in order, and stopped in the middle of one
      return build((unit) => (unit === first ? "torn" : unit < first), namesKept);
    });
  }

  #rename(path: string, apply: (names: Map<string, Inode>) => void): void {
    apply(this.#names);
    this.#pendingNames.push({ directory: dirname(path), apply });
  }

  async #meet(operation: Operation, path: string): Promise<void> {
    this.onMoment();
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1);
    const met = this.fault(operation, path);
    if (met instanceof Error) throw met;
    await met;
  }

  #meetNow(operation: Operation, path: string): void {
    this.onMoment();
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1);
    const met = this.fault(operation, path);
    if (met instanceof Error) throw met;
    if (met !== null) throw new Error("a blocking operation cannot wait here");
  }

  #file(file: number): { readonly inode: Inode; readonly path: string } {
    const open = this.#open.get(file);
    if (open === undefined) throw failure("EBADF", String(file));
    return { inode: open.inode, path: this.#pathOf(open.inode) ?? open.path };
  }

  /** A file's name as it is now. */
  #pathOf(inode: Inode): string | null {
    for (const [path, named] of this.#names) if (named === inode) return path;
    return null;
  }
}

export function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

function change(inode: Inode, made: Change): void {
  inode.current = changed(inode.current, made);
  inode.pending.push(made);
}

function harden(inode: Inode): void {
  for (const made of inode.pending) inode.durable = changed(inode.durable, made);
  inode.pending = [];
}

function changed(bytes: Uint8Array, { offset, bytes: written }: Change): Uint8Array {
  if (written === null) return bytes.slice(0, offset);
  const result = new Uint8Array(Math.max(bytes.length, offset + written.length));
  result.set(bytes);
  result.set(written, offset);
  return result;
}

/** A write as the sectors that a disk takes one by one, in any order. */
function unitsOf({ pending }: Inode): Change[] {
  return pending.flatMap((made) => {
    if (made.bytes === null) return [made];
    const units: Change[] = [];
    for (let at = 0; at < made.bytes.length; ) {
      const end = Math.min(made.bytes.length, at + SECTOR - ((made.offset + at) % SECTOR));
      units.push({ offset: made.offset + at, bytes: made.bytes.subarray(at, end) });
      at = end;
    }
    return units;
  });
}

/** Only the beginning of a sector. */
function tornOf({ offset, bytes }: Change): Change {
  return bytes === null ? { offset, bytes } : { offset, bytes: bytes.subarray(0, bytes.length >> 1) };
}
