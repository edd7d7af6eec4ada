// Decides when this member takes a snapshot, and what may then be deleted from its disk: older snapshots and the log before it,
// except what is being sent to followers.

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { CoordinationError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { SnapshotMeta } from "../consensus/raft/types.ts";
import type { Machine } from "../state/machine.ts";
import type { ConsensusLoop } from "./consensus-loop.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Log } from "./ports.ts";
import type { ReplicaStats } from "./replica-stats.ts";
import type { Snapshotter } from "./snapshotter.ts";

/**
 * The log that is kept for followers who are being sent a snapshot, or entries from the disk, in sizes at which a snapshot
 * is taken. Beyond it such a follower begins again with the latest snapshot.
 */
const KEPT_LOG_FACTOR = 8;

export interface SnapshotTakingParts {
  readonly machine: Machine;
  readonly loop: ConsensusLoop;
  readonly log: Log;
  readonly snapshotter: Snapshotter;
  readonly clock: Clock;
  readonly stats: ReplicaStats;
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  /** A snapshot is taken after so many commands, or so many bytes of log. */
  readonly snapshotCommands: number;
  readonly snapshotLogBytes: number;
  /** Whether the state may be read as one now: no leader's snapshot is taking its place. */
  readonly isStateWhole: () => boolean;
  /** No snapshot is begun while the disk is full. */
  readonly isDiskFull: () => boolean;
}

export class SnapshotTaking {
  /** The last one that this run took: the sequence it holds, and when it was whole. */
  lastTaken: { readonly zxid: number; readonly time: number } | null = null;
  readonly #parts: SnapshotTakingParts;
  /** The entry up to which the latest snapshot on this disk goes, its own or a leader's. */
  #index: number;
  /** What the state's sequence and the log's size were when the latest was taken, or tried. */
  #sequenceThen = 0;
  /** Snapshots that are being read out, and how often. */
  readonly #held = new Map<number, number>();
  #logSizeThen: number;

  constructor(parts: SnapshotTakingParts, latestIndex: number) {
    this.#parts = parts;
    this.#index = latestIndex;
    this.#logSizeThen = parts.log.size;
  }

  get index(): number {
    return this.#index;
  }

  /** A snapshot stays on the disk until it is let go, unless a leader's takes the place of all. Returns how to. */
  hold(index: number): () => void {
    let isHeld = true;
    this.#held.set(index, (this.#held.get(index) ?? 0) + 1);
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = this.#held.get(index)! - 1;
      if (left === 0) this.#held.delete(index);
      else this.#held.set(index, left);
    };
  }

  /** The state was read from this snapshot, at the start or after a leader sent it. */
  onRestored(index: number): void {
    this.#index = index;
    this.#sequenceThen = this.#parts.machine.sequence;
    this.#logSizeThen = this.#parts.log.size;
  }

  /** Takes one if enough has changed since the last. */
  takeIfDue(): void {
    const { machine, log, snapshotCommands, snapshotLogBytes, lifecycle, logger, isDiskFull } = this.#parts;
    const isDue =
      machine.sequence - this.#sequenceThen >= snapshotCommands || log.size - this.#logSizeThen >= snapshotLogBytes;
    if (!isDue || !this.#mayTake || isDiskFull() || machine.appliedIndex <= this.#index) return;
    this.#take().catch((error) => {
      if (!(error instanceof CoordinationError) || error.code !== "no-space") return lifecycle.fail(error);
      this.#logSizeThen = log.size;
      logger.warn("the disk has no room for a snapshot: it is tried again when the log has grown as much once more");
    });
  }

  /** For operators: a snapshot of the state as it is, whatever stands in the way of one being over. */
  async takeNow(): Promise<{ readonly index: number; readonly sequence: number }> {
    const { machine, snapshotter, lifecycle, isStateWhole } = this.#parts;
    if (!isStateWhole()) throw SNAPSHOT_IN_THE_WAY;
    await snapshotter.idle();
    if (!lifecycle.isRunning || !this.#mayTake) throw SNAPSHOT_IN_THE_WAY;
    const { sequence, appliedIndex: index } = machine;
    if (index > this.#index && !(await this.#take())) throw SNAPSHOT_IN_THE_WAY;
    return { index, sequence };
  }

  /** Not while another is written, nor while a leader's takes the place of the state and the log. */
  get #mayTake(): boolean {
    return this.#parts.isStateWhole() && !this.#parts.snapshotter.isBusy;
  }

  /** Returns whether it was taken: a leader's may come in between. */
  async #take(): Promise<boolean> {
    const { machine, loop, log, snapshotter, clock, stats, lifecycle, snapshotLogBytes } = this.#parts;
    const { raft } = loop;
    const { appliedIndex: index, sequence: zxid } = machine;
    const snapshot: SnapshotMeta = {
      index,
      term: raft.termAt(index),
      configuration: raft.configurationAt(index),
    };
    assert(index > this.#index, "a snapshot of no more than the latest holds");
    assert(snapshot.term >= 0, "a snapshot of an entry whose term is not known");
    this.#sequenceThen = zxid;
    const mayKeep = log.size <= KEPT_LOG_FACTOR * snapshotLogBytes;
    const isInUse = (older: number): boolean => this.#held.has(older) || (mayKeep && raft.isSending(older));
    const take = (): Promise<boolean> => snapshotter.take(snapshot, isInUse);
    if (!(await stats.timed(stats.snapshotTime, take)) || lifecycle.isStopped) return false;
    const previous = this.#index;
    this.#index = index;
    this.lastTaken = { zxid, time: clock.wall() };
    // The log may reach back to the snapshot before: a follower a little behind is served from it. One that is further
    // behind, and is being sent a snapshot or the log, goes on from there: the log is kept for it, within a bound.
    const neededFrom = mayKeep ? Math.min(raft.neededFrom, index + 1) : index + 1;
    const logFrom = Math.min(previous > 0 ? previous + 1 : index + 1, neededFrom);
    assert(neededFrom <= index + 1, "entries would go that no snapshot holds");
    loop.submit({ kind: "snapshot-taken", snapshot, logFrom });
    log.purge(neededFrom - 1);
    this.#logSizeThen = log.size;
    return true;
  }
}

const SNAPSHOT_IN_THE_WAY = new CoordinationError(
  "overloaded",
  "not-applied",
  "a snapshot of the leader's takes the place of this member's state: try again",
);
