// Work queues: items that wait, each leased to one consumer until it is completed or given back.

import type { Contender } from "./contention.ts";
import type { EngineSession, PlaceOptions, WriteLimits } from "./engine.ts";

export interface HasQueues {
  queue(name: string, options?: PlaceOptions): WorkQueue;
}

export interface WorkQueue {
  /** Returns the new item's id. Tried once, as a value's writes are. */
  put(item: NewItem, limits?: WriteLimits): Promise<string>;
  /** Wants the first item that is ready. `ahead`: consumers before it; 0: it waits for an item. */
  contend(session: EngineSession): ItemLease;
  /** All items that are not completed, in the order in which they come out; contains every write acknowledged before. */
  items(): Promise<readonly ItemView[]>;
  /** Null: it has been completed. */
  read(id: string): Promise<QueueItem | null>;
}

/** When an item comes out. Among due items the highest priority is first; among equal ones the first that was put. */
export interface ItemOrder {
  /** A signed whole number of 32 bits; 0 is usual. */
  readonly priority: number;
  /** Milliseconds since 1970 by the wall clock (`Runtime.wall`), before which the item does not come out. Null: it is due at once. */
  readonly dueAt: number | null;
}

export interface NewItem extends ItemOrder {
  readonly data: Uint8Array;
}

export interface ItemView extends ItemOrder {
  readonly id: string;
  /** It is due, and leased to nobody. */
  readonly isReady: boolean;
}

export interface QueueItem extends ItemOrder {
  readonly id: string;
  /** One, unless another program put several in one item; none where the item is not in this queue's format. */
  readonly data: readonly Uint8Array[];
}

/** Granted: the item is leased to it. `release` gives the item back. */
export interface ItemLease extends Contender {
  /** The item that was granted. */
  readonly item: QueueItem | null;
  /**
   * Removes the item for good; after that there is nothing to release. Goes on through lost connections as long as the
   * session lives. Fails with it, with the outcome "unknown" where it may have been done. May be called again after a refusal.
   */
  complete(): Promise<void>;
}
