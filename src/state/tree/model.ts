// ZooKeeper's tree as a model of the replicated state: its commands, what ends with a lease, the ensemble that
// /zookeeper/config shows, its part of snapshots. Who reads goes to `tree`, at any time between two commands.

import type { ByteReader } from "../../base/bytes.ts";
import type { HashSum } from "../hash-sum.ts";
import type { ChangeEnd, LeaseTable, MembershipTable, Model, Refusal, Turn } from "../model.ts";
import { rejected } from "../outcomes.ts";
import type { RecordWriter } from "../record-writer.ts";
import { Changes } from "./changes.ts";
import { TREE_MODEL, TREE_OPERATION } from "./commands.ts";
import { TreeEventHub } from "./events.ts";
import { endOfTreeCommand, isLeadersOwn } from "./flaws.ts";
import { addTree } from "./hash.ts";
import { checkTree } from "./invariants.ts";
import { Operations } from "./operations.ts";
import { isReadablePlainCommand } from "./plain-commands.ts";
import { Reconfiguration } from "./reconfiguration.ts";
import { Requester } from "./requester.ts";
import { RestoredTree, TREE_RECORD, TreeSection } from "./snapshot.ts";
import { Tree } from "./tree.ts";
import type { TreeOutcome } from "./types.ts";

export class TreeModel implements Model<TreeOutcome> {
  readonly number = TREE_MODEL;
  readonly name = "tree";
  readonly level = 0;
  readonly recordKinds = [TREE_RECORD.acl, TREE_RECORD.node];
  readonly events = new TreeEventHub();
  /** The same object for ever. */
  readonly tree: Tree;
  readonly #leases: LeaseTable;
  readonly #hashSeed: number;
  readonly #changes: Changes;
  readonly #requester = new Requester();
  readonly #reconfiguration: Reconfiguration;
  readonly #operations: Operations;

  /** `hashSeed`: any 32-bit number, of chance where clients are not trusted; members need not have the same. */
  constructor(leases: LeaseTable, membership: MembershipTable, hashSeed = 0) {
    this.#leases = leases;
    this.#hashSeed = hashSeed;
    this.tree = Tree.preset(hashSeed);
    this.#changes = new Changes(this.tree, this.events);
    this.#reconfiguration = new Reconfiguration(this.#changes, membership, this.events);
    this.#operations = new Operations(this.#changes, this.#requester);
  }

  apply(operation: number, reader: ByteReader, turn: Turn): TreeOutcome {
    this.#changes.begin(turn.sequence, turn.time);
    const session = reader.int64();
    this.#requester.read(session, reader);
    if (session !== 0) {
      const refusal = this.#leases.refusal(session, turn);
      if (refusal !== null) {
        reader.offset = reader.end;
        return rejected(refusal);
      }
    }
    if (operation === TREE_OPERATION.endReconfig) return this.#reconfiguration.onGivenUp(reader, turn);
    return operation === TREE_OPERATION.reconfig
      ? this.#reconfiguration.onRequest(reader, this.#requester, turn)
      : this.#operations.apply(operation, reader);
  }

  refused(why: Refusal): TreeOutcome {
    return rejected(why === "unreadable" ? "bad-arguments" : why);
  }

  settle(turn: Turn): void {
    this.#reconfiguration.settle(turn);
  }

  endOfCommand(bytes: Uint8Array, at: number, end: number): number {
    return endOfTreeCommand(bytes, at, end);
  }

  isPlainCommand(bytes: DataView, at: number, end: number): boolean {
    return isReadablePlainCommand(bytes, at, end);
  }

  isLeadersOwn(operation: number): boolean {
    return isLeadersOwn(operation);
  }

  onLeaseEnded(id: number, turn: Turn): void {
    this.#changes.begin(turn.sequence, turn.time);
    this.#changes.removeEphemerals(id);
  }

  onMembersShown(turn: Turn): void {
    this.#changes.begin(turn.sequence, turn.time);
    this.#reconfiguration.show();
  }

  onChangeEnded(id: number, end: ChangeEnd): void {
    this.#reconfiguration.tellEnd(id, end);
  }

  beginSnapshot(records: RecordWriter): TreeSection {
    const section = new TreeSection(records, this.tree, () => {
      this.#changes.onBeforeChange = null;
    });
    this.#changes.onBeforeChange = section.onBeforeChange;
    return section;
  }

  restore(): RestoredTree {
    return new RestoredTree(Tree.empty(this.#hashSeed), this.#leases, (tree) => this.tree.adopt(tree));
  }

  addToHash(sum: HashSum): void {
    addTree(sum, this.tree);
  }

  checkInvariants(): void {
    checkTree(this.tree, this.#leases);
  }
}
