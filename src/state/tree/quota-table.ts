// The nodes that hold limits, found by the path that they limit. Looking for the nearest one above a node takes one step a level
// and makes no text: the hash of a node's path is in its record.

import { LargeMap } from "../memory/large-map.ts";
import { hashText } from "../memory/text-hash.ts";
import { HASH, type NodeStore } from "./node-store.ts";
import type { Znode } from "./znode.ts";

interface Limited {
  readonly path: string;
  readonly limits: Znode;
}

export class QuotaTable {
  readonly #store: NodeStore;
  readonly #byHash = new LargeMap<number, readonly Limited[]>();
  #size = 0;

  constructor(store: NodeStore) {
    this.#store = store;
  }

  get size(): number {
    return this.#size;
  }

  set(path: string, limits: Znode): void {
    this.delete(path);
    const hash = hashText(this.#store.seed, path);
    this.#byHash.set(hash, [...(this.#byHash.get(hash) ?? []), { path, limits }]);
    this.#size++;
  }

  delete(path: string): void {
    const hash = hashText(this.#store.seed, path);
    const known = this.#byHash.get(hash);
    const others = known?.filter((limited) => limited.path !== path);
    if (known === undefined || others === undefined || others.length === known.length) return;
    if (others.length === 0) this.#byHash.delete(hash);
    else this.#byHash.set(hash, others);
    this.#size--;
  }

  /** The limits of this very path. */
  get(path: string): Znode | undefined {
    return this.#find(hashText(this.#store.seed, path), path)?.limits;
  }

  /** The nearest limited path from a node upwards. */
  nearest(from: Znode | null): string | null {
    for (let node = from; node !== null; node = node.parent) {
      const limited = this.#find(this.#store.nodes.integer(node.record, HASH), node.path);
      if (limited !== null) return limited.path;
    }
    return null;
  }

  #find(hash: number, path: string): Limited | null {
    return this.#byHash.get(hash)?.find((limited) => limited.path === path) ?? null;
  }
}
