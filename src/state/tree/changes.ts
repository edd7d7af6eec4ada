// Every change of a node goes through here, and each does all that belongs to it: neighbours and counters, quotas, the
// running snapshot (which must see a node before it changes), the events, and, in a multi, how to take it back.
//
// Nothing is checked here: `operations.ts` has decided that the change is allowed.

import { assert } from "../../base/assert.ts";
import type { Acl, NodeEvent, StateEvents } from "../types.ts";
import { NodeMap } from "./node-map.ts";
import { chargeQuota, recountQuota, registerQuota, unregisterQuota } from "./quotas.ts";
import type { Tree } from "./tree.ts";
import { Directory, linkChild, unlinkChild, Znode } from "./znode.ts";

/** What a new node is besides a node. `ttl`: milliseconds; `session`: of an ephemeral. */
export type NodeKind =
  | { readonly kind: "plain" }
  | { readonly kind: "container" }
  | { readonly kind: "ttl"; readonly ttl: number }
  | { readonly kind: "ephemeral"; readonly session: number };

interface HeldEvent {
  readonly event: NodeEvent;
  readonly path: string;
  readonly acl: readonly Acl[];
}

export class Changes {
  readonly tree: Tree;
  readonly #events: StateEvents;
  /** The command's. */
  revision = 0;
  time = 0;
  /** Writes a node to the running snapshot, as it is before its change. */
  onBeforeChange: ((node: Znode) => void) | null = null;
  /** How to take back what was done since `beginMulti`, and the events that wait for its success. */
  #undo: (() => void)[] | null = null;
  #held: HeldEvent[] = [];

  constructor(tree: Tree, events: StateEvents) {
    this.tree = tree;
    this.#events = events;
  }

  begin(revision: number, time: number): void {
    this.revision = revision;
    this.time = time;
  }

  beginMulti(): void {
    assert(this.#undo === null, "a multi within a multi");
    this.#undo = [];
  }

  commitMulti(): void {
    const held = this.#held;
    this.#undo = null;
    this.#held = [];
    for (const { event, path, acl } of held) this.#events.onNode(event, path, this.revision, acl);
  }

  rollBackMulti(): void {
    const undo = this.#undo;
    assert(undo !== null, "nothing to roll back");
    for (let i = undo.length - 1; i >= 0; i--) undo[i]!();
    this.#undo = null;
    this.#held = [];
  }

  create(parent: Znode, path: string, data: string | null, acl: readonly Acl[], kind: NodeKind): Znode {
    const { tree } = this;
    const owner = kind.kind === "ephemeral" ? kind.session : 0;
    const node = new Znode(path, data, tree.acls.intern(acl), this.revision, this.time, owner, tree.walks);
    this.#beforeChange(parent);
    if (this.#undo !== null) this.#undoCreate(this.#undo, parent, node);
    parent.directory ??= new Directory(parent.czxid);
    this.#attach(parent, parent.directory, node);
    if (kind.kind !== "plain") this.#enlist(node, kind);
    parent.directory.creates = (parent.directory.creates + 1) | 0;
    parent.directory.pzxid = this.revision;
    if (registerQuota(tree, node) === "statistics") recountQuota(this, node);
    if (tree.quotas.size > 0) chargeQuota(this, node, node.dataLength, 1);
    this.#emit("created", path, node.acl);
    this.#emit("children-changed", parent.path, parent.acl);
    return node;
  }

  remove(node: Znode): void {
    const { tree } = this;
    const { parent } = node;
    const directory = parent?.directory;
    assert(
      parent !== null && directory != null && node.numChildren === 0,
      "only leaves are removed, and never the root",
    );
    this.#beforeChange(parent);
    this.#beforeChange(node);
    if (this.#undo !== null) this.#undoRemove(this.#undo, parent, directory, node);
    unregisterQuota(tree, node);
    if (tree.quotas.size > 0) chargeQuota(this, node, -node.dataLength, -1);
    this.#dismiss(node);
    this.#detach(directory, node);
    directory.pzxid = this.revision;
    this.#emit("deleted", node.path, node.acl);
    this.#emit("children-changed", parent.path, parent.acl);
  }

  setData(node: Znode, data: string | null, version: number): void {
    const { tree } = this;
    const grown = (data === null ? 0 : data.length) - node.dataLength;
    this.#beforeChange(node);
    if (this.#undo !== null) this.#undoSetData(this.#undo, node);
    node.data = data;
    node.mzxid = this.revision;
    node.mtime = this.time;
    node.version = version;
    tree.approximateBytes += grown;
    if (tree.quotas.size > 0) chargeQuota(this, node, grown, 0);
    this.#emit("data-changed", node.path, node.acl);
  }

  /** The keeping of quota statistics: neither version nor time change, and nobody is told. */
  setDataSilently(node: Znode, data: string): void {
    this.#beforeChange(node);
    if (this.#undo !== null) this.#undoSetData(this.#undo, node);
    this.tree.approximateBytes += data.length - node.dataLength;
    node.data = data;
  }

  setAcl(node: Znode, acl: readonly Acl[], version: number): void {
    assert(this.#undo === null, "no multi changes access lists");
    const { acls } = this.tree;
    this.#beforeChange(node);
    const kept = acls.intern(acl);
    acls.retain(kept);
    acls.release(node.acl);
    node.acl = kept;
    node.aversion = version;
  }

  /** A lease ended: its nodes go with it, in the order of their paths. */
  removeEphemerals(session: number): void {
    const ephemerals = this.tree.ephemerals.get(session);
    if (ephemerals === undefined) return;
    const nodes = [...ephemerals].map(([node]) => node);
    nodes.sort((some, other) => (some.path < other.path ? -1 : 1));
    for (const node of nodes) this.remove(node);
    assert(!this.tree.ephemerals.has(session), "ephemerals left behind");
  }

  #beforeChange(node: Znode): void {
    if (this.onBeforeChange !== null && node.walked !== this.tree.walks) this.onBeforeChange(node);
  }

  #emit(event: NodeEvent, path: string, acl: readonly Acl[]): void {
    if (this.#undo === null) this.#events.onNode(event, path, this.revision, acl);
    else this.#held.push({ event, path, acl });
  }

  #attach(parent: Znode, directory: Directory, node: Znode): void {
    const { tree } = this;
    linkChild(parent, directory, node);
    tree.nodes.insert(node);
    tree.acls.retain(node.acl);
    tree.approximateBytes += node.path.length + node.dataLength;
  }

  #detach(directory: Directory, node: Znode): void {
    const { tree } = this;
    unlinkChild(directory, node);
    tree.nodes.remove(node);
    tree.acls.release(node.acl);
    tree.approximateBytes -= node.path.length + node.dataLength;
  }

  #enlist(node: Znode, kind: NodeKind): void {
    if (kind.kind === "container") this.tree.containers.add(node, 0);
    else if (kind.kind === "ttl") this.tree.ttls.add(node, kind.ttl);
    else if (kind.kind === "ephemeral") enlistEphemeral(this.tree, node);
  }

  #dismiss(node: Znode): void {
    const { tree } = this;
    if (node.ephemeralOwner === 0) {
      if (tree.containers.size > 0) tree.containers.delete(node);
      if (tree.ttls.size > 0) tree.ttls.delete(node);
      return;
    }
    const ephemerals = tree.ephemerals.get(node.ephemeralOwner);
    assert(ephemerals !== undefined, "an ephemeral that no session owns");
    ephemerals.delete(node);
    tree.ephemeralCount--;
    if (ephemerals.size === 0) tree.ephemerals.delete(node.ephemeralOwner);
  }

  #kindOf(node: Znode): NodeKind {
    const { tree } = this;
    if (node.ephemeralOwner !== 0) return { kind: "ephemeral", session: node.ephemeralOwner };
    if (tree.containers.has(node)) return { kind: "container" };
    const ttl = tree.ttls.get(node);
    return ttl === undefined ? { kind: "plain" } : { kind: "ttl", ttl };
  }

  #undoCreate(undo: (() => void)[], parent: Znode, node: Znode): void {
    const before = parent.directory;
    const creates = before?.creates ?? 0;
    const pzxid = parent.pzxid;
    undo.push(() => {
      const directory = parent.directory!;
      this.#dismiss(node);
      this.#detach(directory, node);
      unregisterQuota(this.tree, node);
      directory.creates = creates;
      directory.pzxid = pzxid;
      if (before === null) parent.directory = null;
    });
  }

  #undoRemove(undo: (() => void)[], parent: Znode, directory: Directory, node: Znode): void {
    const { pzxid } = directory;
    const { tree } = this;
    const kind = this.#kindOf(node);
    undo.push(() => {
      this.#attach(parent, directory, node);
      this.#enlist(node, kind);
      directory.pzxid = pzxid;
      registerQuota(tree, node);
    });
  }

  #undoSetData(undo: (() => void)[], node: Znode): void {
    const { data, mzxid, mtime, version } = node;
    undo.push(() => {
      this.tree.approximateBytes += (data === null ? 0 : data.length) - node.dataLength;
      node.data = data;
      node.mzxid = mzxid;
      node.mtime = mtime;
      node.version = version;
    });
  }
}

export function enlistEphemeral(tree: Tree, node: Znode): void {
  let ephemerals = tree.ephemerals.get(node.ephemeralOwner);
  if (ephemerals === undefined) {
    ephemerals = new NodeMap();
    tree.ephemerals.set(node.ephemeralOwner, ephemerals);
  }
  ephemerals.add(node, 0);
  tree.ephemeralCount++;
}
