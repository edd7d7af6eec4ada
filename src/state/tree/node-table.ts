// Finds nodes by path: a hash table by linear hashing (Litwin, 1980), which grows by one bucket at a time. A JavaScript
// Map would stop the member for a tenth of a second whenever it doubles at a million nodes, and ends at 2²⁴ entries;
// this one never pauses and ends with the memory. Paths are looked up in the bytes of a command, without a string.

import { assert } from "../../base/assert.ts";
import type { Znode } from "./znode.ts";

/** Buckets stand in segments, so that growing copies nothing. */
const SEGMENT_BITS = 14;
const SEGMENT_SIZE = 1 << SEGMENT_BITS;
const SEGMENT_MASK = SEGMENT_SIZE - 1;

export class NodeTable {
  readonly #segments: (Znode | null)[][] = [emptySegment()];
  /** The table has `#low + 1 + #split` buckets: those below `#split` are already divided in two. */
  #low = SEGMENT_SIZE - 1;
  #split = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get bucketCount(): number {
    return this.#low + 1 + this.#split;
  }

  /** The first node of a bucket; the others follow by `chain`. A node that moves as the table grows moves further up. */
  bucket(number: number): Znode | null {
    return this.#segments[number >>> SEGMENT_BITS]![number & SEGMENT_MASK]!;
  }

  /** The node whose path is the bytes [start, end). */
  find(bytes: Uint8Array, start: number, end: number): Znode | undefined {
    const length = end - start;
    let node = this.bucket(this.#place(hashBytes(bytes, start, end)));
    for (; node !== null; node = node.chain) {
      if (node.path.length === length && equalsBytes(node.path, bytes, end)) return node;
    }
    return undefined;
  }

  get(path: string): Znode | undefined {
    let node = this.bucket(this.#place(hashText(path)));
    for (; node !== null; node = node.chain) {
      if (node.path === path) return node;
    }
    return undefined;
  }

  /** The caller has made sure that the path is not there yet. */
  insert(node: Znode): void {
    const place = this.#place(hashText(node.path));
    const segment = this.#segments[place >>> SEGMENT_BITS]!;
    node.chain = segment[place & SEGMENT_MASK]!;
    segment[place & SEGMENT_MASK] = node;
    this.#size++;
    if (this.#size > this.bucketCount) this.#grow();
  }

  remove(node: Znode): void {
    const place = this.#place(hashText(node.path));
    const first = this.bucket(place);
    if (first === node) {
      this.#segments[place >>> SEGMENT_BITS]![place & SEGMENT_MASK] = node.chain;
    } else {
      let before = first;
      while (before !== null && before.chain !== node) before = before.chain;
      assert(before !== null, "a node that its table does not know");
      before.chain = node.chain;
    }
    node.chain = null;
    this.#size--;
  }

  *[Symbol.iterator](): Generator<Znode> {
    for (let number = 0; number < this.bucketCount; number++) {
      for (let node = this.bucket(number); node !== null; node = node.chain) yield node;
    }
  }

  #place(hash: number): number {
    const low = hash & this.#low;
    return low < this.#split ? hash & (this.#low * 2 + 1) : low;
  }

  /** Divides bucket `#split`: about half of its nodes move to the new last bucket. */
  #grow(): void {
    const from = this.#split;
    const to = this.bucketCount;
    if (to >>> SEGMENT_BITS === this.#segments.length) this.#segments.push(emptySegment());
    let node = this.bucket(from);
    let stay: Znode | null = null;
    let move: Znode | null = null;
    while (node !== null) {
      const next: Znode | null = node.chain;
      if ((hashText(node.path) & (this.#low + 1)) === 0) {
        node.chain = stay;
        stay = node;
      } else {
        node.chain = move;
        move = node;
      }
      node = next;
    }
    this.#segments[from >>> SEGMENT_BITS]![from & SEGMENT_MASK] = stay;
    this.#segments[to >>> SEGMENT_BITS]![to & SEGMENT_MASK] = move;
    this.#split++;
    if (this.#split > this.#low) {
      this.#low = this.#low * 2 + 1;
      this.#split = 0;
    }
  }
}

function emptySegment(): (Znode | null)[] {
  return new Array<Znode | null>(SEGMENT_SIZE).fill(null);
}

/** FNV-1a with a last stirring: its low bits alone are used. Both forms give the same number for the same path. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return stir(hash);
}

function hashText(path: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
  return stir(hash);
}

function stir(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) & 0x3fffffff;
}

/** From the end, where paths differ: they share their beginnings. */
function equalsBytes(path: string, bytes: Uint8Array, end: number): boolean {
  for (let i = path.length - 1, at = end - 1; i >= 0; i--, at--) {
    if (path.charCodeAt(i) !== bytes[at]) return false;
  }
  return true;
}
