// Changing the ensemble through the log. A request is checked and kept as an intent; whoever leads carries it out by
// Raft's membership change, over as many leaders as that takes; the intent ends when a complete configuration is what it
// asked for, or when a leader gives it up. /zookeeper/config shows the ensemble as ZooKeeper writes it, and only complete:
// what is passed through on the way is shown to nobody.

import { assert } from "../../base/assert.ts";
import type { ByteReader } from "../../base/bytes.ts";
import { bytesOf } from "../../base/text.ts";
import { DONE, rejected } from "../outcomes.ts";
import { PERMISSION } from "./acl.ts";
import type { Changes } from "./changes.ts";
import { POLICY_BIT } from "./commands.ts";
import { declaredRole, type EnsembleMember, ensembleText, isSameEnsemble, requestedMembers } from "./ensemble.ts";
import type { Requester } from "./requester.ts";
import { CONFIG_PATH, type Tree } from "./tree.ts";
import type { Rejection, TreeEvents, TreeOutcome } from "./types.ts";
import type { Znode } from "./znode.ts";

/** The version that /zookeeper/config always has, in ZooKeeper too: its text carries one of its own. */
const CONFIG_NODE_VERSION = -1;

export class Reconfiguration {
  readonly #tree: Tree;
  readonly #changes: Changes;
  readonly #events: TreeEvents;

  constructor(changes: Changes, events: TreeEvents) {
    this.#tree = changes.tree;
    this.#changes = changes;
    this.#events = events;
  }

  /** The checks and their order are ZooKeeper's; whether the new ensemble has a quorum is for the leader to see. */
  onRequest(reader: ByteReader, requester: Requester): TreeOutcome {
    const joining = optionalText(reader);
    const leaving = optionalText(reader);
    const newMembers = optionalText(reader);
    const version = reader.int64();
    const isAllowed = (bit: number): boolean => (requester.policy & bit) !== 0;
    if (!isAllowed(POLICY_BIT.reconfig)) return rejected("reconfig-disabled");
    const least = isAllowed(POLICY_BIT.standalone) ? 2 : 1;
    if (participantCount(this.#tree.members) < least) return rejected("unimplemented");
    if (this.#tree.pending !== null) return rejected("reconfig-in-progress");
    if (version !== -1 && version !== this.#tree.configVersion) return rejected("bad-version");
    const members = requestedMembers(this.#tree.members, { joining, leaving, newMembers });
    if (members === null || participantCount(members) < least) return rejected("bad-arguments");
    if (!requester.may(PERMISSION.write, this.#configNode().acl)) return rejected("no-auth");
    const { zxid } = this.#changes;
    this.#tree.pending = { zxid, members };
    return { kind: "reconfiguring", zxid };
  }

  /** Behind the outcome of a request: one for what is already so ends at once. */
  settle(): void {
    if (this.#tree.pending === null || !isSameEnsemble(this.#tree.pending.members, this.#tree.members)) return;
    this.#complete(this.#tree.pending.zxid);
  }

  onGivenUp(reader: ByteReader): TreeOutcome {
    const zxid = reader.int64();
    const code = reader.text(reader.uint32()) as Rejection;
    if (this.#tree.pending?.zxid !== zxid) return DONE;
    this.#tree.pending = null;
    this.#show();
    this.#events.onReconfigured(zxid, { kind: "rejected", code });
    return DONE;
  }

  /**
   * The ensemble is this now. Consumes a zxid if /zookeeper/config changes by it and is not shown for the first
   * time; the caller has set it apart.
   */
  onConfiguration(members: readonly EnsembleMember[]): void {
    this.#tree.members = members;
    if (this.#tree.pending === null) this.#show();
    else if (isSameEnsemble(this.#tree.pending.members, members)) this.#complete(this.#tree.pending.zxid);
  }

  /** Whether `onConfiguration` with these members will change /zookeeper/config after its first text. */
  consumesZxid(members: readonly EnsembleMember[]): boolean {
    const { pending, shown } = this.#tree;
    if (shown.length === 0) return false;
    return pending === null ? !isSameEnsemble(shown, members) : isSameEnsemble(pending.members, members);
  }

  #complete(zxid: number): void {
    this.#tree.pending = null;
    this.#write();
    this.#events.onReconfigured(zxid, { kind: "updated", stat: this.#configNode() });
  }

  #show(): void {
    if (!isSameEnsemble(this.#tree.shown, this.#tree.members)) this.#write();
  }

  #write(): void {
    const { members, shown } = this.#tree;
    this.#tree.configVersion = shown.length === 0 ? 0 : this.#changes.zxid;
    this.#tree.shown = members;
    const text = bytesOf(ensembleText(members, this.#tree.configVersion));
    this.#changes.setData(this.#configNode(), CONFIG_NODE_VERSION, text, 0, text.length);
  }

  #configNode(): Znode {
    const node = this.#tree.node(CONFIG_PATH);
    assert(node !== undefined, "the configuration's node is never deleted");
    return node;
  }
}

/** The ensemble's members, from what the log's configuration says of them. A standalone member has no address: no ensemble. */
export function ensembleOf(
  members: readonly { readonly id: number; readonly address: string }[],
): readonly EnsembleMember[] {
  const reachable = members.filter(({ address }) => address !== "");
  return reachable.map(({ id, address }) => ({ id, address, role: declaredRole(address) }));
}

function participantCount(members: readonly EnsembleMember[]): number {
  return members.filter(({ role }) => role === "participant").length;
}

function optionalText(reader: ByteReader): string | null {
  const length = reader.int32();
  return length === -1 ? null : reader.text(length);
}
