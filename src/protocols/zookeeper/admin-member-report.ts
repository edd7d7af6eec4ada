// What a member tells of itself by the four-letter word `memb`, for programs that have the client port alone. The management's
// page `/status` tells more, and of every door.

import { CABILDO_VERSION } from "../../base/version.ts";
import { type AdminContext, type Mode, modeOf } from "./admin-context.ts";

interface MemberEntry {
  readonly id: number;
  readonly role: string;
  readonly address: string;
  /** Whether it is part of majorities yet: a voter that was never heard from, or came back without its data, is not. */
  readonly counts: boolean;
}

export interface MemberReport {
  readonly version: string;
  readonly id: number;
  readonly pid: number;
  readonly mode: Mode;
  readonly role: string;
  readonly term: number;
  readonly leader: number | null;
  readonly hasQuorum: boolean;
  /** Clients are served at all; with `readOnly`, only those that can do with old reads. */
  readonly serving: boolean;
  readonly readOnly: boolean;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly snapshotIndex: number;
  readonly zxid: number;
  readonly members: readonly MemberEntry[];
  /** A change of members is between its two steps: majorities of the old and of the new ensemble are needed. */
  readonly joint: boolean;
  /** On the leader: how far each other member has come. */
  readonly followers: readonly { readonly id: number; readonly matchIndex: number; readonly active: boolean }[];
  readonly sessions: number;
  readonly connections: number;
  readonly outstanding: number;
  readonly watches: number;
  readonly znodes: number;
  readonly logBytes: number;
  readonly diskBytes: number;
  readonly diskFull: boolean;
  readonly uptimeMs: number;
}

export function memberReport(context: AdminContext): MemberReport {
  const { member, stats, tree, storage, settings } = context;
  const { status } = member;
  return {
    version: CABILDO_VERSION,
    id: member.id,
    pid: process.pid,
    mode: modeOf(context),
    role: status.role,
    term: status.term,
    leader: status.leader,
    hasQuorum: status.hasQuorum,
    serving: stats.isServing,
    readOnly: stats.isReadOnly,
    commitIndex: status.commitIndex,
    appliedIndex: status.appliedIndex,
    lastIndex: status.lastIndex,
    snapshotIndex: status.snapshotIndex,
    zxid: member.machine.sequence,
    members: status.configuration.members.map(({ id, role, address, incarnation }) => {
      return { id, role, address, counts: role === "voter" && incarnation !== 0 };
    }),
    joint: status.configuration.outgoing.length > 0,
    followers: status.followers.map(({ id, matchIndex, active }) => ({ id, matchIndex, active })),
    sessions: tree.sessionCount,
    connections: stats.connectionCount,
    outstanding: stats.outstanding,
    watches: stats.watches.size,
    znodes: tree.nodeCount,
    logBytes: status.logBytes,
    diskBytes: status.logBytes + storage.snapshotBytes,
    diskFull: status.diskFull,
    uptimeMs: Math.round(context.wall() - settings.startedAt),
  };
}
