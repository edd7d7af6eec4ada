// The operator of the Raft tests' world: what the replica's membership policy does, in short. It brings the members to what is wanted, and
// gives members that lost their disk their vote back.

import type { MemberId, MemberRecord } from "../../../src/consensus/index.ts";
import type { Host } from "./host.ts";

/** The members that a leader asks for next, to come nearer to what is wanted; null: all is as wanted, or it has to wait. */
export function nextMembers(
  { raft }: Host,
  wanted: ReadonlyMap<MemberId, MemberRecord["role"]>,
  count: (what: string) => void,
): MemberRecord[] | null {
  const { members } = raft.configuration;
  const { progress } = raft;
  const replace = (changed: MemberRecord): MemberRecord[] =>
    members.map((each) => (each.id === changed.id ? changed : each));
  for (const member of members) {
    const seen = progress.get(member.id);
    if (member.role !== "voter" || seen === undefined || !seen.active || seen.joined || member.incarnation === 0)
      continue;
    if (seen.incarnation === 0) continue;
    const demoted = replace({ ...member, role: "learner", incarnation: seen.incarnation });
    const others = demoted.filter(({ role }) => role === "voter");
    const active = others.filter(({ id }) => progress.get(id)?.active && progress.get(id)?.joined);
    if (active.length * 2 <= others.length) continue;
    count("lost disks met");
    return demoted;
  }
  const promoted = members.find(({ id, role }) => {
    const seen = progress.get(id);
    return role === "learner" && wanted.get(id) === "voter" && seen?.active === true && seen.isCaughtUp;
  });
  if (promoted !== undefined) {
    return replace({ ...promoted, role: "voter", incarnation: progress.get(promoted.id)!.incarnation });
  }
  const missing = [...wanted.keys()].filter((id) => !members.some((member) => member.id === id));
  if (missing.length > 0) return [...members, ...missing.map((id) => record(id, "learner"))];
  const isUnwanted = ({ id, role }: MemberRecord): boolean => {
    const wantedRole = wanted.get(id);
    return wantedRole === undefined || (wantedRole === "learner" && role === "voter");
  };
  if (!members.some(isUnwanted)) return null;
  const target = members
    .filter(({ id }) => wanted.has(id))
    .map((member) => (isUnwanted(member) ? { ...member, role: "learner" as const } : member));
  const voters = target.filter(({ role }) => role === "voter");
  const active = voters.filter(({ id }) => progress.get(id)?.active === true && progress.get(id)?.joined === true);
  return active.length * 2 > voters.length ? target : null;
}

export function record(id: MemberId, role: MemberRecord["role"]): MemberRecord {
  return { id, role, incarnation: 0, description: `host${id}` };
}
