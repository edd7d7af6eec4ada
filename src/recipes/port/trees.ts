// Subtrees: everything below a place, with its changes.

import type { ReadOptions, WatchedRead } from "./engine.ts";

export interface HasTrees {
  /** A reader of the subtree, from now on. "/" is the whole tree. Throws where the name is none. */
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
  /** As they are now. */
  readonly nodes: readonly TreeNodeView[];
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
