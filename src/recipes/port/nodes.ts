// Plain nodes: a tree of named places. Their data are values (`HasValues`); this is how they are listed.

import type { ReadOptions, WatchedRead } from "./engine.ts";

export interface HasNodes {
  /** The names of a node's children, in no order; null: there is no such node. "/" is the root. Throws where the path is none. */
  children(path: string, options?: ReadOptions): Promise<WatchedRead<readonly string[] | null>>;
}
