// Storage as the tests open it: small segments, timers in the test's hand, and every event written down.

import type { Files } from "../../../src/adapters/storage/files.ts";
import type { Pace } from "../../../src/adapters/storage/journal/pace.ts";
import type { StorageOptions, StorageWorld } from "../../../src/adapters/storage/storage.ts";
import { openStorage } from "../../../src/adapters/storage/system-storage.ts";
import { assert } from "../../../src/base/assert.ts";
import { bytesOf } from "../../../src/base/text.ts";
import type { Configuration, Entry, HardState } from "../../../src/consensus/raft/types.ts";
import type { LogWrite, OpenedStorage } from "../../../src/replica/ports.ts";

export const CONFIGURATION: Configuration = {
  cluster: 0,
  members: [1, 2, 3].map((id) => ({ id, role: "voter", incarnation: 0, description: `127.0.0.1:${21000 + id}:22000` })),
  outgoing: [],
};

export const BLOCKING: Pace = { isBlocking: true, note() {} };
export const POOLED: Pace = { isBlocking: false, note() {} };

class Timers {
  #tasks = new Set<() => void>();

  readonly after = (_: number, task: () => void): (() => void) => {
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  };

  get count(): number {
    return this.#tasks.size;
  }

  /** A second passes. */
  elapse(): void {
    const due = [...this.#tasks];
    this.#tasks = new Set();
    for (const task of due) task();
  }
}

export interface TestStorage extends OpenedStorage {
  readonly timers: Timers;
  readonly failures: Error[];
  readonly full: boolean[];
  readonly lines: string[];
}

/** On files in memory unless `dataDirectory` says where, with the real ones. */
export async function open(
  files: Files | null,
  changes: Partial<StorageOptions & StorageWorld> = {},
): Promise<TestStorage> {
  const timers = new Timers();
  const failures: Error[] = [];
  const full: boolean[] = [];
  const lines: string[] = [];
  const note = (message: string) => lines.push(message);
  const opened = await openStorage({
    dataDirectory: "/data",
    member: 1,
    initialConfiguration: CONFIGURATION,
    retainSnapshots: 3,
    alone: true,
    segmentBytes: 16 * 1024,
    events: { onFull: (isFull) => full.push(isFull), onFailure: (error) => failures.push(error) },
    log: { info: note, warn: note, error: note },
    after: timers.after,
    ...(files === null ? {} : { files, lock: async () => async () => {} }),
    ...changes,
  });
  return { ...opened, timers, failures, full, lines };
}

export function entry(index: number, text = `entry ${index}`, term = 1): Entry {
  return { index, term, kind: "commands", payload: bytesOf(text) };
}

export function entries(first: number, last: number, term = 1): Entry[] {
  assert(first <= last, "some entries");
  return Array.from({ length: last - first + 1 }, (_, i) =>
    entry(first + i, `entry ${first + i} of term ${term}`, term),
  );
}

export function request(added: readonly Entry[], more: Partial<LogWrite> = {}): LogWrite {
  return { truncateFrom: null, entries: added, hardState: null, ...more };
}

export function hardState(term: number, votedFor: number | null = null, commitIndex = 0): HardState {
  return { term, votedFor, commitIndex };
}

/** Completes when the request is durable. */
export function written(storage: OpenedStorage, wanted: LogWrite): Promise<void> {
  return new Promise((resolve) => storage.log.write(wanted, resolve));
}

export async function readAll(storage: OpenedStorage): Promise<Entry[]> {
  const { lastIndex, snapshot } = storage.recovered;
  const all: Entry[] = [];
  for (let from = snapshot.index + 1; from <= lastIndex; ) {
    const some = await storage.log.read(from, lastIndex, 1 << 20);
    assert(some.length > 0, `entry ${from} cannot be read`);
    all.push(...some);
    from += some.length;
  }
  return all;
}

/** Lets everything that is only waiting for its turn go on. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
}

export function show(list: readonly Entry[]): string[] {
  return list.map(({ index, term, payload }) => `${index}@${term} ${Buffer.from(payload).toString("latin1")}`);
}
