// A snapshot from the leader, on the follower. Its chunks are written in order; the last one replaces the state and the log in
// one act of the replica. Until that is done nothing may be appended: entries of the old log and of the new would mix
// (pitfall 12).

import type { EffectQueue } from "./effect-queue.ts";
import type { RaftLog } from "./log.ts";
import type { Input, MemberId, Message, SnapshotMeta } from "./types.ts";

type Chunk = Message & { kind: "snapshot" };

interface Incoming {
  readonly from: MemberId;
  readonly term: number;
  readonly snapshot: SnapshotMeta;
  /** Bytes that are durable. */
  received: number;
  /** Where the chunk that is being written ends; null while none is. */
  writing: number | null;
  /** Of the latest chunk: its answer confirms this much contact. */
  round: number;
}

export class Installation {
  readonly #log: RaftLog;
  readonly #effects: EffectQueue;
  readonly #incarnation: number;
  #incoming: Incoming | null = null;
  #isRestoring = false;

  constructor(log: RaftLog, effects: EffectQueue, incarnation: number) {
    this.#log = log;
    this.#effects = effects;
    this.#incarnation = incarnation;
  }

  /** The whole snapshot is here and the state is being replaced by it. */
  get isRestoring(): boolean {
    return this.#isRestoring;
  }

  /** `spoken`: the request to the disk that must be durable before this member says anything in its term. */
  onChunk(from: MemberId, chunk: Chunk, spoken: number): void {
    if (this.#isRestoring) return; // the answer comes when it is done
    const log = this.#log;
    const { index, term } = chunk.snapshot;
    if (index > log.commitIndex && log.termAt(index) === term) log.commitTo(index); // all of it is in the log already
    if (index <= log.commitIndex) {
      this.#discard();
      const durable = log.durableIndex >= index ? spoken : Math.max(spoken, this.#effects.lastSequence);
      this.#reply(durable, from, chunk.term, index, 0, true, chunk.round);
      return;
    }
    const incoming = this.#incomingOf(from, chunk);
    if (incoming.writing !== null) return; // a copy of what is being written, or of what comes after it
    incoming.round = chunk.round;
    if (chunk.offset !== incoming.received) {
      this.#reply(spoken, from, chunk.term, index, incoming.received, false, chunk.round);
      return;
    }
    const { snapshot, offset, data, done } = chunk;
    incoming.writing = offset + data.length;
    this.#isRestoring = done;
    this.#effects.push({ kind: "write-snapshot", snapshot, offset, data, done });
  }

  /**
   * An append of a leader. Where it comes from another than the half a snapshot did, or reaches into the log, nobody will
   * send the other half: a leader that sends a snapshot speaks of the log's very beginning alone.
   */
  onAppend(from: MemberId, { term, previous }: Message & { kind: "append" }): void {
    const incoming = this.#incoming;
    if (incoming === null || this.#isRestoring) return;
    if (incoming.from !== from || incoming.term !== term || previous.index > 0) this.#discard();
  }

  #discard(): void {
    if (this.#incoming === null) return;
    this.#incoming = null;
    this.#effects.push({ kind: "discard-snapshot" });
  }

  /** Another leader's snapshot of the same index may have other bytes: it is begun anew. */
  #incomingOf(from: MemberId, { term, snapshot, round }: Chunk): Incoming {
    const incoming = this.#incoming;
    if (incoming?.from === from && incoming.term === term && incoming.snapshot.index === snapshot.index)
      return incoming;
    this.#incoming = { from, term, snapshot, received: 0, writing: null, round };
    return this.#incoming;
  }

  /** Returns the snapshot that the state was restored from, if it was. `term`: the member's own by now. */
  onWritten(
    { index, offset, done }: Input & { kind: "snapshot-written" },
    term: number,
    spoken: number,
  ): SnapshotMeta | null {
    const incoming = this.#incoming;
    if (incoming === null || incoming.snapshot.index !== index || incoming.writing !== offset) return null;
    incoming.received = offset;
    incoming.writing = null;
    if (done) {
      this.#isRestoring = false;
      this.#incoming = null;
      this.#log.restart(incoming.snapshot);
    }
    // A leader of an earlier term is not answered; the present one finds out by itself how far this member is.
    if (incoming.term === term) this.#reply(spoken, incoming.from, term, index, offset, done, incoming.round);
    return done ? incoming.snapshot : null;
  }

  /** The whole was here, and was no state: the member goes on with what it had, and without who sent it. */
  onUnreadable(index: number): void {
    const incoming = this.#incoming;
    if (incoming === null || incoming.snapshot.index !== index) return;
    this.#isRestoring = false;
    this.#incoming = null;
    this.#effects.push({ kind: "refused", from: incoming.from, why: `a snapshot of index ${index} that is no state` });
  }

  #reply(
    sequence: number,
    to: MemberId,
    term: number,
    index: number,
    offset: number,
    done: boolean,
    round: number,
  ): void {
    const incarnation = this.#incarnation;
    this.#effects.sendAfter(sequence, to, { kind: "snapshot-reply", term, index, offset, done, round, incarnation });
  }
}
