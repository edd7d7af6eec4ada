// The tree: a copy in memory of everything below a place, and a stream of its changes. After a lost session it compares, and so
// finds what changed meanwhile. On ZooKeeper it is like Curator's cache.

import { CoordinationError } from "../base/errors.ts";
import { textOf } from "./bytes.ts";
import type { Engine, HasTrees, ReadOptions, TreeReader, TreeUpdate } from "./engine.ts";
import { checkPlace } from "./names.ts";
import { SubscribedView } from "./subscribed-view.ts";
import type { SubscribeOptions } from "./subscription.ts";
import type { WaitOptions } from "./wait-scope.ts";

export interface TreeNode {
  /** From the tree's place: "/a/b"; "/" is the place itself. */
  readonly path: string;
  readonly data: Uint8Array;
  /** The data as text. */
  readonly text: string;
  /** Changes when the node is deleted and created again. */
  readonly token: bigint;
  /** Grows with every change of its data. */
  readonly revision: bigint;
}

/**
 * `synced`: the changes so far give what the servers have; it comes again whenever changes may have been missed. A node that was
 * deleted and created again is `removed` and then `added`, also when that happened unseen.
 */
export type TreeChange =
  | { readonly kind: "added" | "removed"; readonly node: TreeNode }
  | { readonly kind: "changed"; readonly node: TreeNode; readonly before: TreeNode }
  | { readonly kind: "synced" };

export class Tree {
  readonly name: string;
  readonly #engine: Engine & HasTrees;
  readonly #what: string;

  constructor(engine: Engine & HasTrees, name: string) {
    this.name = name;
    this.#engine = engine;
    this.#what = `tree ${JSON.stringify(name)}`;
    if (name !== "/") checkPlace("tree", name);
  }

  /** Completes when all of it has been read. Fails as waits do. */
  open(options: WaitOptions = {}): Promise<OpenTree> {
    return OpenTree.open(this.#engine, this.#what, this.#engine.tree(this.name), options);
  }
}

/** What one reader of the stream has seen, and which paths it has yet to compare. */
interface Reader {
  readonly seen: Map<string, TreeNode>;
  readonly pending: Set<string>;
  /** How many times everything was read, as far as this reader has seen. */
  syncs: number;
}

export class OpenTree extends SubscribedView<TreeUpdate> {
  readonly #readers = new Set<Reader>();
  #nodes = new Map<string, TreeNode>();
  #syncs = 0;

  static async open(engine: Engine, what: string, reader: TreeReader, options: WaitOptions): Promise<OpenTree> {
    const tree = new OpenTree(engine, what);
    const read = (options: ReadOptions) => reader.read(options);
    await tree.subscribe(
      read,
      (update) => tree.#onUpdate(update),
      options,
      () => reader.close(),
    );
    return tree;
  }

  /** The number of nodes, the place itself included. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Null: there is no such node. */
  get(path: string): TreeNode | null {
    return this.#nodes.get(this.#checked(path)) ?? null;
  }

  /** The names of a node's children, sorted. Goes through the whole tree. */
  children(path = "/"): readonly string[] {
    const prefix = this.#checked(path) === "/" ? "/" : `${path}/`;
    const below = [...this.#nodes.keys()].filter((each) => each !== "/" && each.startsWith(prefix));
    return below
      .map((each) => each.slice(prefix.length))
      .filter((name) => !name.includes("/"))
      .sort();
  }

  /** All nodes, sorted by path. */
  nodes(): readonly TreeNode[] {
    return [...this.#nodes.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /**
   * Every existing node as `added`, then `synced`, then the changes. A slow reader gets each node as it is by then, and misses
   * states in between; so it holds no more memory than the tree. Ends with the signal and with `close`; fails when the
   * connection is closed.
   */
  async *changes(options: SubscribeOptions = {}): AsyncGenerator<TreeChange, void, void> {
    const reader: Reader = { seen: new Map(), pending: new Set([...this.#nodes.keys()].sort()), syncs: 0 };
    this.#readers.add(reader);
    try {
      yield* this.stream(options, () => {
        const item = this.#next(reader);
        return item === null ? null : { item };
      });
    } finally {
      this.#readers.delete(reader);
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<TreeChange, void, void> {
    return this.changes();
  }

  #onUpdate({ isWhole, nodes, gone }: TreeUpdate): void {
    const before = this.#nodes;
    if (isWhole) this.#nodes = new Map();
    for (const path of gone) this.#nodes.delete(path);
    for (const view of nodes) {
      const known = before.get(view.path);
      const isSame = known?.token === view.token && known.revision === view.revision;
      this.#nodes.set(view.path, isSame ? known : { ...view, text: textOf(view.data) });
    }
    if (isWhole) this.#syncs += 1;
    // Children are removed before their parents, and added after them.
    const lost = isWhole
      ? [...before.keys()]
          .filter((path) => !this.#nodes.has(path))
          .sort()
          .reverse()
      : gone;
    const changed = nodes.map(({ path }) => path).sort();
    for (const { pending } of this.#readers) for (const path of [...lost, ...changed]) pending.add(path);
    this.changed.notify();
  }

  /** Null: this reader has seen everything. */
  #next(reader: Reader): TreeChange | null {
    const { seen, pending } = reader;
    for (const path of pending) {
      const [node, before] = [this.#nodes.get(path), seen.get(path)];
      if (before !== undefined && node?.token !== before.token) {
        seen.delete(path); // its successor comes next
        return { kind: "removed", node: before };
      }
      pending.delete(path);
      if (node === undefined || node === before) continue;
      seen.set(path, node);
      return before === undefined ? { kind: "added", node } : { kind: "changed", node, before };
    }
    if (reader.syncs === this.#syncs) return null;
    reader.syncs = this.#syncs;
    return { kind: "synced" };
  }

  #checked(path: string): string {
    if (typeof path === "string" && path.startsWith("/")) return path;
    const why = `a path in it begins with a slash, as "/a/b"; ${JSON.stringify(path)} does not`;
    throw new CoordinationError("rejected", "not-applied", `${this.what}: ${why}`);
  }
}
