// Nodes of a rare kind, with a number each: a session's ephemerals, containers, TTLs. A Map ends at 2²⁴ entries with an
// exception that would stop every member alike; this one goes on in another.

import type { NodeStore } from "./node-store.ts";
import { Znode } from "./znode.ts";

const PART_MAX = 2 ** 23;

export class NodeMap {
  readonly #store: NodeStore;
  /** By the nodes' records. */
  readonly #parts: Map<number, number>[] = [new Map()];
  readonly #partMax: number;

  constructor(store: NodeStore, partMax = PART_MAX) {
    this.#store = store;
    this.#partMax = partMax;
  }

  get size(): number {
    let size = 0;
    for (const part of this.#parts) size += part.size;
    return size;
  }

  get({ record }: Znode): number | undefined {
    for (const part of this.#parts) {
      const value = part.get(record);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  has(node: Znode): boolean {
    return this.get(node) !== undefined;
  }

  /** Adds a node that is not there yet. */
  add({ record }: Znode, value: number): void {
    let part = this.#parts.find((candidate) => candidate.size < this.#partMax);
    if (part === undefined) {
      part = new Map();
      this.#parts.push(part);
    }
    part.set(record, value);
  }

  delete({ record }: Znode): void {
    for (const part of this.#parts) {
      if (part.delete(record)) return;
    }
  }

  *[Symbol.iterator](): Generator<[Znode, number]> {
    for (const part of this.#parts) {
      for (const [record, value] of part) yield [new Znode(this.#store, record), value];
    }
  }
}
