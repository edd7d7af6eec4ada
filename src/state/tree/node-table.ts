// Finds nodes by path: a hash table by linear hashing (Litwin, 1980), which grows by one bucket at a time. A JavaScript
// Map would stop the member for a tenth of a second whenever it doubles at a million nodes, and ends at 2²⁴ entries;
// this one never pauses and ends with the memory. Paths are looked up in the bytes of a command, without a string.

import { assert } from "../../base/assert.ts";
import { hashBytes, hashText } from "../memory/text-hash.ts";
import { CHAIN, HASH, type NodeStore } from "./node-store.ts";
import { Znode } from "./znode.ts";

/** Buckets stand in segments, so that growing copies nothing. */
const SEGMENT_BITS = 14;
const SEGMENT_SIZE = 1 << SEGMENT_BITS;
const SEGMENT_MASK = SEGMENT_SIZE - 1;

export class NodeTable {
  readonly #store: NodeStore;
  /** The first node's record of each bucket; the others follow by `CHAIN`. */
  readonly #segments: Int32Array[] = [new Int32Array(SEGMENT_SIZE)];
  /** The table has `#mask + 1 + #split` buckets: those below `#split` are already divided in two. */
  #mask = SEGMENT_SIZE - 1;
  #split = 0;
  #size = 0;

  constructor(store: NodeStore) {
    this.#store = store;
  }

  get size(): number {
    return this.#size;
  }

  get bucketCount(): number {
    return this.#mask + 1 + this.#split;
  }

  /** The nodes of a bucket. As the table grows, a node may move, but only to a bucket further up. */
  bucket(number: number): Znode[] {
    const nodes: Znode[] = [];
    for (let record = this.#first(number); record !== 0; record = this.#store.nodes.integer(record, CHAIN)) {
      nodes.push(new Znode(this.#store, record));
    }
    return nodes;
  }

  /** The node whose path is the bytes [start, end). */
  find(bytes: Uint8Array, start: number, end: number): Znode | undefined {
    const store = this.#store;
    const hash = hashBytes(store.seed, bytes, start, end);
    let record = this.#first(this.#place(hash));
    for (; record !== 0; record = store.nodes.integer(record, CHAIN)) {
      if (store.nodes.integer(record, HASH) !== hash) continue;
      if (equalsBytes(store.path(record), bytes, start, end)) return new Znode(store, record);
    }
    return undefined;
  }

  get(path: string): Znode | undefined {
    const store = this.#store;
    const hash = hashText(store.seed, path);
    let record = this.#first(this.#place(hash));
    for (; record !== 0; record = store.nodes.integer(record, CHAIN)) {
      if (store.nodes.integer(record, HASH) === hash && store.path(record) === path) return new Znode(store, record);
    }
    return undefined;
  }

  /** The caller has made sure that the path is not there yet. */
  insert({ record, path }: Znode): void {
    const { nodes, seed } = this.#store;
    const hash = hashText(seed, path);
    const place = this.#place(hash);
    nodes.setInteger(record, HASH, hash);
    nodes.setInteger(record, CHAIN, this.#first(place));
    this.#setFirst(place, record);
    this.#size++;
    if (this.#size > this.bucketCount) this.#grow();
  }

  remove({ record }: Znode): void {
    const { nodes } = this.#store;
    const place = this.#place(nodes.integer(record, HASH));
    const next = nodes.integer(record, CHAIN);
    let before = this.#first(place);
    if (before === record) {
      this.#setFirst(place, next);
    } else {
      while (before !== 0 && nodes.integer(before, CHAIN) !== record) before = nodes.integer(before, CHAIN);
      assert(before !== 0, "a node that its table does not know");
      nodes.setInteger(before, CHAIN, next);
    }
    this.#size--;
  }

  *[Symbol.iterator](): Generator<Znode> {
    for (let number = 0; number < this.bucketCount; number++) yield* this.bucket(number);
  }

  #place(hash: number): number {
    const place = hash & this.#mask;
    return place < this.#split ? hash & (this.#mask * 2 + 1) : place;
  }

  #first(place: number): number {
    return this.#segments[place >>> SEGMENT_BITS]![place & SEGMENT_MASK]!;
  }

  #setFirst(place: number, record: number): void {
    this.#segments[place >>> SEGMENT_BITS]![place & SEGMENT_MASK] = record;
  }

  /** Divides bucket `#split`: about half of its nodes move to the new last bucket. */
  #grow(): void {
    const { nodes } = this.#store;
    const from = this.#split;
    const to = this.bucketCount;
    if (to >>> SEGMENT_BITS === this.#segments.length) this.#segments.push(new Int32Array(SEGMENT_SIZE));
    let stay = 0;
    let move = 0;
    let record = this.#first(from);
    while (record !== 0) {
      const next = nodes.integer(record, CHAIN);
      const stays = (nodes.integer(record, HASH) & (this.#mask + 1)) === 0;
      nodes.setInteger(record, CHAIN, stays ? stay : move);
      if (stays) stay = record;
      else move = record;
      record = next;
    }
    this.#setFirst(from, stay);
    this.#setFirst(to, move);
    this.#split++;
    if (this.#split > this.#mask) {
      this.#mask = this.#mask * 2 + 1;
      this.#split = 0;
    }
  }
}

function equalsBytes(path: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (path.length !== end - start) return false;
  for (let i = 0; i < path.length; i++) {
    if (path.charCodeAt(i) !== bytes[start + i]) return false;
  }
  return true;
}
