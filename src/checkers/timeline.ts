// The calls and returns of one part of a history in the order of time, and the frontiers that an order of its operations passes:
// what has found its place, and what can come next.

import { assert } from "../base/assert.ts";
import type { Operation } from "./model.ts";

/**
 * Of the answered operations, all that were called before a certain moment have their place, but for those in `open`; the
 * moment is when the first of these returned. What is called later cannot come before it.
 */
export interface Frontier {
  /** In the order of their returns. They name the frontier: whatever else was called before the first returned is placed. */
  readonly open: readonly number[];
  /** How many answered operations were called before that moment. */
  readonly called: number;
}

export class Timeline {
  /** Those never answered, in the order of their calls. They are on no frontier: they may come at any time, or never. */
  readonly unanswered: readonly number[];
  /** The answered ones, in the order of their calls. */
  readonly #answered: readonly number[];
  /** The places of calls and returns among all events, by operation. */
  readonly #callOf: Int32Array;
  readonly #returnOf: Int32Array;

  constructor(operations: readonly Operation<unknown, unknown>[]) {
    this.#callOf = new Int32Array(operations.length);
    this.#returnOf = new Int32Array(operations.length);
    const answered: number[] = [];
    const unanswered: number[] = [];
    for (const [place, { operation, isReturn }] of eventsOf(operations).entries()) {
      (isReturn ? this.#returnOf : this.#callOf)[operation] = place;
      if (!isReturn) (operations[operation]!.return === null ? unanswered : answered).push(operation);
    }
    this.#answered = answered;
    this.unanswered = unanswered;
  }

  start(): Frontier {
    return this.#frontier([], 0);
  }

  /** The frontier behind these operations, which are open on the given one. */
  behind({ open, called }: Frontier, placed: readonly number[]): Frontier {
    return this.#frontier(
      open.filter((operation) => !placed.includes(operation)),
      called,
    );
  }

  /** How far in time a frontier is: the place of its first return among all events. */
  distanceOf({ open }: Frontier): number {
    assert(open.length > 0, "the end of the history is no frontier");
    return this.#returnOf[open[0]!]!;
  }

  /** How many of those never answered may have taken effect before a frontier. */
  unansweredBefore(distance: number): number {
    let count = 0;
    while (count < this.unanswered.length && this.#callOf[this.unanswered[count]!]! < distance) count += 1;
    return count;
  }

  #frontier(open: number[], before: number): Frontier {
    let called = before;
    while (called < this.#answered.length) {
      const next = this.#answered[called]!;
      if (open.length > 0 && this.#callOf[next]! > this.#returnOf[open[0]!]!) break;
      this.#insert(open, next);
      called += 1;
    }
    return { open, called };
  }

  #insert(open: number[], operation: number): void {
    let place = open.length;
    while (place > 0 && this.#returnOf[open[place - 1]!]! > this.#returnOf[operation]!) place -= 1;
    open.splice(place, 0, operation);
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
    assert(call <= (returned ?? Number.POSITIVE_INFINITY), `operation ${operation} returned before it was called`);
    events.push({ time: call, operation, isReturn: false });
    if (returned !== null) events.push({ time: returned, operation, isReturn: true });
  }
  return events.sort((a, b) => a.time - b.time || Number(a.isReturn) - Number(b.isReturn) || a.operation - b.operation);
}
