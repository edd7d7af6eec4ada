// The Raft tests' world, for a person to read: messages, and how the machines stand.

import type { MemberRecord, Message } from "../../../src/consensus/index.ts";
import type { Host } from "./host.ts";

/** How every machine stands. */
export function portraitOf(hosts: Iterable<Host>): string {
  const lines = [...hosts].map(({ id, isUp, raft, disk, appliedIndex }) => {
    const { role, term, leader, commitIndex, lastIndex, firstIndex, joined, configuration } = raft;
    const name = (member: MemberRecord): string => `${member.id}${member.role[0]}${member.incarnation}`;
    const members = `[${configuration.members.map(name)}] from [${configuration.outgoing.map(name)}]`;
    const state = `${role} of ${leader} in ${term}, log ${firstIndex}..${lastIndex}, commit ${commitIndex}, applied ${appliedIndex}`;
    return `  ${id}(${disk.incarnation}) ${isUp ? "up" : "down"} ${state}, ${joined ? "joined" : "not joined"} ${members}`;
  });
  return lines.join("\n");
}

export function describe(message: Message): string {
  const { kind, ...rest } = message;
  const brief = JSON.stringify(rest, (key, value: unknown) => {
    if (value instanceof Uint8Array) return value.length;
    if (key === "entries" && Array.isArray(value))
      return value.map(({ index, term, kind: of }) => `${index}@${term}${of[1]}`);
    return value;
  });
  return `${kind} ${brief}`;
}
