// ZooKeeper's side of the membership: its `reconfig` is checked as ZooKeeper checks it and becomes a change of the
// membership; /zookeeper/config shows the members as ZooKeeper writes them, and only complete.

import { assert } from "../../base/assert.ts";
import type { ByteReader } from "../../base/bytes.ts";
import { wantedVoters } from "../../base/member.ts";
import { bytesOf } from "../../base/text.ts";
import type { ChangeEnd, MembershipTable, Turn } from "../model.ts";
import { DONE, rejected } from "../outcomes.ts";
import { PERMISSION } from "./acl.ts";
import type { Changes } from "./changes.ts";
import { POLICY_BIT } from "./commands.ts";
import { ensembleText, requestedMembers } from "./ensemble.ts";
import type { Requester } from "./requester.ts";
import { CONFIG_PATH, type Tree } from "./tree.ts";
import type { Rejection, TreeEvents, TreeOutcome } from "./types.ts";
import type { Znode } from "./znode.ts";

/** The version that /zookeeper/config always has, in ZooKeeper too: its text carries one of its own. */
const CONFIG_NODE_VERSION = -1;

export class Reconfiguration {
  readonly #tree: Tree;
  readonly #changes: Changes;
  readonly #membership: MembershipTable;
  readonly #events: TreeEvents;

  constructor(changes: Changes, membership: MembershipTable, events: TreeEvents) {
    this.#tree = changes.tree;
    this.#changes = changes;
    this.#membership = membership;
    this.#events = events;
  }

  /** The checks and their order are ZooKeeper's; whether the new ensemble has a quorum is for the leader to see. */
  onRequest(reader: ByteReader, requester: Requester, turn: Turn): TreeOutcome {
    const joining = optionalText(reader);
    const leaving = optionalText(reader);
    const newMembers = optionalText(reader);
    const version = reader.int64();
    const membership = this.#membership;
    const isAllowed = (bit: number): boolean => (requester.policy & bit) !== 0;
    if (!isAllowed(POLICY_BIT.reconfig)) return rejected("reconfig-disabled");
    const least = isAllowed(POLICY_BIT.standalone) ? 2 : 1;
    if (wantedVoters(membership.members).length < least) return rejected("unimplemented");
    if (membership.pending !== null) return rejected("reconfig-in-progress");
    if (version !== -1 && version !== membership.version) return rejected("bad-version");
    const members = requestedMembers(membership.members, { joining, leaving, newMembers });
    if (members === null || wantedVoters(members).length < least) return rejected("bad-arguments");
    // The notes and doors that a line does not say stay: with a long line, they may be more than a description holds.
    if (!membership.canHave(members)) return rejected("bad-arguments");
    if (!requester.may(PERMISSION.write, this.#configNode().acl)) return rejected("no-auth");
    membership.begin(members, turn);
    turn.settleLater();
    return { kind: "reconfiguring", zxid: turn.sequence };
  }

  /** Behind the outcome of a request: one for what is already so ends at once. */
  settle(turn: Turn): void {
    this.#membership.settle(turn);
  }

  onGivenUp(reader: ByteReader, turn: Turn): TreeOutcome {
    const zxid = reader.int64();
    this.#membership.giveUp(zxid, reader.text(reader.uint32()), turn);
    return DONE;
  }

  /** /zookeeper/config shows other members from now on. */
  show(): void {
    const { shown, version } = this.#membership;
    const text = bytesOf(ensembleText(shown, version));
    this.#changes.setData(this.#configNode(), CONFIG_NODE_VERSION, text, 0, text.length);
  }

  /** Of whatever change of the membership: only who asked by `reconfig` waits for it here. */
  tellEnd(id: number, end: ChangeEnd): void {
    const inForce = { kind: "updated", stat: this.#configNode() } as const;
    this.#events.onReconfigured(id, end.kind === "in-force" ? inForce : rejected(end.code as Rejection));
  }

  #configNode(): Znode {
    const node = this.#tree.node(CONFIG_PATH);
    assert(node !== undefined, "the configuration's node is never deleted");
    return node;
  }
}

function optionalText(reader: ByteReader): string | null {
  const length = reader.int32();
  return length === -1 ? null : reader.text(length);
}
