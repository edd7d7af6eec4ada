// A member's disk in the simulation: durable state, and requests on their way to it. A crash keeps what was done and
// some of what was under way, each request whole or not at all, in order.

import type {
  Configuration,
  Entry,
  HardState,
  LogPosition,
  RecoveredState,
  SnapshotMeta,
} from "../../../src/consensus/index.ts";
import { decodeConfiguration } from "../../../src/consensus/raft/configuration.ts";

export interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly data: Uint8Array;
}

export class Disk {
  readonly incarnation: number;
  readonly initial: Configuration;
  hardState: HardState = { term: 0, votedFor: null, commitIndex: 0 };
  /** Ascending; the last is the one to start from, the others are still being sent to somebody. */
  snapshots: StoredSnapshot[] = [];
  /** Ascending, contiguous; may begin before the snapshot's end. */
  entries: Entry[] = [];

  constructor(incarnation: number, initial: Configuration) {
    this.incarnation = incarnation;
    this.initial = initial;
  }

  get snapshot(): StoredSnapshot | null {
    return this.snapshots.at(-1) ?? null;
  }

  get lastIndex(): number {
    return Math.max(this.entries.at(-1)?.index ?? 0, this.snapshot?.meta.index ?? 0);
  }

  get firstIndex(): number {
    return this.entries[0]?.index ?? (this.snapshot?.meta.index ?? 0) + 1;
  }

  entry(index: number): Entry | undefined {
    return this.entries[index - this.firstIndex];
  }

  write(truncateFrom: number | null, entries: readonly Entry[], hardState: HardState | null): void {
    if (truncateFrom !== null) this.entries = this.entries.filter((entry) => entry.index < truncateFrom);
    for (const entry of entries) {
      if (entry.index !== this.lastIndex + 1) throw new Error(`entry ${entry.index} written after ${this.lastIndex}`);
      this.entries.push(entry);
    }
    if (hardState !== null) this.hardState = hardState;
  }

  /** A snapshot of the own state: entries before `logFrom` go, and older snapshots but for one from `keepFrom` on. */
  compact(snapshot: StoredSnapshot, logFrom: number, keepFrom: number): void {
    this.snapshots = [...this.snapshots.filter(({ meta }) => meta.index >= keepFrom), snapshot];
    this.entries = this.entries.filter((entry) => entry.index >= logFrom);
  }

  restart(snapshot: StoredSnapshot): void {
    this.snapshots = [snapshot];
    this.entries = [];
  }

  /** Whether what this disk holds includes the entry: as such, or swallowed by a snapshot. */
  holds({ index, term }: LogPosition): boolean {
    return this.entry(index)?.term === term || index <= (this.snapshot?.meta.index ?? 0);
  }

  recover(): RecoveredState {
    const snapshot = this.snapshot?.meta ?? { index: 0, term: 0, configuration: this.initial };
    const termStarts: LogPosition[] = [];
    const configurations: { index: number; configuration: Configuration }[] = [];
    for (const { index, term, kind, payload } of this.entries) {
      if (termStarts.at(-1)?.term !== term) termStarts.push({ index, term });
      if (kind === "configuration" && index > snapshot.index) {
        configurations.push({ index, configuration: decodeConfiguration(payload) });
      }
    }
    return { hardState: this.hardState, snapshot, lastIndex: this.lastIndex, termStarts, configurations };
  }
}
