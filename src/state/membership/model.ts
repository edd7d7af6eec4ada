// The membership, a model: who belongs to the ensemble, as the last complete configuration has it, and the change that was
// asked for and is not in force yet. A change is an intent: whoever leads carries it out by Raft's membership change, over as
// many leaders as that takes (replica/duties); it ends when a complete configuration is what it asked for, or when a leader
// gives it up. Any door proposes one, by this model's commands, or by commands of its own model (ZooKeeper's `reconfig`).
//
// What is passed through on the way is shown to nobody: `shown` is what everyone is told, and `version` says since when.

import { assert } from "../../base/assert.ts";
import type { ByteReader } from "../../base/bytes.ts";
import type { Member } from "../../base/member.ts";
import type { HashSum } from "../hash-sum.ts";
import type { ChangeEnd, ConfiguredMember, MembershipTable, Model, PendingChange, Refusal, Turn } from "../model.ts";
import { DONE, rejected } from "../outcomes.ts";
import type { RecordWriter } from "../record-writer.ts";
import { MEMBERSHIP_LEVEL, MEMBERSHIP_MODEL, MEMBERSHIP_OPERATION, readChange } from "./commands.ts";
import { areSameMembers, canBeMembers, describe, membersDescribed } from "./description.ts";
import { MembershipEventHub } from "./events.ts";
import { endOfMembershipCommand } from "./flaws.ts";
import type { MembershipOutcome } from "./outcomes.ts";
import { ENSEMBLE_RECORD, MembershipSection, type MembershipState, RestoredMembership } from "./snapshot.ts";
import { targetOf } from "./target.ts";

const NOTHING: MembershipState = { members: [], shown: [], version: 0, pending: null };
const IN_FORCE: ChangeEnd = { kind: "in-force" };

/**
 * Invariants: each member stands once; a pending change asks for something else than what is in force, has at least one
 * voter, and is of a command that was applied; while none is pending, what is shown are the members; `version` never goes back.
 */
export class MembershipModel implements Model<MembershipOutcome>, MembershipTable {
  readonly number = MEMBERSHIP_MODEL;
  readonly name = "membership";
  /** Of its commands. What it holds below stands in a record that is older than sections. */
  readonly level = MEMBERSHIP_LEVEL;
  readonly recordKinds = [ENSEMBLE_RECORD];
  readonly events = new MembershipEventHub();
  #state = NOTHING;

  /** Those that others reach, as the last complete configuration has them; empty before the first, and where one stands alone. */
  get members(): readonly Member[] {
    return this.#state.members;
  }

  get shown(): readonly Member[] {
    return this.#state.shown;
  }

  get version(): number {
    return this.#state.version;
  }

  get pending(): PendingChange | null {
    return this.#state.pending;
  }

  canHave(members: readonly Member[]): boolean {
    return canBeMembers(members);
  }

  begin(members: readonly Member[], { sequence }: Turn): void {
    assert(this.pending === null, "one change at a time");
    assert(
      members.every(({ id }, i) => i === 0 || members[i - 1]!.id < id),
      "members in order, each once",
    );
    assert(this.canHave(members), "members that an ensemble can have");
    this.#state = { ...this.#state, pending: { id: sequence, members } };
  }

  /** Behind the outcome of a command that began a change: one for what is already so ends at once. */
  settle(turn: Turn): void {
    if (this.pending !== null && areSameMembers(this.pending.members, this.members)) this.#complete(turn);
  }

  giveUp(id: number, code: string, turn: Turn): void {
    if (this.pending?.id !== id) return;
    this.#state = { ...this.#state, pending: null };
    this.#showIfOthers(turn);
    this.#tellEnd(id, { kind: "given-up", code }, turn);
  }

  /** The ensemble is this now. The machine has set a sequence apart where `isChangedByMembership` says so. */
  onMembership(configured: readonly ConfiguredMember[], turn: Turn): void {
    const members = reachable(configured);
    this.#state = { ...this.#state, members };
    if (this.pending === null) this.#showIfOthers(turn);
    else if (areSameMembers(this.pending.members, members)) this.#complete(turn);
  }

  /** What is shown changes, and not for the first time. */
  isChangedByMembership(configured: readonly ConfiguredMember[]): boolean {
    const { pending, shown } = this;
    if (shown.length === 0) return false;
    const members = reachable(configured);
    return pending === null ? !areSameMembers(shown, members) : areSameMembers(pending.members, members);
  }

  apply(operation: number, reader: ByteReader, turn: Turn): MembershipOutcome {
    if (operation === MEMBERSHIP_OPERATION.giveUp) {
      this.giveUp(reader.int64(), "new-configuration-no-quorum", turn);
      return DONE;
    }
    const { version, steps } = readChange(reader);
    if (this.members.length === 0) return rejected("standalone");
    if (this.pending !== null) return rejected("change-in-progress");
    if (version !== null && version !== this.version) return rejected("bad-version");
    const target = targetOf(this.members, steps);
    if (typeof target === "string") return rejected(target);
    this.begin(target, turn);
    turn.settleLater();
    return { kind: "changing", id: turn.sequence };
  }

  refused(why: Refusal): MembershipOutcome {
    return rejected(why === "unreadable" ? "bad-arguments" : why);
  }

  endOfCommand(bytes: Uint8Array, at: number, end: number): number {
    return endOfMembershipCommand(bytes, at, end);
  }

  isLeadersOwn(operation: number): boolean {
    return operation === MEMBERSHIP_OPERATION.giveUp;
  }

  beginAnew(): void {
    this.#state = { ...this.#state, pending: null };
  }

  beginSnapshot(records: RecordWriter): MembershipSection {
    return new MembershipSection(records, this.#state);
  }

  restore(): RestoredMembership {
    return new RestoredMembership((state) => {
      this.#state = state;
    });
  }

  addToHash(sum: HashSum): void {
    const { members, shown, version, pending } = this;
    sum.add(`members ${textOf(members)} shown ${textOf(shown)} ${version}`);
    if (pending !== null) sum.add(`pending ${pending.id} ${textOf(pending.members)}`);
  }

  checkInvariants(): void {
    const { members, shown, pending } = this;
    for (const list of [members, shown, pending?.members ?? []]) {
      assert(new Set(list.map(({ id }) => id)).size === list.length, "a member stands once");
    }
    if (pending === null)
      assert(areSameMembers(members, shown), "what is shown are the members while no change is pending");
    else assert(!areSameMembers(pending.members, members), "a change that is in force has ended");
  }

  #complete(turn: Turn): void {
    const { pending } = this;
    assert(pending !== null && pending.id <= turn.sequence, "a change ends after its command");
    this.#state = { ...this.#state, pending: null };
    this.#show(turn);
    this.#tellEnd(pending.id, IN_FORCE, turn);
  }

  #showIfOthers(turn: Turn): void {
    if (!areSameMembers(this.shown, this.members)) this.#show(turn);
  }

  #show(turn: Turn): void {
    const { members, shown, version } = this.#state;
    const isFirst = shown.length === 0 && version === 0; // a new ensemble from another's state goes on from its version
    const next = isFirst ? 0 : turn.sequence;
    assert(next >= version, "the version of the membership never goes back");
    this.#state = { ...this.#state, shown: members, version: next };
    turn.tellMembersShown();
  }

  #tellEnd(id: number, end: ChangeEnd, turn: Turn): void {
    turn.tellChangeEnded(id, end);
    this.events.onChangeEnded(id, end);
  }
}

/** A member that stands alone has no place where others reach it: it is no ensemble. */
function reachable(configured: readonly ConfiguredMember[]): readonly Member[] {
  return membersDescribed(configured).filter(({ peers }) => peers.length > 0);
}

function textOf(members: readonly Member[]): string {
  return members.map((member) => `${member.id} ${describe(member, MEMBERSHIP_LEVEL)}`).join(", ");
}
