// The disk of a simulated machine, as files in memory. What was synced stays for ever. What was not synced stays until power is
// lost; then chance decides, sector by sector. The disk can be slow, stall, fail a sync, fill up, and flip a bit. Storage uses
// it through the same port as a real one.

import type { Files } from "../../adapters/storage/files.ts";
import type { Random } from "../../base/random.ts";
import type { VirtualClock, VirtualTime } from "./time.ts";

const SECTOR_BYTES = 512;

interface Change {
  readonly order: number;
  readonly offset: number;
  /** Null: the file was cut off at `offset`. */
  readonly bytes: Uint8Array | null;
}

interface Inode {
  readonly current: Content;
  readonly durable: Content;
  /** The changes since the last sync, in order. */
  pending: Change[];
}

interface NameChange {
  /** The change is durable once one of these directories is synced, because a rename is one step of the file system's journal. */
  readonly directories: readonly string[];
  readonly order: number;
  readonly apply: (names: Map<string, Inode>) => void;
}

/** Bytes that can grow and shrink. */
class Content {
  #bytes = new Uint8Array(0);
  length = 0;

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  make({ offset, bytes }: Pick<Change, "offset" | "bytes">): void {
    const end = offset + (bytes?.length ?? 0);
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    if (bytes === null) {
      this.#bytes.fill(0, end, this.length);
      this.length = end;
    } else {
      this.#bytes.set(bytes, offset);
      this.length = Math.max(this.length, end);
    }
  }

  flip(offset: number, bit: number): void {
    this.#bytes[offset]! ^= 1 << bit;
  }
}

export class VirtualDisk {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  #pendingNames: NameChange[] = [];
  #order = 0;
  /** How often power was lost. Operations that were in flight then never complete. */
  #outages = 0;
  /** How long a read takes. */
  readMs = 0.005;
  /** The shortest and the longest time that a sync takes. */
  syncMinMs = 0.1;
  syncMaxMs = 0.4;
  /** Syncs begun before this moment end after it. */
  stalledUntil = 0;
  /** The capacity for all files together. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Counts down with each sync. The sync that finds 0 fails, once. */
  syncsUntilError: number | null = null;
  /** How the next sync error is named, to explain why a member stopped. */
  syncErrors = 0;

  constructor(time: VirtualTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  /** The files as one process sees them. After its end no operation of its completes. */
  mount(clock: VirtualClock): Files {
    return new MountedFiles(this, clock);
  }

  get usedBytes(): number {
    let used = 0;
    for (const { current } of this.#names.values()) used += current.length;
    return used;
  }

  get paths(): readonly string[] {
    return [...this.#names.keys()];
  }

  get isBlank(): boolean {
    return this.#names.size === 0;
  }

  /** The machine loses power. Of what was not synced, any sectors may remain, and any first part of the changes of names. */
  losePower(): void {
    const random = this.#random;
    this.#outages++;
    const kept = random.below(this.#pendingNames.length + 1);
    for (const { apply } of this.#pendingNames.slice(0, kept)) apply(this.#durableNames);
    this.#pendingNames = [];
    this.#names.clear();
    const survivors = new Set(this.#durableNames.values());
    const share = random.below(5) / 4;
    for (const inode of survivors) this.#loseUnsynced(inode, share);
    for (const [path, inode] of this.#durableNames) this.#names.set(path, inode);
  }

  wipe(): void {
    this.#outages++;
    this.#names.clear();
    this.#durableNames.clear();
    this.#pendingNames = [];
  }

  /** Flips one bit of one file; returns where, or null if there is nothing to damage. */
  flipBit(): string | null {
    const files = [...this.#names].filter(([path, { current }]) => current.length > 0 && !path.includes("/damaged-"));
    const file = files[this.#random.below(files.length)];
    if (file === undefined) return null;
    const [path, { current, durable }] = file;
    const used = lastUsed(current.bytes);
    const offset = this.#random.below(used);
    const bit = this.#random.below(8);
    current.flip(offset, bit);
    if (offset < durable.length) durable.flip(offset, bit);
    return `bit ${bit} of byte ${offset} of ${path}`;
  }

  #loseUnsynced(inode: Inode, share: number): void {
    const units = inode.pending.flatMap(sectorsOf);
    inode.pending = [];
    for (const unit of units) {
      if (!this.#random.chance(share)) continue;
      const isTorn = unit.bytes !== null && this.#random.chance(0.1);
      inode.durable.make(
        isTorn ? { offset: unit.offset, bytes: unit.bytes.subarray(0, unit.bytes.length >> 1) } : unit,
      );
    }
    inode.current.make({ offset: 0, bytes: null });
    inode.current.make({ offset: 0, bytes: inode.durable.bytes });
  }

  // ------------------------------------------------------------------------------------------ what mounted files ask

  find(path: string): Inode | undefined {
    return this.#names.get(path);
  }

  create(path: string): Inode {
    const inode: Inode = { current: new Content(), durable: new Content(), pending: [] };
    this.#changeNames([path], (names) => names.set(path, inode));
    return inode;
  }

  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (inode === undefined) throw failure("ENOENT", from);
    this.#changeNames([from, to], (names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  remove(path: string): void {
    if (!this.#names.has(path)) throw failure("ENOENT", path);
    this.#changeNames([path], (names) => names.delete(path));
  }

  list(directory: string): string[] {
    const prefix = `${directory}/`;
    const below = new Set<string>();
    for (const path of this.#names.keys()) {
      if (path.startsWith(prefix)) below.add(path.slice(prefix.length).split("/")[0]!);
    }
    return [...below].sort();
  }

  write(inode: Inode, bytes: Uint8Array, offset: number): void {
    const grown = Math.max(0, offset + bytes.length - inode.current.length);
    if (grown > 0 && this.capacityBytes !== Number.POSITIVE_INFINITY && this.usedBytes + grown > this.capacityBytes) {
      throw failure("ENOSPC", "write");
    }
    this.#change(inode, offset, bytes.slice());
  }

  truncate(inode: Inode, length: number): void {
    this.#change(inode, length, null);
  }

  /** Completes when all that was written before is durable. */
  sync(inode: Inode): Promise<void> {
    const asked = this.#order;
    return this.#whenSynced(() => {
      const made = inode.pending.filter(({ order }) => order <= asked);
      inode.pending = inode.pending.filter(({ order }) => order > asked);
      for (const change of made) inode.durable.make(change);
    }, inode);
  }

  syncDirectory(path: string): Promise<void> {
    const asked = this.#order;
    return this.#whenSynced(() => {
      const isMade = ({ directories, order }: NameChange): boolean => directories.includes(path) && order <= asked;
      for (const change of this.#pendingNames) if (isMade(change)) change.apply(this.#durableNames);
      this.#pendingNames = this.#pendingNames.filter((change) => !isMade(change));
    }, null);
  }

  #whenSynced(harden: () => void, inode: Inode | null): Promise<void> {
    const outages = this.#outages;
    const isFailing = this.#countSync();
    const stall = Math.max(0, this.stalledUntil - this.#time.now);
    const { syncMinMs, syncMaxMs } = this;
    const takes = stall + syncMinMs + ((syncMaxMs - syncMinMs) * this.#random.below(256)) / 256;
    return this.#time.promiseAfter(takes, () => {
      if (outages !== this.#outages) return; // nobody hears it any more
      if (isFailing) {
        // As Linux does: data that could not be written count as clean, and are read as if they were there.
        if (inode !== null) inode.pending = [];
        throw failure("EIO", "fdatasync");
      }
      harden();
    });
  }

  #countSync(): boolean {
    if (this.syncsUntilError === null) return false;
    if (this.syncsUntilError-- > 0) return false;
    this.syncsUntilError = null;
    this.syncErrors++;
    return true;
  }

  #change(inode: Inode, offset: number, bytes: Uint8Array | null): void {
    const change = { order: ++this.#order, offset, bytes };
    inode.current.make(change);
    inode.pending.push(change);
  }

  #changeNames(paths: readonly string[], apply: (names: Map<string, Inode>) => void): void {
    apply(this.#names);
    const directories = paths.map((path) => path.slice(0, path.lastIndexOf("/")));
    this.#pendingNames.push({ directories, order: ++this.#order, apply });
  }
}

class MountedFiles implements Files {
  readonly #disk: VirtualDisk;
  readonly #clock: VirtualClock;
  readonly #open = new Map<number, Inode>();
  #lastFile = 0;

  constructor(disk: VirtualDisk, clock: VirtualClock) {
    this.#disk = disk;
    this.#clock = clock;
  }

  async open(path: string, mode: "create" | "update" | "read"): Promise<number> {
    await this.#alive();
    let inode = this.#disk.find(path);
    if (mode === "create") {
      if (inode !== undefined) throw failure("EEXIST", path);
      inode = this.#disk.create(path);
    }
    if (inode === undefined) throw failure("ENOENT", path);
    this.#open.set(++this.#lastFile, inode);
    return this.#lastFile;
  }

  async close(file: number): Promise<void> {
    this.#open.delete(file);
  }

  async length(file: number): Promise<number> {
    return this.#inode(file).current.length;
  }

  async read(file: number, into: Uint8Array, position: number): Promise<number> {
    await this.#alive();
    await new Promise<void>((resolve) => this.#clock.after(this.#disk.readMs, resolve));
    const part = this.#inode(file).current.bytes.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  }

  async write(file: number, bytes: Uint8Array, position: number): Promise<void> {
    await this.#alive();
    this.#disk.write(this.#inode(file), bytes, position);
  }

  async sync(file: number): Promise<void> {
    await this.#alive();
    return this.#heard(this.#disk.sync(this.#inode(file)));
  }

  writeNow(file: number, bytes: Uint8Array, position: number): void {
    this.#disk.write(this.#inode(file), bytes, position);
  }

  /** Only the thread pool is simulated, because a process that waits on its own thread would stop virtual time. */
  syncNow(): void {
    throw failure("ENOTSUP", "a blocking sync");
  }

  async truncate(file: number, length: number): Promise<void> {
    await this.#alive();
    this.#disk.truncate(this.#inode(file), length);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#alive();
    this.#disk.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await this.#alive();
    this.#disk.remove(path);
  }

  async list(directory: string): Promise<string[]> {
    return this.#disk.list(directory);
  }

  async makeDirectory(): Promise<void> {}

  async syncDirectory(path: string): Promise<void> {
    await this.#alive();
    return this.#heard(this.#disk.syncDirectory(path));
  }

  /** Runs the task only while the process lives. */
  #alive(): Promise<void> | undefined {
    return this.#clock.isStopped ? new Promise(() => {}) : undefined;
  }

  /** The kernel completes its work in any case; the process hears of it only while it lives and runs. */
  #heard<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      work.then(
        (value) => this.#clock.deliver(() => resolve(value)),
        (error) => this.#clock.deliver(() => reject(error)),
      );
    });
  }

  #inode(file: number): Inode {
    const inode = this.#open.get(file);
    if (inode === undefined) throw failure("EBADF", String(file));
    return inode;
  }
}

function failure(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}

/** A write, cut into the sectors that a disk writes one by one, in any order. */
function sectorsOf(change: Change): Change[] {
  const { order, offset, bytes } = change;
  if (bytes === null) return [change];
  const sectors: Change[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + SECTOR_BYTES - ((offset + at) % SECTOR_BYTES));
    sectors.push({ order, offset: offset + at, bytes: bytes.subarray(at, end) });
    at = end;
  }
  return sectors;
}

/** The end of the part that is not all zeros, because damage beyond it would prove nothing. At least 1. */
function lastUsed(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 1 && bytes[end - 1] === 0) end--;
  return end;
}
