// A whole ensemble in virtual time: real members over a virtual network and virtual disks.

import { type Member, type WantedRole, ZOOKEEPER_DOOR } from "../../base/member.ts";
import { type Random, seededRandom } from "../../base/random.ts";
import type { Configuration, MemberId } from "../../consensus/raft/types.ts";
import type { ReplicaOptions } from "../../replica/replica.ts";
import { describe } from "../../state/membership/description.ts";
import type { ModelFactory } from "../../state/models.ts";
import type { SimulatedDoor } from "./door.ts";
import { OLDER_LEVEL, SimulatedMember, type SimulatedMemberOptions } from "./member.ts";
import { type NetworkOptions, QUIET_NETWORK, VirtualNetwork } from "./network.ts";
import type { Observer } from "./observer.ts";
import { VirtualTime } from "./time.ts";

export interface SimulatedEnsembleOptions {
  /** The number of founders. */
  readonly members: number;
  /** Whether the only member's file makes it stand alone. */
  readonly isStandalone?: boolean;
  /** Machines that wait to be added. Their files list the founders and themselves. */
  readonly spares?: number;
  /** Founders that are not started with the others; the test starts them later. */
  readonly absent?: readonly MemberId[];
  /** Founders that are not needed for the founding if they do not answer. */
  readonly foundWithout?: readonly MemberId[];
  readonly seed: number;
  readonly network?: Partial<NetworkOptions>;
  readonly replica?: Partial<SimulatedMemberOptions["replica"]>;
  readonly segmentBytes?: number;
  readonly retainSnapshots?: number;
  readonly tickTimeMs?: number;
  /** The doors of each member; none unless given. */
  readonly doors?: readonly SimulatedDoor[];
  /** Models of the state besides those that every member has. */
  readonly models?: readonly ModelFactory[];
  /** Machines that run the version before this one at first. */
  readonly olderPrograms?: readonly MemberId[];
  /** Of each member's clock, by its number; 1 unless given. */
  readonly clockRate?: (id: MemberId) => number;
  readonly observer?: Observer;
}

export const RAFT: ReplicaOptions["raft"] = {
  electionTicks: 10,
  heartbeatTicks: 2,
  appendBytesMax: 64 * 1024,
  inflightBytesMax: 1024 * 1024,
  inflightAppendsMax: 64,
  uncommittedBytesMax: 4 * 1024 * 1024,
  tailBytesMax: 256 * 1024,
  snapshotChunkBytes: 4 * 1024,
};

export class SimulatedEnsemble {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly network: VirtualNetwork;
  readonly options: SimulatedEnsembleOptions;
  readonly members: readonly SimulatedMember[];

  constructor(options: SimulatedEnsembleOptions) {
    this.options = options;
    this.random = seededRandom(options.seed);
    this.network = new VirtualNetwork(this.time, this.random, { ...QUIET_NETWORK, ...options.network });
    const founders = Array.from({ length: options.members }, (_, i) => i + 1);
    const spares = Array.from({ length: options.spares ?? 0 }, (_, i) => options.members + i + 1);
    this.members = [
      ...founders.map((id) => this.#machine(id, founders)),
      ...spares.map((id) => this.#machine(id, [...founders, id])),
    ];
    for (const id of options.olderPrograms ?? []) this.member(id).programLevel = OLDER_LEVEL;
    for (const member of this.members) member.foundWithout = options.foundWithout ?? [];
  }

  #machine(id: MemberId, listed: readonly MemberId[]): SimulatedMember {
    const { options, time, network, random } = this;
    return new SimulatedMember({
      id,
      initial: options.isStandalone === true && listed.length === 1 ? standaloneFile(id) : configurationOf(listed),
      time,
      network,
      random,
      observer: options.observer ?? {},
      replica: {
        raft: { ...(options.replica?.raft ?? RAFT), thoroughChecks: true },
        tickMs: options.replica?.tickMs ?? 40,
        reaper: options.replica?.reaper ?? { intervalMs: 60_000, neverUsedMs: 0, maxPerMinute: 10_000 },
        snapshotCommands: options.replica?.snapshotCommands ?? 1000,
        snapshotSliceBytes: options.replica?.snapshotSliceBytes ?? 128 * 1024,
        snapshotLogBytes: options.replica?.snapshotLogBytes ?? 10 * 1024 * 1024,
      },
      segmentBytes: options.segmentBytes ?? 64 * 1024,
      retainSnapshots: options.retainSnapshots ?? 1,
      tickTimeMs: options.tickTimeMs ?? 2000,
      clockRate: options.clockRate?.(id) ?? 1,
      doors: options.doors ?? [],
      models: options.models ?? [],
    });
  }

  /** Starts the founders. Virtual time has to pass until they take part. */
  start(): void {
    const { members, absent = [] } = this.options;
    for (const member of this.members.slice(0, members)) if (!absent.includes(member.id)) void member.start();
  }

  member(id: MemberId): SimulatedMember {
    const found = this.members.find((member) => member.id === id);
    if (found === undefined) throw new RangeError(`no member ${id}`);
    return found;
  }

  /** The member that leads the highest term, among those that are up. */
  leader(): SimulatedMember | undefined {
    let leader: SimulatedMember | undefined;
    let term = -1;
    for (const member of this.members) {
      const status = member.replica?.status;
      if (status?.role !== "leader" || status.term <= term) continue;
      leader = member;
      term = status.term;
    }
    return leader;
  }

  followers(): SimulatedMember[] {
    const leader = this.leader();
    return this.members.filter((member) => member.replica !== undefined && member !== leader);
  }

  /** Runs until one member leads, and every member that is up follows it and has applied what it committed. */
  async settle(milliseconds = 20_000): Promise<boolean> {
    return this.time.runUntil(() => this.isSettled(), milliseconds);
  }

  isSettled(): boolean {
    const leader = this.leader()?.replica;
    if (leader === undefined) return false;
    const { commitIndex, lastIndex } = leader.status;
    return (
      commitIndex === lastIndex &&
      this.members.every(
        ({ isUp, replica }) =>
          !isUp ||
          (replica !== undefined &&
            replica.status.leader === leader.id &&
            replica.machine.appliedIndex === commitIndex),
      )
    );
  }

  partition(...groups: MemberId[][]): void {
    const groupOf = (id: MemberId): number => groups.findIndex((group) => group.includes(id));
    for (const { id: from } of this.members) {
      for (const { id: to } of this.members) {
        if (from !== to && groupOf(from) !== groupOf(to)) this.network.cut(from, to);
      }
    }
  }

  heal(): void {
    this.network.heal();
  }
}

/** A member as files and changes of members describe it. */
export function memberOf(id: MemberId, wantedRole: WantedRole = "voter"): Member {
  return {
    id,
    wantedRole,
    name: "",
    peers: [{ host: `member${id}`, port: 2888, electionPort: 3888 }],
    doors: [{ door: ZOOKEEPER_DOOR, plain: { host: null, port: 2181 }, secure: null }],
    notes: [],
  };
}

function descriptionOf(id: MemberId, wantedRole: WantedRole): string {
  return describe(memberOf(id, wantedRole), 0);
}

/** A file that lists these members, and observers besides. */
export function fileOf(listed: readonly MemberId[], observers: readonly MemberId[] = []): Configuration {
  const { members, outgoing } = configurationOf(listed);
  const watching = observers.map((id) => ({
    id,
    role: "learner" as const,
    incarnation: 0,
    description: descriptionOf(id, "learner"),
  }));
  return { cluster: 0, members: [...members, ...watching], outgoing };
}

/** The file of a member that is alone by design, and has no place for others to reach it at. */
export function standaloneFile(id: MemberId): Configuration {
  return { cluster: 0, members: [{ id, role: "voter", incarnation: 0, description: "" }], outgoing: [] };
}

function configurationOf(listed: readonly MemberId[]): Configuration {
  return {
    cluster: 0,
    members: listed.map((id) => ({ id, role: "voter", incarnation: 0, description: descriptionOf(id, "voter") })),
    outgoing: [],
  };
}
