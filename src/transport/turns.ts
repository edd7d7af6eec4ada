// The turns of the event loop. At the end of a turn each connection sends its output with one write, and waiting work
// continues. No client takes more than its share of a turn, whichever door it uses.

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { WALL_TIME_AGE_MS_MAX } from "./limits.ts";

/** A connection, as far as turns go. Neither call throws: the connections behind it are to have their turn. */
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
  /** Wall-clock time in milliseconds since 1970, for statistics: at most `WALL_TIME_AGE_MS_MAX` older than the turn. */
  wallTime: number;
  readonly #clock: Clock;
  readonly #workMax: number;
  #dirty: TurnParticipant[] = [];
  #blocked = new Set<TurnParticipant>();
  #isFlushDue = false;
  #time: number;
  #isTimeFresh = false;
  #wallTimeReadAt: number;

  constructor(clock: Clock, workMax: number) {
    this.#clock = clock;
    this.#workMax = workMax;
    this.#time = clock.now();
    this.wallTime = clock.wall();
    this.#wallTimeReadAt = this.#time;
  }

  /** The rest waits for the next turn, after the peers, the disk and everyone else have been heard. */
  get isFull(): boolean {
    return this.work > this.#workMax;
  }

  /** Monotonic milliseconds, read once a turn. */
  get time(): number {
    return this.#isTimeFresh ? this.#time : this.refreshTime();
  }

  /** Monotonic milliseconds when something last came in or was answered. Asking for it makes no turn due, as `time` does. */
  get lastTime(): number {
    return this.#time;
  }

  /** Reads the clock as a chunk comes in. The time ends with this turn, also if nothing is answered in it. */
  refreshTime(): number {
    this.#time = this.#clock.now();
    this.#isTimeFresh = true;
    if (this.#time - this.#wallTimeReadAt > WALL_TIME_AGE_MS_MAX) this.#readWallTime();
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

  #readWallTime(): void {
    this.wallTime = this.#clock.wall();
    this.#wallTimeReadAt = this.#time;
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
