// The invariants of a whole tree, for simulators and tests. The check reads every node.

import { assert } from "../../base/assert.ts";
import type { LeaseTable } from "../model.ts";
import { CONFIG_PATH, descendants, QUOTA_PATH, type Tree, ZOOKEEPER_PATH } from "./tree.ts";
import type { Znode } from "./znode.ts";

/** Throws on the first thing that is not as it must be. */
export function checkTree(tree: Tree, leases: LeaseTable): void {
  assert(tree.root.path === "/" && tree.root.parent === null, "the root is a root");
  for (const path of [ZOOKEEPER_PATH, QUOTA_PATH, CONFIG_PATH])
    assert(tree.node(path) !== undefined, `${path} is there`);
  const counts = { nodes: 0, bytes: 0, ephemerals: 0, containers: 0, ttls: 0 };
  for (const node of [tree.root, ...descendants(tree.root)]) {
    checkNode(tree, node, leases);
    counts.nodes++;
    counts.bytes += node.path.length + node.dataLength;
    if (node.ephemeralOwner !== 0) counts.ephemerals++;
    if (tree.isContainer(node)) counts.containers++;
    if (tree.ttlOf(node) > 0) counts.ttls++;
  }
  assert(counts.nodes === tree.nodeCount, `${counts.nodes} nodes below the root, ${tree.nodeCount} in the table`);
  assert(counts.nodes === tree.store.nodes.size, "a record for each node, and no other");
  assert(counts.bytes === tree.approximateBytes, `${counts.bytes} bytes, counted ${tree.approximateBytes}`);
  assert(counts.ephemerals === tree.ephemeralCount, "the count of ephemeral nodes");
  assert(counts.containers === tree.containers.size, "the list of containers holds nodes that are there");
  assert(counts.ttls === tree.ttls.size, "the list of TTL nodes holds nodes that are there");
  const listed = [...tree.ephemerals.values()].reduce((sum, { size }) => sum + size, 0);
  assert(listed === counts.ephemerals, "the lists of ephemeral nodes hold nodes that are there");
}

function checkNode(tree: Tree, node: Znode, leases: LeaseTable): void {
  const { path, ephemeralOwner, directory } = node;
  assert(tree.node(path)?.record === node.record, `${path} is found by its path`);
  if (ephemeralOwner !== 0) {
    assert(leases.has(ephemeralOwner), `${path} belongs to a lease that lives`);
    assert(tree.ephemerals.get(ephemeralOwner)?.has(node) === true, `${path} is in its session's list`);
    assert(node.numChildren === 0, `${path} is ephemeral and has no children`);
  }
  let children = 0;
  let below = 0;
  let bytes = 0;
  for (let child = directory?.first ?? null; child !== null; child = child.following) {
    const name = child.path.slice(path.length === 1 ? 1 : path.length + 1);
    const isBelow = child.path.startsWith(path) && name.length > 0 && !name.includes("/");
    assert(isBelow && child.parent?.record === node.record, `${child.path} is a child of ${path}`);
    children++;
    below += 1 + (child.directory?.below ?? 0);
    bytes += child.dataLength + (child.directory?.belowBytes ?? 0);
  }
  assert(children === node.numChildren, `${path} counts its children`);
  if (directory === null) return;
  assert(below === directory.below && bytes === directory.belowBytes, `${path} counts what is below it`);
}
