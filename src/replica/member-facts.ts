// The state of a member as plain data for JSON, for the management's `/status` and for ZooKeeper's word `memb`.

import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import { formatPeerEndpoint } from "../base/member.ts";
import { fromByteString } from "../base/text.ts";
import type { MemberRecord } from "../consensus/raft/types.ts";
import { memberDescribed } from "../state/membership/description.ts";
import type { ReplicaPort } from "./replica-port.ts";

interface MemberEntry {
  readonly id: number;
  readonly role: string;
  /** What it is to be: a new voter has no vote until it has caught up. */
  readonly wantedRole: string;
  readonly name: string;
  /** Where other members reach it, as `host:port`. */
  readonly peers: readonly string[];
  /** Where clients come in, by door, as `host:port`. */
  readonly clients: readonly { readonly door: string; readonly plain: string | null; readonly secure: string | null }[];
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
    members: configuration.members.map(memberEntry),
    joint: configuration.outgoing.length > 0,
    followers: status.followers.map(({ id, matchIndex, active }) => ({ id, matchIndex, active })),
    logBytes: status.logBytes,
    diskFull: status.diskFull,
  };
}

function memberEntry({ id, role, description, incarnation }: MemberRecord): MemberEntry {
  const { wantedRole, name, peers, doors } = memberDescribed(id, description);
  const text = (endpoint: Endpoint | null) => (endpoint === null ? null : formatEndpoint(endpoint));
  return {
    id,
    role,
    wantedRole,
    name: fromByteString(name),
    peers: peers.map(formatPeerEndpoint),
    clients: doors.map(({ door, plain, secure }) => ({ door, plain: text(plain), secure: text(secure) })),
    counts: role === "voter" && incarnation !== 0,
  };
}
