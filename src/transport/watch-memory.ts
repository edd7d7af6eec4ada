// The memory that the watches of a member's clients take, over all its doors. It is bounded: beyond the limit, the connection
// that has most of it is closed.

/** The watches of one door. */
export interface WatchHolder {
  /** What they take of memory, about. */
  readonly bytes: number;
  /** The connection that has most of them; null: there is none. */
  readonly largest: LargestWatcher | null;
}

export interface LargestWatcher {
  readonly watchBytes: number;
  drop(reason: string): void;
}

export class WatchMemory {
  readonly #bytesMax: number;
  readonly #holders: WatchHolder[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** From now on the watches of this door count. */
  add(holder: WatchHolder): void {
    this.#holders.push(holder);
  }

  get bytes(): number {
    let bytes = 0;
    for (const holder of this.#holders) bytes += holder.bytes;
    return bytes;
  }

  /** A watch was set. */
  check(): void {
    const { bytes } = this;
    if (bytes <= this.#bytesMax) return;
    const largest = this.#largest();
    largest?.drop(
      `all watches take ${bytes} bytes, ${this.#bytesMax} at most: it has most, ${largest.watchBytes} of them`,
    );
  }

  #largest(): LargestWatcher | null {
    let largest: LargestWatcher | null = null;
    for (const holder of this.#holders) {
      const one = holder.largest;
      if (one !== null && (largest === null || one.watchBytes > largest.watchBytes)) largest = one;
    }
    return largest;
  }
}
