// Log replication (Raft §5.3): what each follower is sent, how much of it at a time, from memory, from the disk or as a
// snapshot. Followers at the same point get the same message object, so that it is encoded once.

import type { EffectQueue } from "./effect-queue.ts";
import type { Followers } from "./followers.ts";
import type { RaftLog } from "./log.ts";
import type { Progress } from "./progress.ts";
import type { SnapshotSender } from "./snapshot-sender.ts";
import type { Entry, Input, Message, RaftOptions } from "./types.ts";

type Append = Message & { kind: "append" };

const NO_ENTRIES: readonly Entry[] = [];

export class Replicator {
  readonly #options: RaftOptions;
  readonly #term: number;
  readonly #log: RaftLog;
  readonly #effects: EffectQueue;
  readonly #followers: Followers;
  readonly #snapshots: SnapshotSender;
  /** Counts the rounds of contact in this term, from 1. */
  #round = 1;
  /** The latest append and the latest empty one. */
  #lastAppend: Append | null = null;
  #lastAppendEnd = 0;
  #lastEmpty: Append | null = null;

  constructor(
    options: RaftOptions,
    term: number,
    log: RaftLog,
    effects: EffectQueue,
    followers: Followers,
    snapshots: SnapshotSender,
  ) {
    this.#options = options;
    this.#term = term;
    this.#log = log;
    this.#effects = effects;
    this.#followers = followers;
    this.#snapshots = snapshots;
  }

  /** The latest round of contact: no answer can be to a later one. */
  get round(): number {
    return this.#round;
  }

  /** A round of contact that begins only now: its answers say that this member leads at this moment. */
  beginRound(): number {
    this.#round++;
    return this.#round;
  }

  replicateToAll(): void {
    for (const peer of this.#followers.all) this.replicate(peer);
  }

  /** Sends what it lacks as far as it may, and the commit index if nothing else is on the way to carry it. */
  replicate(peer: Progress): void {
    const log = this.#log;
    while (peer.nextIndex <= log.lastIndex && peer.isOpen) {
      const previous = { index: peer.nextIndex - 1, term: log.termAt(peer.nextIndex - 1) };
      if (peer.nextIndex < log.firstIndex || previous.term === -1) {
        this.#snapshots.begin(peer);
      } else if (!log.isInMemory(peer.nextIndex)) {
        peer.isFetching = true;
        const bytesMax = this.#options.appendBytesMax;
        this.#effects.push({ kind: "fetch", to: peer.id, from: peer.nextIndex, bytesMax });
      } else {
        this.#sendAppend(peer, this.#nextAppend(peer.nextIndex));
      }
    }
    if (peer.mode === "replicate" && !peer.hasInflight && !peer.isFetching && peer.sentCommit < log.commitIndex) {
      this.sendEmpty(peer);
    }
  }

  /** Contact with everyone; what was lost is sent again. */
  heartbeat(peer: Progress): void {
    // A probe that is not answered yet may still be on its way, with all that it carries: contact alone asks once more.
    const isAsked = peer.mode === "probe" && peer.isProbing && this.#log.termAt(peer.nextIndex - 1) !== -1;
    if (!isAsked) peer.isProbing = false;
    // What was sent is gone from the log already: a heartbeat could not tell whether it arrived.
    const isOutrun = peer.mode === "replicate" && this.#log.termAt(peer.nextIndex - 1) === -1;
    if (isOutrun) peer.probe(peer.matchIndex + 1);
    if (peer.nextIndex <= this.#log.lastIndex) this.replicate(peer);
    if (isAsked || peer.mode !== "probe" || !peer.isProbing) this.sendEmpty(peer);
    if (peer.mode === "snapshot") this.#snapshots.retry(peer);
  }

  /** Entries that were read from the disk for a follower. */
  onFetched({ to, from, entries }: Input & { kind: "fetched" }): void {
    const peer = this.#followers.get(to);
    if (peer === undefined || !peer.isFetching) return;
    peer.isFetching = false;
    if (peer.nextIndex !== from) {
      this.replicate(peer); // it has moved on meanwhile
      return;
    }
    if (entries.length === 0) {
      if (this.#log.snapshot.index >= from) this.#snapshots.begin(peer);
      return; // otherwise the next heartbeat asks again
    }
    const previous = { index: from - 1, term: this.#log.termAt(from - 1) };
    // Read while this member did not lead, they may have been overwritten since: position and term tell.
    if (previous.term === -1 || entries.some((entry) => this.#log.termAt(entry.index) !== entry.term)) return;
    this.#sendAppend(peer, this.#appendOf(previous, entries));
    this.replicate(peer);
  }

  #nextAppend(from: number): Append {
    const log = this.#log;
    const last = this.#lastAppend;
    if (
      last !== null &&
      last.previous.index === from - 1 &&
      last.commitIndex === log.commitIndex &&
      last.round === this.#round &&
      this.#lastAppendEnd === log.lastIndex
    ) {
      return last;
    }
    const entries = log.slice(from, log.lastIndex, this.#options.appendBytesMax);
    const append = this.#appendOf({ index: from - 1, term: log.termAt(from - 1) }, entries);
    this.#lastAppend = append;
    this.#lastAppendEnd = log.lastIndex;
    return append;
  }

  #appendOf(previous: Append["previous"], entries: readonly Entry[]): Append {
    const { commitIndex } = this.#log;
    return { kind: "append", term: this.#term, previous, entries, commitIndex, round: this.#round };
  }

  #sendAppend(peer: Progress, append: Append): void {
    const lastIndex = append.previous.index + append.entries.length;
    let bytes = 0;
    for (const entry of append.entries) bytes += entry.payload.length;
    this.#effects.send(peer.id, append);
    peer.sent(lastIndex, bytes);
    if (peer.mode === "replicate") peer.sentCommit = Math.max(peer.sentCommit, Math.min(append.commitIndex, lastIndex));
  }

  /** An append without entries: a heartbeat, or a commit index. */
  sendEmpty(peer: Progress): void {
    const log = this.#log;
    // The very beginning of the log matches everywhere: contact with a follower whose log is not known to meet ours.
    const at = peer.mode === "snapshot" || log.termAt(peer.nextIndex - 1) === -1 ? 0 : peer.nextIndex - 1;
    this.#effects.send(peer.id, this.#emptyAfter(at));
    if (peer.mode === "replicate") peer.sentCommit = Math.max(peer.sentCommit, Math.min(log.commitIndex, at));
  }

  #emptyAfter(index: number): Append {
    const { commitIndex } = this.#log;
    const last = this.#lastEmpty;
    const isSame = last?.previous.index === index && last.commitIndex === commitIndex && last.round === this.#round;
    if (last !== null && isSame) return last;
    const term = index === 0 ? 0 : this.#log.termAt(index);
    const empty = this.#appendOf({ index, term }, NO_ENTRIES);
    this.#lastEmpty = empty;
    return empty;
  }
}
