// How a member stands, as plain data for JSON: what `/status` of the management and ZooKeeper's word `memb` tell alike.

import type { ReplicaPort } from "./replica-port.ts";

interface MemberEntry {
  readonly id: number;
  readonly role: string;
  readonly address: string;
  /** Whether it is part of majorities yet: a voter that was never heard from, or came back without its data, is not. */
  readonly counts: boolean;
}

export interface MemberFacts {
  readonly id: number;
  readonly role: string;
  readonly term: number;
  readonly leader: number | null;
  readonly hasQuorum: boolean;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly snapshotIndex: number;
  readonly members: readonly MemberEntry[];
  /** A change of members is between its two steps: majorities of the old and of the new ensemble are needed. */
  readonly joint: boolean;
  /** On the leader: how far each other member has come. */
  readonly followers: readonly { readonly id: number; readonly matchIndex: number; readonly active: boolean }[];
  readonly logBytes: number;
  readonly diskFull: boolean;
}

export function memberFacts({ id, status }: Pick<ReplicaPort, "id" | "status">): MemberFacts {
  const { configuration } = status;
  return {
    id,
    role: status.role,
    term: status.term,
    leader: status.leader,
    hasQuorum: status.hasQuorum,
    commitIndex: status.commitIndex,
    appliedIndex: status.appliedIndex,
    lastIndex: status.lastIndex,
    snapshotIndex: status.snapshotIndex,
    members: configuration.members.map(({ id, role, address, incarnation }) => {
      return { id, role, address, counts: role === "voter" && incarnation !== 0 };
    }),
    joint: configuration.outgoing.length > 0,
    followers: status.followers.map(({ id, matchIndex, active }) => ({ id, matchIndex, active })),
    logBytes: status.logBytes,
    diskFull: status.diskFull,
  };
}
