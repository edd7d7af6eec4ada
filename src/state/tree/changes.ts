// Every change of a node: each function does all that belongs to one change. It updates neighbours and counters, charges
// quotas, shows the node to a running snapshot before it changes, tells the events, and notes how to undo it in a multi.
//
// Nothing is checked here: `operations.ts` has decided that the change is allowed. Invariants: see `invariants.ts`.

import { assert } from "../../base/assert.ts";
import { NodeMap } from "./node-map.ts";
import { chargeQuota, recountQuota, registerQuota, unregisterQuota } from "./quotas.ts";
import type { Tree } from "./tree.ts";
import type { Acl, NodeEvent, TreeEvents } from "./types.ts";
import { type Directory, type TakenData, Znode } from "./znode.ts";

/** What a new node is besides a node. `ttl`: milliseconds; `session`: of an ephemeral. */
export type NodeKind =
  | { readonly kind: "plain" }
  | { readonly kind: "container" }
  | { readonly kind: "ttl"; readonly ttl: number }
  | { readonly kind: "ephemeral"; readonly session: number };

export interface Creation {
  readonly path: string;
  readonly acl: readonly Acl[];
  readonly kind: NodeKind;
  readonly source: Uint8Array;
  readonly start: number;
  readonly length: number;
}

interface HeldEvent {
  readonly event: NodeEvent;
  readonly path: string;
  readonly acl: readonly Acl[];
}

export class Changes {
  readonly tree: Tree;
  readonly #events: TreeEvents;
  /** The command's. */
  zxid = 0;
  time = 0;
  /** Writes a node to the running snapshot, as it is before its change. */
  onBeforeChange: ((node: Znode) => void) | null = null;
  /** How to take back what was done since `beginMulti`, and the events that wait for its success. */
  #undo: (() => void)[] | null = null;
  #held: HeldEvent[] = [];
  /** Nodes that the multi deleted, and data that it replaced: their memory is given back with its success. */
  #removed: Znode[] = [];
  #replaced: TakenData[] = [];
  /** The tree's counts when the multi began: to take it back restores them. */
  #nodesBefore = 0;
  #bytesBefore = 0;
  #ephemeralsBefore = 0;

  constructor(tree: Tree, events: TreeEvents) {
    this.tree = tree;
    this.#events = events;
  }

  begin(zxid: number, time: number): void {
    this.zxid = zxid;
    this.time = time;
  }

  beginMulti(): void {
    assert(this.#undo === null, "a multi within a multi");
    this.#undo = [];
    this.#nodesBefore = this.tree.nodeCount;
    this.#bytesBefore = this.tree.approximateBytes;
    this.#ephemeralsBefore = this.tree.ephemeralCount;
  }

  commitMulti(): void {
    assert(this.#undo !== null, "no multi to be kept");
    const held = this.#held;
    const { store } = this.tree;
    for (const { record } of this.#removed) store.release(record);
    for (const { block, length } of this.#replaced) store.data.release(block, length);
    this.#endMulti();
    for (const { event, path, acl } of held) this.#events.onNode(event, path, this.zxid, acl);
  }

  rollBackMulti(): void {
    const undo = this.#undo;
    assert(undo !== null, "nothing to roll back");
    for (let i = undo.length - 1; i >= 0; i--) undo[i]!();
    const { nodeCount, approximateBytes, ephemeralCount } = this.tree;
    assert(nodeCount === this.#nodesBefore, "a multi that was taken back left nodes");
    assert(approximateBytes === this.#bytesBefore, "a multi that was taken back left bytes");
    assert(ephemeralCount === this.#ephemeralsBefore, "a multi that was taken back left ephemeral nodes");
    this.#endMulti();
  }

  #endMulti(): void {
    this.#undo = null;
    this.#held = [];
    this.#removed = [];
    this.#replaced = [];
  }

  /** `data` is `length` bytes of `source`; −1 for none. */
  create(parent: Znode, { path, acl, kind, source, start, length }: Creation): Znode {
    const { tree } = this;
    this.#beforeChange(parent);
    if (this.#undo !== null) this.#undoCreate(this.#undo, parent, path);
    const node = Znode.create(tree.store, {
      path,
      acl,
      zxid: this.zxid,
      time: this.time,
      ephemeralOwner: kind.kind === "ephemeral" ? kind.session : 0,
    });
    node.walked = tree.walks;
    node.setData(source, start, length);
    const directory = parent.becomeDirectory();
    this.#attach(parent, directory, node, kind);
    directory.creates = (directory.creates + 1) | 0;
    directory.pzxid = this.zxid;
    if (registerQuota(tree, node) === "statistics") recountQuota(this, node);
    if (tree.quotas.size > 0) chargeQuota(this, node, node.dataLength, 1);
    this.#emit("created", path, node.acl);
    this.#emit("children-changed", parent.path, parent.acl);
    return node;
  }

  remove(node: Znode): void {
    const { tree } = this;
    const { parent, path, acl } = node;
    const directory = parent?.directory;
    assert(
      parent !== null && directory != null && node.numChildren === 0,
      "only leaves are removed, and never the root",
    );
    this.#beforeChange(parent);
    this.#beforeChange(node);
    unregisterQuota(tree, node);
    if (tree.quotas.size > 0) chargeQuota(this, node, -node.dataLength, -1);
    if (this.#undo === null) {
      this.#detach(directory, node);
      tree.store.release(node.record);
    } else {
      this.#undoRemove(this.#undo, parent, directory, node);
      this.#detach(directory, node);
      this.#removed.push(node);
    }
    directory.pzxid = this.zxid;
    this.#emit("deleted", path, acl);
    this.#emit("children-changed", parent.path, parent.acl);
  }

  setData(node: Znode, version: number, source: Uint8Array, start: number, length: number): void {
    const { tree } = this;
    const grown = Math.max(length, 0) - node.dataLength; // before its data is taken
    this.#beforeChange(node);
    if (this.#undo !== null) this.#undoSetData(this.#undo, node);
    node.setData(source, start, length);
    node.mzxid = this.zxid;
    node.mtime = this.time;
    node.version = version;
    tree.approximateBytes += grown;
    if (tree.quotas.size > 0) chargeQuota(this, node, grown, 0);
    this.#emit("data-changed", node.path, node.acl);
  }

  /** The keeping of quota statistics: neither version nor time change, and nobody is told. */
  setDataSilently(node: Znode, data: string): void {
    this.#beforeChange(node);
    this.tree.approximateBytes += data.length - node.dataLength;
    if (this.#undo !== null) this.#undoSetData(this.#undo, node);
    node.data = data;
  }

  setAcl(node: Znode, acl: readonly Acl[], version: number): void {
    assert(this.#undo === null, "no multi changes access lists");
    this.#beforeChange(node);
    node.acl = acl;
    node.aversion = version;
  }

  /** A lease ended: its nodes go with it, in the order of their paths. */
  removeEphemerals(session: number): void {
    const ephemerals = this.tree.ephemerals.get(session);
    if (ephemerals === undefined) return;
    const nodes = [...ephemerals].map(([node]) => ({ node, path: node.path }));
    nodes.sort((some, other) => (some.path < other.path ? -1 : 1));
    for (const { node } of nodes) this.remove(node);
    assert(!this.tree.ephemerals.has(session), "ephemerals left behind");
  }

  #beforeChange(node: Znode): void {
    if (this.onBeforeChange !== null && node.walked !== this.tree.walks) this.onBeforeChange(node);
  }

  #emit(event: NodeEvent, path: string, acl: readonly Acl[]): void {
    if (this.#undo === null) this.#events.onNode(event, path, this.zxid, acl);
    else this.#held.push({ event, path, acl });
  }

  #attach(parent: Znode, directory: Directory, node: Znode, kind: NodeKind): void {
    const { tree } = this;
    directory.link(parent, node);
    tree.nodes.insert(node);
    tree.approximateBytes += node.path.length + node.dataLength;
    if (kind.kind === "container") tree.containers.add(node, 0);
    else if (kind.kind === "ttl") tree.ttls.add(node, kind.ttl);
    else if (kind.kind === "ephemeral") enlistEphemeral(tree, node);
  }

  #detach(directory: Directory, node: Znode): void {
    const { tree } = this;
    directory.unlink(node);
    tree.nodes.remove(node);
    tree.approximateBytes -= node.path.length + node.dataLength;
    if (node.ephemeralOwner !== 0) {
      dismissEphemeral(tree, node);
    } else {
      if (tree.containers.size > 0) tree.containers.delete(node);
      if (tree.ttls.size > 0) tree.ttls.delete(node);
    }
  }

  #kindOf(node: Znode): NodeKind {
    const { tree } = this;
    if (node.ephemeralOwner !== 0) return { kind: "ephemeral", session: node.ephemeralOwner };
    if (tree.isContainer(node)) return { kind: "container" };
    const ttl = tree.ttlOf(node);
    return ttl === 0 ? { kind: "plain" } : { kind: "ttl", ttl };
  }

  #undoCreate(undo: (() => void)[], parent: Znode, path: string): void {
    const before = parent.directory;
    const creates = before?.creates ?? 0;
    const { pzxid } = parent;
    undo.push(() => {
      const directory = parent.becomeDirectory();
      const node = this.tree.node(path);
      assert(node !== undefined, "a node to be taken back is not there");
      unregisterQuota(this.tree, node);
      this.#detach(directory, node);
      this.tree.store.release(node.record);
      directory.creates = creates;
      directory.pzxid = pzxid;
      if (before === null) parent.forgetDirectory();
    });
  }

  /** The record stays whole until the multi has succeeded. */
  #undoRemove(undo: (() => void)[], parent: Znode, directory: Directory, node: Znode): void {
    const { pzxid } = directory;
    const kind = this.#kindOf(node);
    undo.push(() => {
      this.#attach(parent, directory, node, kind);
      directory.pzxid = pzxid;
      registerQuota(this.tree, node);
    });
  }

  #undoSetData(undo: (() => void)[], node: Znode): void {
    const { mzxid, mtime, version } = node;
    const taken = node.takeData();
    if (taken.length > 0) this.#replaced.push(taken);
    undo.push(() => {
      this.tree.approximateBytes += Math.max(taken.length, 0) - node.dataLength;
      node.putBack(taken);
      node.mzxid = mzxid;
      node.mtime = mtime;
      node.version = version;
    });
  }
}

export function enlistEphemeral(tree: Tree, node: Znode): void {
  let ephemerals = tree.ephemerals.get(node.ephemeralOwner);
  if (ephemerals === undefined) {
    ephemerals = new NodeMap(tree.store);
    tree.ephemerals.set(node.ephemeralOwner, ephemerals);
  }
  ephemerals.add(node, 0);
  tree.ephemeralCount++;
}

function dismissEphemeral(tree: Tree, node: Znode): void {
  const ephemerals = tree.ephemerals.get(node.ephemeralOwner);
  assert(ephemerals?.has(node) === true, "an ephemeral node stands in its session's list");
  ephemerals.delete(node);
  tree.ephemeralCount--;
  if (ephemerals.size === 0) tree.ephemerals.delete(node.ephemeralOwner);
}
