// What a leader does about its ensemble's members by itself: carries out a reconfiguration that the log asked for, brings
// new participants in as learners and gives them their vote once they have caught up, takes the vote, until it has caught
// up again, from a member whose disk was replaced, and adds the members that an operator added to its file.

import { assert } from "../../base/assert.ts";
import type { Configuration, MemberId, MemberRecord } from "../../consensus/raft/types.ts";
import { declaredRole, type PendingReconfiguration } from "../../state/tree/ensemble.ts";
import type { Rejection } from "../../state/tree/types.ts";

/** What the leader knows of a member from its replies. */
export interface MemberView {
  readonly active: boolean;
  /** As it answers; 0 while it has not. */
  readonly incarnation: number;
  readonly isCaughtUp: boolean;
}

export type MembershipStep =
  | {
      readonly kind: "change";
      readonly members: readonly MemberRecord[];
      readonly why: string;
      /** An operator asked for it through the log: from then on no file counts. */
      readonly isReconfiguration?: boolean;
    }
  | { readonly kind: "give-up"; readonly zxid: number; readonly code: Rejection };

/** The next step, or null when all is as it should be or cannot be mended now. Pure. */
export function nextMembershipStep(
  configuration: Configuration,
  pending: PendingReconfiguration | null,
  view: (id: MemberId) => MemberView | null,
  listed: readonly MemberRecord[] = [],
): MembershipStep | null {
  if (configuration.outgoing.length > 0) return null; // one change at a time: this one leaves its joint phase first
  const asked = pending === null ? null : reconfigure(configuration, pending, view);
  if (asked !== null) return asked;
  const mended = demote(configuration, view) ?? admit(configuration, view);
  return mended ?? (pending === null ? extend(configuration, listed) : null);
}

/**
 * Members that the leader's file lists and the ensemble does not know join, as long as no reconfiguration has said who
 * belongs. Nobody leaves because a file does not list it: files are edited one after the other.
 */
function extend(configuration: Configuration, listed: readonly MemberRecord[]): MembershipStep | null {
  if (configuration.isReconfigured === true) return null;
  const added = unknownMembers(configuration, listed);
  const addressOf = (id: MemberId): string => listed.find((member) => member.id === id)?.address ?? "";
  const isNewlyReached = configuration.members.some(({ id, address }) => address === "" && addressOf(id) !== "");
  if (added.length === 0 && !isNewlyReached) return null;
  const present = configuration.members.map((member) =>
    member.address === "" ? { ...member, address: addressOf(member.id) } : member,
  );
  const newcomers = added.map((member): MemberRecord => ({ ...member, role: "learner", incarnation: 0 }));
  const why =
    added.length === 0
      ? "this member's file says where members are reached"
      : `this member's file lists ${serverLines(added)} as well: a new participant votes once it has caught up`;
  return { kind: "change", members: [...present, ...newcomers], why };
}

/** Members that a file lists and a configuration does not know. */
export function unknownMembers(configuration: Configuration, listed: readonly MemberRecord[]): readonly MemberRecord[] {
  const { members, outgoing } = configuration;
  return listed.filter(({ id }) => ![...members, ...outgoing].some((member) => member.id === id));
}

export function serverLines(members: readonly { readonly id: MemberId }[]): string {
  return members.map(({ id }) => `server.${id}`).join(", ");
}

/** A voter that answers under another incarnation: what its old disk had promised is lost, so it may promise nothing yet. */
function demote(configuration: Configuration, view: (id: MemberId) => MemberView | null): MembershipStep | null {
  for (const member of configuration.members) {
    const seen = view(member.id);
    if (member.role !== "voter" || member.incarnation === 0 || seen === null || !seen.active) continue;
    if (seen.incarnation === 0 || seen.incarnation === member.incarnation) continue;
    const members = replaced(configuration, { ...member, role: "learner", incarnation: 0 });
    const others = members.filter(({ role }) => role === "voter");
    if (!canDecide(others, view)) continue;
    return {
      kind: "change",
      members,
      why: `member ${member.id} came back with an empty disk: it learns before it votes`,
    };
  }
  return null;
}

/** A participant without a vote that has caught up. */
function admit(configuration: Configuration, view: (id: MemberId) => MemberView | null): MembershipStep | null {
  for (const member of configuration.members) {
    const seen = view(member.id);
    if (member.role === "voter" || declaredRole(member.address) !== "participant") continue;
    if (seen === null || !seen.active || !seen.isCaughtUp || seen.incarnation === 0) continue;
    const admitted: MemberRecord = { ...member, role: "voter", incarnation: seen.incarnation };
    return {
      kind: "change",
      members: replaced(configuration, admitted),
      why: `member ${member.id} has caught up: it votes from now on`,
    };
  }
  return null;
}

function reconfigure(
  configuration: Configuration,
  pending: PendingReconfiguration,
  view: (id: MemberId) => MemberView | null,
): MembershipStep | null {
  const target = pending.members.map((wanted): MemberRecord => {
    const present = configuration.members.find((member) => member.id === wanted.id);
    const keepsVote = wanted.role === "participant" && present?.role === "voter";
    return {
      id: wanted.id,
      role: keepsVote ? "voter" : "learner",
      incarnation: present?.incarnation ?? 0,
      address: wanted.address,
    };
  });
  if (sameMembers(target, configuration.members)) return null; // in force: the state ends it when it is applied
  const voters = target.filter((member) => member.role === "voter");
  if (!canDecide(voters, view)) {
    return { kind: "give-up", zxid: pending.zxid, code: "new-configuration-no-quorum" };
  }
  const why = `reconfiguration of zxid ${pending.zxid}`;
  return { kind: "change", members: target, why, isReconfiguration: true };
}

/**
 * Whether these voters, alone, would commit what comes next. A voter counts by the disk that the configuration names: one
 * that answers with another disk promises nothing, and neither does one that is not named yet, however lively they are.
 * One that is still being sent the log acknowledges nothing new before it has the rest.
 */
function canDecide(voters: readonly MemberRecord[], view: (id: MemberId) => MemberView | null): boolean {
  const counting = voters.filter(({ id, incarnation }) => {
    const seen = view(id);
    return seen?.active === true && seen.isCaughtUp && incarnation !== 0 && seen.incarnation === incarnation;
  });
  return counting.length * 2 > voters.length;
}

function replaced(configuration: Configuration, changed: MemberRecord): MemberRecord[] {
  const members = configuration.members.map((member) => (member.id === changed.id ? changed : member));
  assert(members.includes(changed), "a change of a member that is not there");
  return members;
}

function sameMembers(some: readonly MemberRecord[], others: readonly MemberRecord[]): boolean {
  if (some.length !== others.length) return false;
  return some.every((member) =>
    others.some((other) => other.id === member.id && other.role === member.role && other.address === member.address),
  );
}
