// Nodes of a rare kind, with a number each: a session's ephemerals, containers, TTLs.

import { LargeMap } from "../memory/large-map.ts";
import type { NodeStore } from "./node-store.ts";
import { Znode } from "./znode.ts";

export class NodeMap {
  readonly #store: NodeStore;
  readonly #byRecord = new LargeMap<number, number>();

  constructor(store: NodeStore) {
    this.#store = store;
  }

  get size(): number {
    return this.#byRecord.size;
  }

  get({ record }: Znode): number | undefined {
    return this.#byRecord.get(record);
  }

  has({ record }: Znode): boolean {
    return this.#byRecord.has(record);
  }

  add({ record }: Znode, value: number): void {
    this.#byRecord.set(record, value);
  }

  delete({ record }: Znode): void {
    this.#byRecord.delete(record);
  }

  *[Symbol.iterator](): Generator<[Znode, number]> {
    for (const [record, value] of this.#byRecord) yield [new Znode(this.#store, record), value];
  }
}
