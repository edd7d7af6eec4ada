// The report of one member as JSON: the page `/status`, which `cabildo status` reads.

import { CABILDO_VERSION } from "../base/version.ts";
import { type MemberFacts, memberFacts } from "../replica/member-facts.ts";
import type { ReplicaPort } from "../replica/replica-port.ts";
import type { DoorReport } from "../transport/door.ts";
import type { ManagedDoor, PlacedDoor } from "./door-pages.ts";

export interface MemberReport extends MemberFacts {
  readonly version: string;
  readonly pid: number;
  /** Alone by design, or one of an ensemble. */
  readonly mode: "standalone" | "ensemble";
  /** Commands applied. */
  readonly sequence: number;
  /** The feature level of the ensemble. */
  readonly level: number;
  readonly doors: readonly ReportedDoor[];
  readonly diskBytes: number;
  readonly uptimeMs: number;
}

interface ReportedDoor extends DoorReport, Pick<ManagedDoor, "name" | "kind" | "ports"> {
  /** The path of its own pages; null: it has none. */
  readonly pages: string | null;
}

export interface ReportedMember {
  readonly member: ReplicaPort;
  readonly mode: MemberReport["mode"];
  readonly doors: readonly PlacedDoor[];
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
    doors: doors.map(({ name, kind, ports, door, path }) => ({ name, kind, ports, pages: path, ...door.report() })),
    diskBytes: facts.logBytes + snapshotBytes,
    uptimeMs: Math.round(uptimeMs),
  };
}
