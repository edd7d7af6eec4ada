// A disk that holds what was synced, loses what was not when the machine crashes, and can stall, fill up or be wiped.
// It keeps values where the real one keeps bytes: the formats have tests of their own.

import { assert } from "../base/assert.ts";
import { decodeConfiguration } from "../consensus/raft/configuration.ts";
import type { Configuration, Entry, HardState, LogPosition, SnapshotMeta } from "../consensus/raft/types.ts";
import type { Log, LogWrite, OpenedStorage, Snapshots, SnapshotWriter } from "../replica/ports.ts";
import type { VirtualClock, VirtualTime } from "./time.ts";

interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly data: Uint8Array;
}

/** What survives a crash. */
export class VirtualDisk {
  readonly #time: VirtualTime;
  readonly #initial: Configuration;
  incarnation: number;
  hardState: HardState = { term: 0, votedFor: null, commitIndex: 0 };
  entries: Entry[] = [];
  snapshot: StoredSnapshot | null = null;
  syncMs = 0.2;
  /** Syncs begun before this moment end after it. */
  stalledUntil = 0;

  constructor(time: VirtualTime, incarnation: number, initial: Configuration) {
    this.#time = time;
    this.incarnation = incarnation;
    this.#initial = initial;
  }

  wipe(incarnation: number): void {
    this.incarnation = incarnation;
    this.hardState = { term: 0, votedFor: null, commitIndex: 0 };
    this.entries = [];
    this.snapshot = null;
  }

  /** What a member that starts finds here. */
  open(clock: VirtualClock): OpenedStorage {
    const meta = this.snapshot?.meta ?? { index: 0, term: 0, configuration: this.#initial };
    const entries = this.entries.filter((entry) => entry.index > meta.index);
    const termStarts: LogPosition[] = [];
    for (const entry of entries) {
      if (termStarts.at(-1)?.term !== entry.term) termStarts.push({ index: entry.index, term: entry.term });
    }
    const configurations = entries
      .filter((entry) => entry.kind === "configuration")
      .map((entry) => ({ index: entry.index, configuration: decodeConfiguration(entry.payload) }));
    return {
      incarnation: this.incarnation,
      recovered: {
        hardState: this.hardState,
        snapshot: meta,
        lastIndex: entries.at(-1)?.index ?? meta.index,
        termStarts,
        configurations,
      },
      log: new VirtualLog(this, this.#time, clock),
      snapshots: new VirtualSnapshots(this, this.#time, clock),
    };
  }
}

class VirtualLog implements Log {
  readonly #disk: VirtualDisk;
  readonly #time: VirtualTime;
  readonly #clock: VirtualClock;
  readonly syncDurations = null;
  #waiting: { request: LogWrite; done: () => void }[] = [];
  #isSyncing = false;
  /** What was written, synced or not: reads see it. */
  #written: Entry[];

  constructor(disk: VirtualDisk, time: VirtualTime, clock: VirtualClock) {
    this.#disk = disk;
    this.#time = time;
    this.#clock = clock;
    this.#written = disk.entries.slice();
  }

  get size(): number {
    return this.#written.reduce((sum, entry) => sum + entry.payload.length + 32, 0);
  }

  write(request: LogWrite, done: () => void): void {
    this.#written = appended(this.#written, request);
    this.#waiting.push({ request, done });
    if (!this.#isSyncing) this.#sync();
  }

  async read(from: number, to: number, bytesMax: number): Promise<readonly Entry[]> {
    return this.#time.promiseAfter(0.1, () => {
      const found: Entry[] = [];
      let bytes = 0;
      for (const entry of this.#written) {
        if (entry.index < from || entry.index > to || (found.length > 0 && bytes + entry.payload.length > bytesMax))
          continue;
        if (entry.index !== from + found.length) break;
        found.push(entry);
        bytes += entry.payload.length;
      }
      return found;
    });
  }

  purge(index: number): void {
    this.#written = this.#written.filter((entry) => entry.index > index);
    this.#disk.entries = this.#disk.entries.filter((entry) => entry.index > index);
  }

  async restart(snapshot: SnapshotMeta): Promise<void> {
    return this.#time.promiseAfter(0.3, () => {
      if (this.#clock.isStopped) return;
      assert(this.#waiting.length === 0, "the log restarts while writes are under way");
      this.#written = this.#written.filter((entry) => entry.index > snapshot.index);
      this.#disk.entries = this.#disk.entries.filter((entry) => entry.index > snapshot.index);
    });
  }

  async close(): Promise<void> {}

  #sync(): void {
    this.#isSyncing = true;
    const group = this.#waiting;
    this.#waiting = [];
    const stall = Math.max(0, this.#disk.stalledUntil - this.#time.now);
    this.#time.after(stall + this.#disk.syncMs, () => {
      if (this.#clock.isStopped) return; // crashed before the sync ended: nothing of it is there
      for (const { request } of group) {
        this.#disk.entries = appended(this.#disk.entries, request);
        if (request.hardState !== null) this.#disk.hardState = request.hardState;
      }
      this.#isSyncing = false;
      if (this.#waiting.length > 0) this.#sync();
      for (const { done } of group) this.#clock.deliver(done);
    });
  }
}

function appended(entries: readonly Entry[], request: LogWrite): Entry[] {
  const from = request.truncateFrom;
  const kept = from === null ? entries.slice() : entries.filter((entry) => entry.index < from);
  const first = request.entries[0];
  const last = kept.at(-1);
  assert(first === undefined || last === undefined || first.index === last.index + 1, "a hole in the log");
  for (const entry of request.entries) kept.push({ ...entry, payload: entry.payload.slice() });
  return kept;
}

class VirtualSnapshots implements Snapshots {
  readonly #disk: VirtualDisk;
  readonly #time: VirtualTime;
  readonly #clock: VirtualClock;

  constructor(disk: VirtualDisk, time: VirtualTime, clock: VirtualClock) {
    this.#disk = disk;
    this.#time = time;
    this.#clock = clock;
  }

  get size(): number {
    return this.#disk.snapshot?.data.length ?? 0;
  }

  latest(): SnapshotMeta | null {
    return this.#disk.snapshot?.meta ?? null;
  }

  sizeOf(index: number): number | null {
    return this.#disk.snapshot?.meta.index === index ? this.size : null;
  }

  create(meta: SnapshotMeta): SnapshotWriter {
    const chunks: Uint8Array[] = [];
    return {
      write: (chunk) => {
        chunks.push(chunk.slice());
        return this.#time.promiseAfter(0.1, () => {});
      },
      finish: () =>
        this.#time.promiseAfter(0.5, () => {
          if (this.#clock.isStopped) return;
          const newer = (this.#disk.snapshot?.meta.index ?? 0) <= meta.index;
          if (newer) this.#disk.snapshot = { meta, data: concatenated(chunks) };
        }),
      abandon: async () => {},
    };
  }

  async read(index: number, offset: number, bytesMax: number): Promise<{ data: Uint8Array; done: boolean } | null> {
    return this.#time.promiseAfter(0.1, () => {
      const stored = this.#disk.snapshot;
      if (stored === null || stored.meta.index !== index) return null;
      const data = stored.data.slice(offset, offset + bytesMax);
      return { data, done: offset + data.length === stored.data.length };
    });
  }

  async *stream(index: number): AsyncIterable<Uint8Array> {
    const stored = this.#disk.snapshot;
    assert(stored !== null && stored.meta.index === index, "no such snapshot");
    yield stored.data;
  }
}

function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
