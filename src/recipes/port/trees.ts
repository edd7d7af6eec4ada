// Subtrees: everything below a place, with its changes.

import type { ReadOptions, WatchedRead } from "./engine.ts";

export interface HasTrees {
  /** A reader of the subtree, from now on. "/" is the whole tree. Throws a CoordinationError ("rejected") for a name that cannot be. */
  tree(name: string): TreeReader;
}

export interface TreeReader {
  /** What may have changed since the last read. Goes on over lost sessions. */
  read(options?: ReadOptions): Promise<WatchedRead<TreeUpdate>>;
  /** Nothing is watched any more. */
  close(): void;
}

export interface TreeUpdate {
  /** `nodes` are all there are: the first time, and whenever changes may have been missed. */
  readonly isWhole: boolean;
  /** Nodes that were created or may have changed, as they are now; parents come before their children when `isWhole`. */
  readonly nodes: readonly TreeNodeView[];
  /**
   * Paths, in the form of `TreeNodeView.path`, at which there is no node now; also of nodes that came and went since the last read.
   * Empty when `isWhole`: then whatever is not in `nodes` is gone.
   */
  readonly gone: readonly string[];
}

export interface TreeNodeView {
  /** From the reader's place: "/a/b"; "/" is the place itself. */
  readonly path: string;
  readonly data: Uint8Array;
  /** Changes when the node is deleted and created again. */
  readonly token: bigint;
  /** Grows with every change of its data. */
  readonly revision: bigint;
}
