// What a leader knows of one follower, and how much it may send it: one append at a time until their logs are known to
// meet (`probe`), then a pipeline bounded in appends and bytes (`replicate`), or a snapshot where the log no longer
// reaches back (`snapshot`).

import { assert } from "../../base/assert.ts";
import type { MemberId, RaftOptions, SnapshotMeta } from "./types.ts";

/** A snapshot on its way: one chunk at a time, from the disk, then to the follower, then acknowledged. */
export interface Transfer {
  readonly snapshot: SnapshotMeta;
  offset: number;
  /** When the chunk under way was sent: the tick, and the leader's round of contact. */
  since: number;
  round: number;
  /** So many ticks its answer may take once later contact was answered. */
  patience: number;
  /** Waiting for the disk, for the follower, or (the snapshot was gone) for the next heartbeat. */
  awaits: "disk" | "follower" | "heartbeat";
}

export class Progress {
  readonly id: MemberId;
  mode: "probe" | "replicate" | "snapshot" = "probe";
  /** The follower's log is durable and equal to the leader's up to here. */
  matchIndex = 0;
  nextIndex: number;
  /** Whose acknowledgements these are: after its disk was lost a follower is another, and what is known of it void. */
  incarnation = 0;
  /** The tick at which it was last heard from. */
  contactTick = Number.NEGATIVE_INFINITY;
  /** It was heard from since its connection last closed. */
  isConnected = false;
  /** The latest round of contact that it answered. */
  confirmedRound = 0;
  /** The commit index it was last told. */
  sentCommit = 0;
  /** A probe is on its way, and nothing else may be until it is answered or the next heartbeat. */
  isProbing = false;
  /** Entries for it are being read from the disk. */
  isFetching = false;
  transfer: Transfer | null = null;
  readonly #appendsMax: number;
  readonly #bytesMax: number;
  #lastIndexes: number[] = [];
  #sizes: number[] = [];
  #bytes = 0;

  constructor(id: MemberId, nextIndex: number, options: RaftOptions) {
    this.id = id;
    this.nextIndex = nextIndex;
    this.#appendsMax = options.inflightAppendsMax;
    this.#bytesMax = options.inflightBytesMax;
  }

  get hasInflight(): boolean {
    return this.#lastIndexes.length > 0;
  }

  /** Whether entries may be sent to it now. */
  get isOpen(): boolean {
    if (this.isFetching || this.mode === "snapshot") return false;
    if (this.mode === "probe") return !this.isProbing;
    return this.#lastIndexes.length < this.#appendsMax && this.#bytes < this.#bytesMax;
  }

  sent(lastIndex: number, bytes: number): void {
    assert(lastIndex >= this.nextIndex, "sent what was sent before");
    if (this.mode === "probe") {
      this.isProbing = true;
      return; // `nextIndex` stays: until they are known to meet, the probe is what is sent again
    }
    this.nextIndex = lastIndex + 1;
    this.#lastIndexes.push(lastIndex);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /** It holds everything up to `index`. */
  acknowledged(index: number): void {
    if (index > this.matchIndex) this.matchIndex = index;
    let done = 0;
    while (done < this.#lastIndexes.length && this.#lastIndexes[done]! <= index) {
      this.#bytes -= this.#sizes[done]!;
      done++;
    }
    if (done > 0) {
      this.#lastIndexes.splice(0, done);
      this.#sizes.splice(0, done);
    }
    if (this.nextIndex <= index) this.nextIndex = index + 1;
    if (this.mode === "probe" && index >= this.nextIndex - 1) this.#become("replicate");
  }

  probe(nextIndex: number): void {
    assert(nextIndex > this.matchIndex, "probing what is known to match");
    this.nextIndex = nextIndex;
    this.#become("probe");
  }

  /** Its connection closed: what was in flight is lost. */
  disconnected(): void {
    this.isConnected = false;
    if (this.mode === "replicate") this.probe(this.matchIndex + 1);
    this.isProbing = false;
    this.isFetching = false;
    if (this.transfer !== null) this.transfer.patience = 0;
  }

  /** Another incarnation answers: it holds nothing that the former one acknowledged. */
  replaced(incarnation: number): void {
    if (this.incarnation !== 0) {
      this.matchIndex = 0;
      this.confirmedRound = 0;
      this.sentCommit = 0;
      if (this.mode === "replicate") this.#become("probe");
    }
    this.incarnation = incarnation;
  }

  /** Its state is the snapshot's now: its log goes on from there. */
  installed(index: number): void {
    this.matchIndex = Math.max(this.matchIndex, index);
    this.nextIndex = this.matchIndex + 1;
    this.#become("replicate");
  }

  transferSnapshot(snapshot: SnapshotMeta, tick: number, patience: number): Transfer {
    this.#become("snapshot");
    this.transfer = { snapshot, offset: 0, since: tick, round: 0, patience, awaits: "disk" };
    return this.transfer;
  }

  #become(mode: Progress["mode"]): void {
    this.mode = mode;
    this.sentCommit = 0;
    this.isProbing = false;
    this.isFetching = false;
    this.transfer = null;
    this.#lastIndexes = [];
    this.#sizes = [];
    this.#bytes = 0;
  }
}
