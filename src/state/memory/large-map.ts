// A map without a size limit. JavaScript's own map throws at 2²⁴ entries, which would stop every member alike; this one
// continues in another map.

const PART_MAX = 2 ** 23;

export class LargeMap<Key, Value> {
  readonly #parts: Map<Key, Value>[] = [new Map()];
  readonly #partMax: number;

  constructor(partMax = PART_MAX) {
    this.#partMax = partMax;
  }

  get size(): number {
    let size = 0;
    for (const part of this.#parts) size += part.size;
    return size;
  }

  get(key: Key): Value | undefined {
    for (const part of this.#parts) {
      const value = part.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  has(key: Key): boolean {
    return this.#parts.some((part) => part.has(key));
  }

  set(key: Key, value: Value): void {
    this.#partFor(key).set(key, value);
  }

  delete(key: Key): void {
    for (const part of this.#parts) {
      if (part.delete(key)) return;
    }
  }

  *[Symbol.iterator](): Generator<[Key, Value]> {
    for (const part of this.#parts) yield* part;
  }

  #partFor(key: Key): Map<Key, Value> {
    const known = this.#parts.find((part) => part.has(key)) ?? this.#parts.find((part) => part.size < this.#partMax);
    if (known !== undefined) return known;
    const part = new Map<Key, Value>();
    this.#parts.push(part);
    return part;
  }
}
