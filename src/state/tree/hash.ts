// The tree's part of the state's hash: every node with all its fields.

import type { HashSum } from "../hash-sum.ts";
import { keyOf } from "./acl-table.ts";
import { descendants, type Tree } from "./tree.ts";
import type { Znode } from "./znode.ts";

export function addTree(sum: HashSum, tree: Tree): void {
  sum.add(describe(tree, tree.root));
  for (const node of descendants(tree.root)) sum.add(describe(tree, node));
}

function describe(tree: Tree, node: Znode): string {
  const numbers = [
    node.czxid,
    node.mzxid,
    node.ctime,
    node.mtime,
    node.version,
    node.aversion,
    node.ephemeralOwner,
    node.cversion,
    node.pzxid,
    node.numChildren,
    tree.isContainer(node) ? 1 : 0,
    tree.ttlOf(node),
  ];
  return `node ${node.path}\n${numbers.join(" ")}\n${keyOf(node.acl)}\n${node.data === null ? "-" : `=${node.data}`}`;
}
