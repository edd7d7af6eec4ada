// The storage of a tree's nodes: numbers in records, data in a slab, paths as strings. `Znode` defines the fields of a record;
// everything else reads and writes through it.

import { Records } from "../memory/records.ts";
import { Slab } from "../memory/slab.ts";
import { AclTable } from "./acl-table.ts";
import type { Acl } from "./types.ts";

/** Doubles. */
export const CZXID = 0;
export const MZXID = 1;
export const CTIME = 2;
export const MTIME = 3;
export const OWNER = 4;
export const BLOCK = 5;
const NODE_DOUBLES = 6;
/** Integers: they are counted in fours of bytes, from the beginning of the record. */
export const VERSION = 12;
export const AVERSION = 13;
export const ACL = 14;
export const PARENT = 15;
export const CHAIN = 16;
export const PRECEDING = 17;
export const FOLLOWING = 18;
export const DIRECTORY = 19;
export const LENGTH = 20;
export const WALKED = 21;
export const HASH = 22;
const NODE_INTEGERS = 11;

/** Of a directory, which only nodes have that had a child. */
export const PZXID = 0;
/** What is below it, at any depth: nodes, and behind it the bytes of their data. */
export const BELOW = 1;
export const BELOW_BYTES = 2;
const DIRECTORY_DOUBLES = 3;
export const FIRST = 6;
export const SIZE = 7;
export const CREATES = 8;
const DIRECTORY_INTEGERS = 3;

const SEGMENT_BITS = 12;
const SEGMENT_MASK = (1 << SEGMENT_BITS) - 1;

export class NodeStore {
  readonly nodes = new Records(NODE_DOUBLES, NODE_INTEGERS);
  readonly directories = new Records(DIRECTORY_DOUBLES, DIRECTORY_INTEGERS);
  readonly data = new Slab();
  readonly acls: AclTable;
  /** Of the hashes of paths and access lists: a number that clients do not know. */
  readonly seed: number;
  readonly #paths: string[][] = [];

  constructor(seed = 0) {
    this.seed = (seed ^ 0x811c9dc5) | 0;
    this.acls = new AclTable(this.seed);
  }

  /** A record for a node, with its path and access list; all else is 0. */
  allocate(path: string, acl: readonly Acl[]): number {
    const node = this.nodes.allocate();
    while (node >>> SEGMENT_BITS >= this.#paths.length) this.#paths.push(new Array(1 << SEGMENT_BITS).fill(""));
    this.#paths[node >>> SEGMENT_BITS]![node & SEGMENT_MASK] = path;
    this.nodes.setInteger(node, ACL, this.acls.use(acl));
    return node;
  }

  release(node: number): void {
    const { nodes } = this;
    const directory = nodes.integer(node, DIRECTORY);
    const length = nodes.integer(node, LENGTH);
    if (directory !== 0) this.directories.release(directory);
    if (length > 0) this.data.release(nodes.double(node, BLOCK), length);
    this.acls.release(nodes.integer(node, ACL));
    this.#paths[node >>> SEGMENT_BITS]![node & SEGMENT_MASK] = "";
    nodes.release(node);
  }

  /** Counts nodes and bytes that came to be, or went, below a node's parent and all above it. */
  growAbove(node: number, count: number, bytes: number): void {
    const { nodes, directories } = this;
    for (let up = nodes.integer(node, PARENT); up !== 0; up = nodes.integer(up, PARENT)) {
      directories.addDoubles(nodes.integer(up, DIRECTORY), BELOW, count, bytes);
    }
  }

  path(node: number): string {
    return this.#paths[node >>> SEGMENT_BITS]![node & SEGMENT_MASK]!;
  }
}
