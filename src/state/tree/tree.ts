// ZooKeeper's tree for readers: the state of this member at this moment, without copies. `changes.ts` changes it. The object
// stays the same when a snapshot replaces its content; its nodes do not. `invariants.ts` lists the invariants.

import { allows, OPEN_ACL, PERMISSION, READ_ACL } from "./acl.ts";
import type { Reapable } from "./commands.ts";
import { NodeMap } from "./node-map.ts";
import { NodeStore } from "./node-store.ts";
import { NodeTable } from "./node-table.ts";
import { QuotaTable } from "./quota-table.ts";
import type { Acl, Identity } from "./types.ts";
import { Znode } from "./znode.ts";

export const ZOOKEEPER_PATH = "/zookeeper";
export const QUOTA_PATH = "/zookeeper/quota";
export const CONFIG_PATH = "/zookeeper/config";

export class Tree {
  store: NodeStore;
  nodes: NodeTable;
  /** Set once there is one. */
  root: Znode;
  /** The nodes that hold limits (`zookeeper_limits`), by the path that they limit. */
  quotas: QuotaTable;
  /** By session; a session without ephemerals has no entry. */
  ephemerals = new Map<number, NodeMap>();
  containers: NodeMap;
  /** With their time to live, in milliseconds. */
  ttls: NodeMap;
  /** Bytes of all paths and all data. */
  approximateBytes = 0;
  ephemeralCount = 0;
  /** How many snapshots were begun. */
  walks = 0;

  /** Only what every ensemble begins with: /, /zookeeper, /zookeeper/quota and /zookeeper/config. */
  static preset(hashSeed = 0): Tree {
    const tree = Tree.empty(hashSeed);
    tree.root = tree.#preset("/", OPEN_ACL, null);
    const proc = tree.#preset(ZOOKEEPER_PATH, OPEN_ACL, tree.root);
    tree.#preset(QUOTA_PATH, OPEN_ACL, proc);
    tree.#preset(CONFIG_PATH, READ_ACL, proc).aversion = -1;
    return tree;
  }

  /** Not even a root in its table: for a snapshot to fill. */
  static empty(hashSeed = 0): Tree {
    return new Tree(hashSeed);
  }

  private constructor(hashSeed: number) {
    this.store = new NodeStore(hashSeed);
    this.nodes = new NodeTable(this.store);
    this.root = new Znode(this.store, 0);
    this.quotas = new QuotaTable(this.store);
    this.containers = new NodeMap(this.store);
    this.ttls = new NodeMap(this.store);
  }

  /** All nodes, the root included. */
  get nodeCount(): number {
    return this.nodes.size;
  }

  node(path: string): Znode | undefined {
    return this.nodes.get(path);
  }

  /** The node whose path is the bytes [start, end): as `node`, without a string. */
  nodeAt(bytes: Uint8Array, start: number, end: number): Znode | undefined {
    return this.nodes.find(bytes, start, end);
  }

  mayRead(node: Znode, identities: readonly Identity[]): boolean {
    return allows(node.acl, PERMISSION.read, identities);
  }

  may(node: Znode, permissions: number, identities: readonly Identity[]): boolean {
    return allows(node.acl, permissions, identities);
  }

  /** How many nodes are below this one, at any depth. */
  descendantCount(node: Znode): number {
    return node.directory?.below ?? 0;
  }

  /** The paths of a session's ephemeral nodes that begin with `prefix`, letter by letter. */
  ephemeralsOf(session: number, prefix = ""): string[] {
    const paths: string[] = [];
    for (const [{ path }] of this.ephemerals.get(session) ?? []) {
      if (path.startsWith(prefix)) paths.push(path);
    }
    return paths;
  }

  isContainer(node: Znode): boolean {
    return this.containers.has(node);
  }

  /** A TTL node's time to live in milliseconds; 0 for others. */
  ttlOf(node: Znode): number {
    return this.ttls.get(node) ?? 0;
  }

  /**
   * Nodes that are due: containers that are empty again, or never had a child for longer than `neverUsedMs` (0: these
   * stay); TTL nodes without children, unchanged for longer than their time. `now` is of the clock that stamps batches.
   */
  *reapable(now: number, neverUsedMs: number): Generator<Reapable> {
    for (const candidate of this.sweep(() => now, neverUsedMs)) {
      if (candidate !== null) yield candidate;
    }
  }

  /**
   * The same, with a null for each node that is not due, so that a walk can stop and go on, with commands applied in
   * between. Containers and TTL nodes come in turn: many of one kind do not keep the other waiting.
   */
  *sweep(now: () => number, neverUsedMs: number): Generator<Reapable | null> {
    const containers = this.containers[Symbol.iterator]();
    const ttls = this.ttls[Symbol.iterator]();
    for (let isContainersTurn = true, ended = 0; ended < 2; isContainersTurn = !isContainersTurn) {
      const { value, done } = (isContainersTurn ? containers : ttls).next();
      if (done === true) {
        ended++;
        continue;
      }
      ended = 0;
      const [node, ttl] = value;
      const isDue = isContainersTurn
        ? isContainerDue(node, now(), neverUsedMs)
        : node.numChildren === 0 && now() - node.mtime > ttl;
      yield isDue ? reapableOf(node) : null;
    }
  }

  /** Takes over the content of another tree, which must not be used any more. */
  adopt(other: Tree): void {
    this.store = other.store;
    this.nodes = other.nodes;
    this.root = other.root;
    this.quotas = other.quotas;
    this.ephemerals = other.ephemerals;
    this.containers = other.containers;
    this.ttls = other.ttls;
    this.approximateBytes = other.approximateBytes;
    this.ephemeralCount = other.ephemeralCount;
    this.walks = other.walks; // what a node was walked by counts with its tree
  }

  #preset(path: string, acl: readonly Acl[], parent: Znode | null): Znode {
    const node = Znode.create(this.store, { path, acl, zxid: 0, time: 0, ephemeralOwner: 0 });
    node.data = "";
    this.nodes.insert(node);
    this.approximateBytes += path.length;
    parent?.becomeDirectory().link(parent, node);
    return node;
  }
}

/** Where a child's own name begins in its path. */
export function nameOffset(parent: Znode): number {
  return parent.path.length === 1 ? 1 : parent.path.length + 1;
}

/** Everything below a node, parents before their children; it is not recursive, for trees of any depth. */
export function* descendants(top: Znode): Generator<Znode> {
  let node = top.directory?.first ?? null;
  while (node !== null) {
    yield node;
    let next: Znode | null = node.directory?.first ?? null;
    for (let up: Znode | null = node; next === null && up !== null && up.record !== top.record; up = up.parent)
      next = up.following;
    node = next;
  }
}

function isContainerDue(node: Znode, now: number, neverUsedMs: number): boolean {
  if (node.numChildren > 0) return false;
  const wasUsed = node.directory !== null && node.directory.creates !== 0;
  return wasUsed || (neverUsedMs > 0 && now - node.mtime > neverUsedMs);
}

function reapableOf(node: Znode): Reapable {
  return { path: node.path, mzxid: node.mzxid, pzxid: node.pzxid };
}
