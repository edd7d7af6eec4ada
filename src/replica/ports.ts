// The ports of a member to the outside world. `adapters/` has the real ones, `sim/` seeded ones.

import type { SummaryFacts } from "../base/summary.ts";
import type { Entry, HardState, MemberId, RecoveredState, SnapshotMeta } from "../consensus/raft/types.ts";

/** The write-ahead log: what `persist` asks for, in its order. Any failure but a full disk is fatal to the member. */
export interface Log {
  /**
   * Makes the request durable, then calls `done`. Requests complete in order; those made while a sync is in flight
   * share the next one. With a full disk `done` waits until there is room.
   */
  write(request: LogWrite, done: () => void): void;
  /** Entries [from, to], from the disk, contiguous, cut after `bytesMax` but never empty unless purged. */
  read(from: number, to: number, bytesMax: number): Promise<readonly Entry[]>;
  /** Entries up to `index` are in a durable snapshot and may be removed. */
  purge(index: number): void;
  /** The state was replaced by a snapshot from the leader: the log starts again after it. Completes when durable. */
  restart(snapshot: SnapshotMeta): Promise<void>;
  /** Bytes on disk. */
  readonly size: number;
  /** How long each sync took; null: not measured. */
  readonly syncDurations: DurationHistogram | null;
  close(): Promise<void>;
}

/** Counts of durations in seconds: `counts[i]` within `bounds[i]` and above the bound before; the last are longer yet. */
export interface DurationHistogram {
  /** The same durations in milliseconds, with their quantiles. */
  readonly milliseconds: SummaryFacts;
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface LogWrite {
  readonly truncateFrom: number | null;
  readonly entries: readonly Entry[];
  readonly hardState: HardState | null;
}

/** What the log and the snapshots tell of their health. */
export interface StorageEvents {
  /** No room on the disk (true), or room again (false). */
  onFull(full: boolean): void;
  /** The disk failed: the member must stop without another word. */
  onFailure(error: Error): void;
}

export interface Snapshots {
  /** The latest whole snapshot. */
  latest(): SnapshotMeta | null;
  /**
   * Begins a snapshot; it exists for others only once `finish` has completed. With a full disk its writer fails with
   * `no-space`, unless it is to wait for room.
   */
  create(snapshot: SnapshotMeta, whenFull?: "fail" | "wait"): SnapshotWriter;
  /** Bytes of a snapshot from `offset`; null when it is gone. */
  read(index: number, offset: number, bytesMax: number): Promise<{ data: Uint8Array; done: boolean } | null>;
  /** Bytes on disk, of all snapshots. */
  readonly size: number;
  /** Bytes of what was given to its writer; null when it is gone. */
  sizeOf(index: number): number | null;
  /** The whole of a snapshot in order, for restoring. */
  stream(index: number): AsyncIterable<Uint8Array>;
  /** Where a snapshot stands, for people. */
  placeOf(index: number): string;
}

export interface SnapshotWriter {
  /** Adds bytes; completes when more may come. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends it, makes it durable under no name yet, and reads it back: for what another member sent, before it counts. */
  readBack(): AsyncIterable<Uint8Array>;
  /** Makes it durable under its name, and removes what is older than the retained few, unless it is in use. */
  finish(isInUse?: (index: number) => boolean): Promise<void>;
  /** Leaves nothing behind; a `write` or `finish` that waits fails with `closed`. */
  abandon(): Promise<void>;
}

/** Connections to the other members: frames of bytes, each whole or not at all, in order while a connection lasts. */
export interface Peers {
  /** Best effort: dropped without a word when there is no connection. Nobody changes the bytes from here on. */
  send(to: MemberId, frame: Uint8Array): void;
  /** The members to be connected to, where, and the ensemble's number (0: not known yet); again at every change. */
  reconcile(cluster: number, members: readonly { readonly id: MemberId; readonly description: string }[]): void;
  isConnected(to: MemberId): boolean;
  /**
   * The newest version of the wire that the member's program speaks, as it said when it connected; null while it is not
   * connected. Of this member itself: its own.
   */
  versionOf(member: MemberId): number | null;
  /** From now on a member whose program speaks no version from `oldest` on is refused, and told so. It never goes back. */
  requireVersion(oldest: number): void;
  /** Bytes sent to it that have not left this machine. */
  unsentBytes(to: MemberId): number;
  /** Whether it may be sent the log: the configuration names it, or it has proved itself, or none has to and it is near. */
  mayFollow(member: MemberId): boolean;
  /** Closes the connection over which something came that no member sends; says why in the log. It may be made anew. */
  hangUp(on: MemberId, why: string): void;
  close(): Promise<void>;
}

export interface PeerEvents {
  onFrame(from: MemberId, frame: Uint8Array): void;
  onConnect(peer: MemberId): void;
  onDisconnect(peer: MemberId): void;
}

/** What a member finds when it opens its data directory. */
export interface OpenedStorage {
  readonly incarnation: number;
  /** Not where something that it held was set aside as damaged. */
  readonly mayFound: boolean;
  readonly recovered: RecoveredState;
  readonly log: Log;
  readonly snapshots: Snapshots;
  /** From now on programs that do not understand this feature level refuse what is stored. Asked often; it never goes back. */
  requireLevel(level: number): void;
}
