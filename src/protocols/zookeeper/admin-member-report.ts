// What a member tells of itself by the four-letter word `memb`, for programs that have the client port alone. The management's
// page `/status` tells more, and of every door.

import { CABILDO_VERSION } from "../../base/version.ts";
import { type MemberFacts, memberFacts } from "../../replica/member-facts.ts";
import { type AdminContext, type Mode, modeOf } from "./admin-context.ts";

export interface MemberReport extends MemberFacts {
  readonly version: string;
  readonly pid: number;
  readonly mode: Mode;
  /** Clients are served at all; with `readOnly`, only those that can do with old reads. */
  readonly serving: boolean;
  readonly readOnly: boolean;
  readonly zxid: number;
  readonly sessions: number;
  readonly connections: number;
  readonly outstanding: number;
  readonly watches: number;
  readonly znodes: number;
  readonly diskBytes: number;
  readonly uptimeMs: number;
}

export function memberReport(context: AdminContext): MemberReport {
  const { member, stats, tree, storage, settings } = context;
  const facts = memberFacts(member);
  return {
    version: CABILDO_VERSION,
    pid: process.pid,
    mode: modeOf(context),
    ...facts,
    serving: stats.isServing,
    readOnly: stats.isReadOnly,
    zxid: member.machine.sequence,
    sessions: tree.sessionCount,
    connections: stats.connectionCount,
    outstanding: stats.outstanding,
    watches: stats.watches.size,
    znodes: tree.nodeCount,
    diskBytes: facts.logBytes + storage.snapshotBytes,
    uptimeMs: Math.round(context.wall() - settings.startedAt),
  };
}
