// The leader's decisions about the members. It carries out a requested change; adds new participants as learners, and gives
// them a vote when they have caught up; takes the vote from a member with a new disk until that has caught up; and adds the
// members that an operator added to its file.

import { assert } from "../../base/assert.ts";
import type { Configuration, MemberId, MemberRecord } from "../../consensus/raft/types.ts";
import { describe, isOfOlderForm, memberDescribed } from "../../state/membership/description.ts";
import type { PendingChange } from "../../state/model.ts";

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
  /** The voters of the pending change do not answer. */
  | { readonly kind: "give-up"; readonly id: number };

export interface MembershipQuestion {
  readonly configuration: Configuration;
  readonly pending: PendingChange | null;
  readonly view: (id: MemberId) => MemberView | null;
  /** The members of this member's file. */
  readonly listed?: readonly MemberRecord[] | undefined;
  /** The feature level: descriptions are written as all members understand them. */
  readonly level: number;
}

/** The next step, or null when all is as it should be or cannot be mended now. Pure. */
export function nextMembershipStep(question: MembershipQuestion): MembershipStep | null {
  const { configuration, pending, view, listed = [], level } = question;
  if (configuration.outgoing.length > 0) return null; // one change at a time: this one leaves its joint phase first
  const renewed = describeAnew(configuration, level);
  if (renewed !== null) return renewed;
  const asked = pending === null ? null : reconfigure(configuration, pending, view, level);
  if (asked !== null) return asked;
  const mended = demote(configuration, view) ?? admit(configuration, view);
  return mended ?? (pending === null ? extend(configuration, listed, level) : null);
}

/**
 * The feature level was raised: descriptions are written in the form that came with it, before anything else is changed. From
 * then on older programs cannot read the configuration, and say so.
 */
function describeAnew({ members }: Configuration, level: number): MembershipStep | null {
  if (!members.some(({ description }) => isOfOlderForm(description, level))) return null;
  const described = members.map((member): MemberRecord => ({ ...member, description: inForm(member, level) }));
  return { kind: "change", members: described, why: `members are described as of feature level ${level}` };
}

function inForm({ id, description }: MemberRecord, level: number): string {
  return describe(memberDescribed(id, description), level);
}

/**
 * Members that the leader's file lists and the ensemble does not know join, as long as no reconfiguration has said who
 * belongs. Nobody leaves because a file does not list it: files are edited one after the other.
 */
function extend(configuration: Configuration, listed: readonly MemberRecord[], level: number): MembershipStep | null {
  if (configuration.isReconfigured === true) return null;
  const added = unknownMembers(configuration, listed);
  const isReached = ({ id, description }: MemberRecord): boolean => memberDescribed(id, description).peers.length > 0;
  const entryOf = (id: MemberId): MemberRecord | undefined => listed.find((member) => member.id === id);
  const isMissingAPlace = (member: MemberRecord): boolean => {
    const entry = isReached(member) ? undefined : entryOf(member.id);
    return entry !== undefined && isReached(entry);
  };
  const isNewlyReached = configuration.members.some(isMissingAPlace);
  if (added.length === 0 && !isNewlyReached) return null;
  const present = configuration.members.map(
    (member): MemberRecord =>
      isMissingAPlace(member) ? { ...member, description: inForm(entryOf(member.id)!, level) } : member,
  );
  const newcomers = added.map((member): MemberRecord => {
    return { id: member.id, role: "learner", incarnation: 0, description: inForm(member, level) };
  });
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
    if (member.role === "voter" || memberDescribed(member.id, member.description).wantedRole !== "voter") continue;
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
  pending: PendingChange,
  view: (id: MemberId) => MemberView | null,
  level: number,
): MembershipStep | null {
  const target = pending.members.map((wanted): MemberRecord => {
    const present = configuration.members.find((member) => member.id === wanted.id);
    const keepsVote = wanted.wantedRole === "voter" && present?.role === "voter";
    return {
      id: wanted.id,
      role: keepsVote ? "voter" : "learner",
      incarnation: present?.incarnation ?? 0,
      description: describe(wanted, level),
    };
  });
  if (sameMembers(target, configuration.members)) return null; // in force: the state ends it when it is applied
  const voters = target.filter((member) => member.role === "voter");
  if (!canDecide(voters, view)) {
    return { kind: "give-up", id: pending.id };
  }
  const why = `reconfiguration of zxid ${pending.id}`;
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
    others.some(
      (other) => other.id === member.id && other.role === member.role && other.description === member.description,
    ),
  );
}
