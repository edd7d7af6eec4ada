// A number that stands for the whole state. Parts without an order of their own are added up, so that a state that was
// restored hashes as the one it was taken from.

import type { Deduplication } from "./deduplication.ts";
import type { Leases } from "./leases/leases.ts";
import { keyOf } from "./tree/acl-table.ts";
import type { EnsembleMember } from "./tree/ensemble.ts";
import { descendants, type Tree } from "./tree/tree.ts";
import type { Znode } from "./tree/znode.ts";

export interface Position {
  readonly revision: number;
  readonly time: number;
  readonly appliedIndex: number;
}

export function stateHash(position: Position, deduplication: Deduplication, leases: Leases, tree: Tree): string {
  const sum = new Sum();
  sum.add(`${position.revision} ${position.time} ${position.appliedIndex}`);
  for (const { member, run, sequence } of deduplication) sum.add(`producer ${member} ${run} ${sequence}`);
  for (const { id, timeoutMs, password, member, run, generation } of leases) {
    sum.add(`lease ${id} ${timeoutMs} ${password} ${member} ${run} ${generation}`);
  }
  sum.add(`members ${listOf(tree.members)} shown ${listOf(tree.shown)} ${tree.configVersion}`);
  if (tree.pending !== null) sum.add(`pending ${tree.pending.revision} ${listOf(tree.pending.members)}`);
  sum.add(describe(tree, tree.root));
  for (const node of descendants(tree.root)) sum.add(describe(tree, node));
  return sum.toString();
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

function listOf(members: readonly EnsembleMember[]): string {
  return members.map(({ id, role, address }) => `${id} ${role} ${address}`).join(", ");
}

/** Two sums of independent hashes of each part. */
class Sum {
  #some = 0;
  #other = 0;

  add(text: string): void {
    let some = 0x811c9dc5 | 0;
    let other = 0x9747b28c | 0;
    for (let i = 0; i < text.length; i++) {
      const character = text.charCodeAt(i);
      some = Math.imul(some ^ character, 0x01000193);
      other = Math.imul(other + character, 0x5bd1e995);
      other ^= other >>> 15;
    }
    this.#some = (this.#some + some) >>> 0;
    this.#other = (this.#other + other) >>> 0;
  }

  toString(): string {
    return this.#some.toString(16).padStart(8, "0") + this.#other.toString(16).padStart(8, "0");
  }
}
