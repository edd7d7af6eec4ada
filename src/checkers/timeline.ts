// The calls and returns of one part of a history in the order of time, as a list from which operations are taken when they
// have found their place, and into which they are put back when that place was wrong: both in constant time, as the links
// of what was taken still name its neighbours ("dancing links").

import { assert } from "../base/assert.ts";
import type { Operation } from "./model.ts";

/** The end of the list, and its beginning: the event before the first and after the last. */
const EDGE = 0;

/** What can come next: the operations called before any that is still in the list has returned. */
export interface Opening {
  /** The event before which all of them were called: the first return that is left. */
  readonly firstReturn: number;
  /** The operations, in the order of their calls. Together they name everything that was taken, as all else called before is. */
  readonly operations: readonly number[];
}

export class Timeline {
  /** How many operations were answered; those alone are in the list. */
  readonly answeredCount: number;
  /** Those that were not, in the order of their calls. */
  readonly unanswered: readonly number[];

  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #operationAt: Int32Array;
  readonly #isReturn: Uint8Array;
  readonly #callOf: Int32Array;
  readonly #returnOf: Int32Array;
  /** For each event, how many operations that were never answered were called before it. */
  readonly #unansweredBefore: Int32Array;

  constructor(operations: readonly Operation<unknown, unknown>[]) {
    const events = eventsOf(operations);
    const size = events.length + 1;
    this.#next = new Int32Array(size);
    this.#previous = new Int32Array(size);
    this.#operationAt = new Int32Array(size);
    this.#isReturn = new Uint8Array(size);
    this.#callOf = new Int32Array(operations.length);
    this.#returnOf = new Int32Array(operations.length);
    this.#unansweredBefore = new Int32Array(size);
    const unanswered: number[] = [];
    let last = EDGE;
    for (const [position, { operation, isReturn }] of events.entries()) {
      const event = position + 1;
      if (operations[operation]!.return === null) {
        unanswered.push(operation);
        continue;
      }
      this.#operationAt[event] = operation;
      this.#isReturn[event] = isReturn ? 1 : 0;
      (isReturn ? this.#returnOf : this.#callOf)[operation] = event;
      this.#unansweredBefore[event] = unanswered.length;
      this.#next[last] = event;
      this.#previous[event] = last;
      last = event;
    }
    this.#next[last] = EDGE;
    this.#previous[EDGE] = last;
    this.unanswered = unanswered;
    this.answeredCount = operations.length - unanswered.length;
  }

  /** Null where every answered operation was taken. */
  opening(): Opening | null {
    const operations: number[] = [];
    let event = this.#next[EDGE]!;
    if (event === EDGE) return null;
    while (this.#isReturn[event] === 0) {
      operations.push(this.#operationAt[event]!);
      event = this.#next[event]!;
    }
    return { firstReturn: event, operations };
  }

  /** How many of those never answered may take effect before this event. */
  unansweredBefore(event: number): number {
    return this.#unansweredBefore[event]!;
  }

  /** The operation whose call or return this event is. */
  operationAt(event: number): number {
    return this.#operationAt[event]!;
  }

  take(operation: number): void {
    this.#unlink(this.#callOf[operation]!);
    this.#unlink(this.#returnOf[operation]!);
  }

  /** Puts back what was taken last. */
  putBack(operation: number): void {
    this.#link(this.#returnOf[operation]!);
    this.#link(this.#callOf[operation]!);
  }

  #unlink(event: number): void {
    const before = this.#previous[event]!;
    const after = this.#next[event]!;
    assert(this.#next[before] === event && this.#previous[after] === event, "an event was taken twice");
    this.#next[before] = after;
    this.#previous[after] = before;
  }

  #link(event: number): void {
    this.#next[this.#previous[event]!] = event;
    this.#previous[this.#next[event]!] = event;
  }
}

interface Event {
  readonly time: number;
  readonly operation: number;
  readonly isReturn: boolean;
}

/** At one time, calls come before returns: what merely touches is concurrent. */
function eventsOf(operations: readonly Operation<unknown, unknown>[]): Event[] {
  const events: Event[] = [];
  for (const [operation, { call, return: returned }] of operations.entries()) {
    assert(returned === null || call <= returned, `operation ${operation} returned before it was called`);
    events.push({ time: call, operation, isReturn: false });
    if (returned !== null) events.push({ time: returned, operation, isReturn: true });
  }
  return events.sort((a, b) => a.time - b.time || Number(a.isReturn) - Number(b.isReturn) || a.operation - b.operation);
}
