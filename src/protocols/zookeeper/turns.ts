// The turns of the loop: what connections write leaves with one write each at a turn's end, and what was left waiting is
// taken up again then. No client takes more than its share of a turn.

import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";

/** A connection, as far as turns go. */
export interface TurnParticipant {
  /** Hands over what was written in this turn. */
  flush(): void;
  /** Takes the requests that can be taken now. */
  serve(): void;
}

/** Invariant: while anyone is dirty, or waits to be served in the next turn, a flush is due. */
export class Turns {
  /** What was done for clients in this turn: bytes of replies, and nodes looked at as so many bytes. */
  work = 0;
  /** Wall-clock time of this turn, in milliseconds since 1970; at most a tick old. */
  wallTime: number;
  readonly #clock: Clock;
  readonly #workMax: number;
  #dirty: TurnParticipant[] = [];
  #blocked = new Set<TurnParticipant>();
  #isFlushDue = false;
  #time: number;
  #isTimeFresh = false;

  constructor(clock: Clock, workMax: number) {
    this.#clock = clock;
    this.#workMax = workMax;
    this.#time = clock.now();
    this.wallTime = clock.wall();
  }

  /** The rest waits for the next turn, after the peers, the disk and everyone else have been heard. */
  get isFull(): boolean {
    return this.work > this.#workMax;
  }

  /** Monotonic milliseconds, read once a turn. */
  get time(): number {
    return this.#isTimeFresh ? this.#time : this.refreshTime();
  }

  /** Reads the clock as a chunk comes in. The time ends with this turn, also if nothing is answered in it. */
  refreshTime(): number {
    this.#time = this.#clock.now();
    this.#isTimeFresh = true;
    this.flushSoon();
    return this.#time;
  }

  /** Something is to be written, or the connection to be ended, once this turn's input is all there. */
  noteDirty(connection: TurnParticipant): void {
    this.#dirty.push(connection);
    this.flushSoon();
  }

  /** It has requests that could not be taken: it is asked again whenever something was answered or has changed. */
  noteBlocked(connection: TurnParticipant): void {
    this.#blocked.add(connection);
  }

  noteUnblocked(connection: TurnParticipant): void {
    if (this.#blocked.size > 0) this.#blocked.delete(connection);
  }

  /** It may have requests that can be taken now, but not in the middle of what is going on. */
  noteReady(connection: TurnParticipant): void {
    this.#blocked.add(connection);
    this.flushSoon();
  }

  isBlocked(connection: TurnParticipant): boolean {
    return this.#blocked.has(connection);
  }

  /** Room was made, or something has changed: whoever was blocked may go on. */
  unblockSoon(): void {
    if (this.#blocked.size > 0) this.flushSoon();
  }

  flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#clock.defer(() => this.#flush());
  }

  #flush(): void {
    assert(this.#isFlushDue, "a flush that nobody asked for");
    this.#isFlushDue = false;
    this.#isTimeFresh = false;
    this.work = 0;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
    if (this.#blocked.size === 0) return;
    const blocked = this.#blocked;
    this.#blocked = new Set();
    const unserved: TurnParticipant[] = [];
    for (const connection of blocked) {
      if (this.isFull) unserved.push(connection);
      else connection.serve();
    }
    if (unserved.length === 0) return;
    this.#blocked = new Set([...unserved, ...this.#blocked]); // whoever had its share of this turn comes last in the next
    this.flushSoon();
  }
}
