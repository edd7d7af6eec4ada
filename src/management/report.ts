// What one member tells of itself, as JSON: the page `/status`, which `cabildo status` asks for.

import { CABILDO_VERSION } from "../base/version.ts";
import type { ReplicaPort } from "../replica/replica-port.ts";
import type { Door, DoorReport } from "../transport/door.ts";

export interface ManagedDoor {
  /** The name of its section in cabildo.yaml. */
  readonly kind: string;
  /** `host:port` of each. */
  readonly ports: readonly string[];
  readonly door: Pick<Door, "metrics" | "report" | "pages">;
}

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
  /** Alone by design, or one of an ensemble. */
  readonly mode: "standalone" | "ensemble";
  readonly role: string;
  readonly term: number;
  readonly leader: number | null;
  readonly hasQuorum: boolean;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly snapshotIndex: number;
  /** Commands applied. */
  readonly sequence: number;
  /** The feature level of the ensemble. */
  readonly level: number;
  readonly members: readonly MemberEntry[];
  /** A change of members is between its two steps: majorities of the old and of the new ensemble are needed. */
  readonly joint: boolean;
  /** On the leader: how far each other member has come. */
  readonly followers: readonly { readonly id: number; readonly matchIndex: number; readonly active: boolean }[];
  readonly doors: readonly (DoorReport & Pick<ManagedDoor, "kind" | "ports">)[];
  readonly logBytes: number;
  readonly diskBytes: number;
  readonly diskFull: boolean;
  readonly uptimeMs: number;
}

export interface ReportedMember {
  readonly member: ReplicaPort;
  readonly mode: MemberReport["mode"];
  readonly doors: readonly ManagedDoor[];
  readonly snapshotBytes: number;
  readonly uptimeMs: number;
}

export function memberReport({ member, mode, doors, snapshotBytes, uptimeMs }: ReportedMember): MemberReport {
  const { status } = member;
  return {
    version: CABILDO_VERSION,
    id: member.id,
    pid: process.pid,
    mode,
    role: status.role,
    term: status.term,
    leader: status.leader,
    hasQuorum: status.hasQuorum,
    commitIndex: status.commitIndex,
    appliedIndex: status.appliedIndex,
    lastIndex: status.lastIndex,
    snapshotIndex: status.snapshotIndex,
    sequence: member.machine.sequence,
    level: member.machine.level,
    members: status.configuration.members.map(({ id, role, address, incarnation }) => {
      return { id, role, address, counts: role === "voter" && incarnation !== 0 };
    }),
    joint: status.configuration.outgoing.length > 0,
    followers: status.followers.map(({ id, matchIndex, active }) => ({ id, matchIndex, active })),
    doors: doors.map(({ kind, ports, door }) => ({ kind, ports, ...door.report() })),
    logBytes: status.logBytes,
    diskBytes: status.logBytes + snapshotBytes,
    diskFull: status.diskFull,
    uptimeMs: Math.round(uptimeMs),
  };
}
