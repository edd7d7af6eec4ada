// One node of the tree. A million of them must be cheap: what only directories need stands apart in a `Directory` that a
// leaf never has, kinds that are rare (containers, TTLs) are kept in sets beside the tree, and links between nodes are
// fields of the nodes themselves, so that no node owns a map or an array.

import type { Acl, Stat } from "../types.ts";

export class Znode implements Stat {
  readonly path: string;
  /** A one-byte string; null where the client gave none, which is not the same as empty. */
  data: string | null;
  /** Interned: nodes with equal lists share one. */
  acl: readonly Acl[];
  /** Null for the root, and for a node that was deleted. */
  parent: Znode | null = null;
  /** The next node of the same bucket of the node table. */
  chain: Znode | null = null;
  /** Neighbours among the children of `parent`. */
  preceding: Znode | null = null;
  following: Znode | null = null;
  /** Null until the first child is created. */
  directory: Directory | null = null;
  readonly czxid: number;
  mzxid: number;
  readonly ctime: number;
  mtime: number;
  version = 0;
  aversion = 0;
  /** The session that this node lives and dies with; 0 for all others, containers and TTL nodes among them. */
  readonly ephemeralOwner: number;
  /** The number of the last snapshot that has this node behind it: it was written to it, or is newer than it. */
  walked: number;

  constructor(
    path: string,
    data: string | null,
    acl: readonly Acl[],
    zxid: number,
    time: number,
    owner: number,
    walked: number,
  ) {
    this.path = path;
    this.data = data;
    this.acl = acl;
    this.czxid = zxid;
    this.mzxid = zxid;
    this.ctime = time;
    this.mtime = time;
    this.ephemeralOwner = owner;
    this.walked = walked;
  }

  /** Every create and every delete of a child counts, although only creates are kept. */
  get cversion(): number {
    return this.directory === null ? 0 : (this.directory.creates * 2 - this.directory.size) | 0;
  }

  get pzxid(): number {
    return this.directory === null ? this.czxid : this.directory.pzxid;
  }

  get numChildren(): number {
    return this.directory === null ? 0 : this.directory.size;
  }

  get dataLength(): number {
    return this.data === null ? 0 : this.data.length;
  }
}

/** What a node has once it had a child. */
export class Directory {
  first: Znode | null = null;
  size = 0;
  /** Children ever created, as a signed 32-bit number: where sequence suffixes come from. Never goes back. */
  creates = 0;
  /** The revision of the last create or delete of a child. */
  pzxid: number;

  constructor(pzxid: number) {
    this.pzxid = pzxid;
  }
}

/** Adds a node to its parent's children; counts no create. */
export function linkChild(parent: Znode, directory: Directory, child: Znode): void {
  const next = directory.first;
  child.parent = parent;
  child.following = next;
  if (next !== null) next.preceding = child;
  directory.first = child;
  directory.size++;
}

export function unlinkChild(directory: Directory, child: Znode): void {
  const { preceding, following } = child;
  if (preceding === null) directory.first = following;
  else preceding.following = following;
  if (following !== null) following.preceding = preceding;
  child.preceding = null;
  child.following = null;
  child.parent = null;
  directory.size--;
}
