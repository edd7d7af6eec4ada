// What one member tells of itself, as JSON: the page `/status`, which `cabildo status` asks for.

import { CABILDO_VERSION } from "../base/version.ts";
import { type MemberFacts, memberFacts } from "../replica/member-facts.ts";
import type { ReplicaPort } from "../replica/replica-port.ts";
import type { Door, DoorReport } from "../transport/door.ts";

export interface ManagedDoor {
  /** The name of its section in cabildo.yaml. */
  readonly kind: string;
  /** `host:port` of each. */
  readonly ports: readonly string[];
  readonly door: Pick<Door, "metrics" | "report" | "pages">;
}

export interface MemberReport extends MemberFacts {
  readonly version: string;
  readonly pid: number;
  /** Alone by design, or one of an ensemble. */
  readonly mode: "standalone" | "ensemble";
  /** Commands applied. */
  readonly sequence: number;
  /** The feature level of the ensemble. */
  readonly level: number;
  readonly doors: readonly (DoorReport & Pick<ManagedDoor, "kind" | "ports">)[];
  readonly diskBytes: number;
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
  const facts = memberFacts(member);
  return {
    version: CABILDO_VERSION,
    pid: process.pid,
    mode,
    ...facts,
    sequence: member.machine.sequence,
    level: member.machine.level,
    doors: doors.map(({ kind, ports, door }) => ({ kind, ports, ...door.report() })),
    diskBytes: facts.logBytes + snapshotBytes,
    uptimeMs: Math.round(uptimeMs),
  };
}
