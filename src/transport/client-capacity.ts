// The capacity of one member for its clients, shared by all its doors: work in a turn of the loop, memory for unread replies
// and waiting requests, and memory for watches.

import type { Clock } from "../base/clock.ts";
import { BufferPool } from "./buffer-pool.ts";
import { HeldMemory } from "./held-memory.ts";
import { HELD_BYTES_MAX, TURN_WORK_MAX, WATCH_BYTES_MAX } from "./limits.ts";
import { Turns } from "./turns.ts";
import { WatchMemory } from "./watch-memory.ts";

export interface CapacityBounds {
  readonly turnWorkMax: number;
  readonly heldBytesMax: number;
  readonly watchBytesMax: number;
}

export const CAPACITY: CapacityBounds = {
  turnWorkMax: TURN_WORK_MAX,
  heldBytesMax: HELD_BYTES_MAX,
  watchBytesMax: WATCH_BYTES_MAX,
};

export class ClientCapacity {
  readonly turns: Turns;
  readonly memory: HeldMemory;
  readonly watchMemory: WatchMemory;
  readonly buffers = new BufferPool();

  constructor(clock: Clock, { turnWorkMax, heldBytesMax, watchBytesMax }: CapacityBounds = CAPACITY) {
    this.turns = new Turns(clock, turnWorkMax);
    this.memory = new HeldMemory(heldBytesMax);
    this.watchMemory = new WatchMemory(watchBytesMax);
  }
}
