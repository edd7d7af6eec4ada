// What has happened to a member lately, for operators: a bounded list, the oldest first. The doors and the replica feed it.

import { assert } from "../base/assert.ts";

export interface ManagementEvent {
  /** Grows by one for each event of this run of the process. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: "leader" | "quorum" | "disk" | "door";
  readonly text: string;
}

/** Some hours of a calm member, and the last minutes of a restless one. */
const EVENTS_MAX = 1000;

/** Invariant: the events are in the order of their numbers, without gaps, and at most `EVENTS_MAX`. */
export class EventFeed {
  readonly #wall: () => number;
  readonly #events: ManagementEvent[] = [];
  #last = 0;

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  add(kind: ManagementEvent["kind"], text: string): void {
    this.#last += 1;
    this.#events.push({ number: this.#last, at: this.#wall(), kind, text });
    if (this.#events.length > EVENTS_MAX) this.#events.shift();
    assert(this.#events.at(-1)!.number - this.#events[0]!.number === this.#events.length - 1, "a gap in the feed");
  }

  all(): readonly ManagementEvent[] {
    return [...this.#events];
  }
}
