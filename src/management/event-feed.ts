// The recent events of a member, for operators: a bounded list, the oldest first. The replica and the doors add to it.

import { assert } from "../base/assert.ts";

export interface ManagementEvent {
  /** Grows by one for each event of this run of the process. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: "leader" | "quorum" | "disk" | "door";
  /** The name of the door that it is about; null: it is about the member. */
  readonly door: string | null;
  readonly text: string;
}

/** Some hours of a calm member, and the last minutes of a restless one. */
const EVENTS_MAX = 1000;

/** Of each door, for itself: what clients of one can cause never pushes out what happened to the member, or to another. */
const EVENTS_PER_DOOR_MAX = 200;

/** Invariant: the events of each door, and those of the member, are in the order of their numbers and at most so many. */
export class EventFeed {
  readonly #wall: () => number;
  readonly #bySource = new Map<string | null, ManagementEvent[]>();
  #last = 0;

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  add(kind: Exclude<ManagementEvent["kind"], "door">, text: string): void {
    this.#add({ kind, door: null, text }, EVENTS_MAX);
  }

  addOfDoor(door: string, text: string): void {
    this.#add({ kind: "door", door, text }, EVENTS_PER_DOOR_MAX);
  }

  all(): readonly ManagementEvent[] {
    return [...this.#bySource.values()].flat().sort((a, b) => a.number - b.number);
  }

  #add(event: Pick<ManagementEvent, "kind" | "door" | "text">, max: number): void {
    this.#last += 1;
    const events = this.#bySource.get(event.door) ?? [];
    this.#bySource.set(event.door, events);
    events.push({ number: this.#last, at: this.#wall(), ...event });
    if (events.length > max) events.shift();
    assert(events.length <= max, "the feed of events grows");
  }
}
