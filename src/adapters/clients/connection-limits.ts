// Limits on the number of connections: from one address, and in all. Several listeners may share one count.

import { assert } from "../../base/assert.ts";

export interface ConnectionLimitsOptions {
  /** From one address; 0: no limit. */
  readonly perAddressMax: number;
  /** In all; 0: no limit. */
  readonly totalMax: number;
}

/** Invariant: `total` is the sum of the counts of all addresses, and an address without connections has no entry. */
export class ConnectionLimits {
  readonly #perAddressMax: number;
  readonly #totalMax: number;
  readonly #counts = new Map<string, number>();
  #total = 0;

  constructor({ perAddressMax, totalMax }: ConnectionLimitsOptions) {
    this.#perAddressMax = perAddressMax;
    this.#totalMax = totalMax;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts one more connection and returns null; or returns why there may be no more. */
  enter(address: string): string | null {
    const count = (this.#counts.get(address) ?? 0) + 1;
    if (this.#perAddressMax > 0 && count > this.#perAddressMax) {
      return `too many connections from ${address}: the limit is ${this.#perAddressMax}`;
    }
    if (this.#totalMax > 0 && this.#total >= this.#totalMax) {
      return `too many connections: the limit is ${this.#totalMax}`;
    }
    this.#counts.set(address, count);
    this.#total += 1;
    return null;
  }

  /** One that entered has gone. */
  leave(address: string): void {
    const count = this.#counts.get(address);
    assert(count !== undefined, "a connection left that had not entered");
    if (count === 1) this.#counts.delete(address);
    else this.#counts.set(address, count - 1);
    this.#total -= 1;
  }
}
