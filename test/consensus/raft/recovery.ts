// Whether an ensemble works again when the faults are over.

import type { MemberId, MemberRecord } from "../../../src/consensus/index.ts";
import { isJoint } from "../../../src/consensus/raft/configuration.ts";
import type { Host } from "./host.ts";

/** What does not work yet. Null: one leads, all who are wanted belong and follow, and have applied up to `index`. */
export function whatIsWrong(
  hosts: ReadonlyMap<MemberId, Host>,
  wanted: ReadonlyMap<MemberId, MemberRecord["role"]>,
  index: number,
): string | null {
  const leader = [...hosts.values()]
    .filter(({ raft }) => raft.role === "leader")
    .sort((a, b) => b.raft.term - a.raft.term)[0];
  if (leader === undefined) return "nobody leads";
  const { configuration } = leader.raft;
  if (isJoint(configuration)) return "a joint configuration does not end";
  for (const [id, role] of wanted) {
    const member = configuration.members.find((each) => each.id === id);
    if (member?.role !== role) return `member ${id} is ${member?.role ?? "no member"}, wanted is ${role}`;
    const host = hosts.get(id)!;
    if (role === "voter" && !host.raft.joined) return `voter ${id} has not joined`;
    if (host.raft.leader !== leader.id) return `member ${id} does not follow ${leader.id}`;
    if (host.appliedIndex < index) return `member ${id} has applied ${host.appliedIndex} of ${index}`;
  }
  if (configuration.members.length !== wanted.size) return "a member that is not wanted stays";
  return null;
}
