// The memory that a member holds for all its clients: replies that were not fetched, requests that wait, frames that are not
// whole, over all its doors. It is bounded: beyond the limit, connections that have made the least progress for longest are closed.

import { assert } from "../base/assert.ts";
import { HELD_SHARE_AFTER, PROGRESS_GRAIN_MS } from "./limits.ts";

/** A connection, as far as memory goes. */
export interface MemoryHolder {
  /** What this member held for it when it last looked. */
  readonly heldBytes: number;
  /** When its client last had fetched everything, and asked for more or had nothing left to ask: monotonic milliseconds. */
  readonly progressedAt: number;
  /** Looks again at what is held for it. */
  account(): void;
  drop(reason: string): void;
}

/** Invariant: `bytes` is the sum of what was noted for all holders, and never negative. */
export class HeldMemory {
  readonly #bytesMax: number;
  readonly #doors: (() => Iterable<MemoryHolder>)[] = [];
  #bytes = 0;
  #isRelieving = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** One more door, whose connections are accounted here from now on. */
  add(connections: () => Iterable<MemoryHolder>): void {
    this.#doors.push(connections);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** So much more, or less, is held for a client. */
  note(bytes: number): void {
    this.#bytes += bytes;
    assert(this.#bytes >= 0, "more memory was given back than was held");
    if (this.#bytes > this.#bytesMax && !this.#isRelieving) this.#relieve();
  }

  #relieve(): void {
    this.#isRelieving = true;
    try {
      this.#dropSlowest();
    } finally {
      this.#isRelieving = false;
    }
  }

  #dropSlowest(): void {
    const holders = this.#doors.flatMap((connections) => [...connections()]);
    for (const holder of holders) holder.account(); // some of it may have left meanwhile
    if (this.#bytes <= this.#bytesMax) return;
    holders.sort((a, b) => grainOf(a) - grainOf(b) || b.heldBytes - a.heldBytes);
    for (const holder of holders) {
      if (this.#bytes <= this.#bytesMax * HELD_SHARE_AFTER) break;
      if (holder.heldBytes === 0) continue;
      const holds = `${this.#bytes} bytes are held for all clients, ${this.#bytesMax} at most`;
      holder.drop(`${holds}: it has made the least progress, and ${holder.heldBytes} are its own`);
    }
  }
}

function grainOf({ progressedAt }: MemoryHolder): number {
  return Math.floor(progressedAt / PROGRESS_GRAIN_MS);
}
