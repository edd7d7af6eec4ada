// What the four-letter words, the admin server and the metrics may read of their member. They only read; others count and keep
// these values.

import type { ReplicaPort } from "../../replica/replica-port.ts";
import { Leases } from "../../state/leases/leases.ts";
import type { Machine } from "../../state/machine.ts";
import { TreeModel } from "../../state/tree/model.ts";
import type { Acl } from "../../state/tree/types.ts";
import type { DescriptorFacts, StorageFacts } from "../about-member.ts";
import type { AuthOptions } from "./auth.ts";
import type { ServerStats } from "./stats.ts";

export interface AdminContext {
  readonly member: ReplicaPort;
  readonly stats: ServerStats;
  readonly tree: TreeFacts;
  readonly storage: StorageFacts;
  readonly settings: AdminSettings;
  readonly descriptors: DescriptorFacts;
  /** ZooKeeper's trace mask: kept, given back, and without meaning here. */
  traceMask: bigint;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
}

/** The context of a living member. */
export function adminContext(
  parts: Pick<AdminContext, "member" | "stats" | "storage" | "settings" | "descriptors" | "wall">,
): AdminContext {
  const { member } = parts;
  return { ...parts, traceMask: TRACE_MASK, tree: treeFacts(member.machine) };
}

/** As ZooKeeper begins with. */
export const TRACE_MASK = 306n;

/** What the state holds. Paths are one-byte strings. */
export interface TreeFacts {
  readonly nodeCount: number;
  readonly ephemeralCount: number;
  /** Bytes of paths and data, about. */
  readonly approximateDataSize: number;
  readonly sessionCount: number;
  sessions(): Iterable<{ readonly id: number; readonly timeoutMs: number }>;
  /** How many sessions own nodes. */
  readonly ephemeralOwnerCount: number;
  /** Sessions that own nodes, with the paths. */
  ephemerals(): Iterable<readonly [sessionId: number, paths: readonly string[]]>;
  /** Who may do what at `/`: it decides who may take snapshots and shed connections. */
  rootAcl(): readonly Acl[];
}

function treeFacts(machine: Machine): TreeFacts {
  const { tree } = machine.model(TreeModel);
  const leases = machine.model(Leases);
  return {
    get nodeCount() {
      return tree.nodeCount;
    },
    get ephemeralCount() {
      return tree.ephemeralCount;
    },
    get approximateDataSize() {
      return tree.approximateBytes;
    },
    get sessionCount() {
      return leases.size;
    },
    get ephemeralOwnerCount() {
      return tree.ephemerals.size;
    },
    *sessions() {
      for (const { id, timeoutMs } of leases) yield { id, timeoutMs: timeoutMs ?? 0 };
    },
    *ephemerals() {
      for (const id of tree.ephemerals.keys()) yield [id, tree.ephemeralsOf(id)] as const;
    },
    rootAcl: () => tree.root.acl,
  };
}

/** Settings that are told to whoever asks, and those of the admin server itself. */
export interface AdminSettings {
  readonly standalone: boolean;
  /** -1: there is none. */
  readonly clientPort: number;
  readonly secureClientPort: number;
  readonly dataDir: string;
  readonly logDir: string;
  readonly tickMs: number;
  readonly connectionsPerAddressMax: number;
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  /** -1: the system's own. */
  readonly backlog: number;
  /** In ticks, as zoo.cfg says them; null: not said. */
  readonly initLimit: number | null;
  readonly syncLimit: number | null;
  /** When this member started, in milliseconds since 1970. */
  readonly startedAt: number;
  /** The file that the settings came from, as text without secrets; empty: none. */
  readonly initialConfiguration: string;
  /** Every setting that was given, secrets left out. */
  readonly properties: readonly (readonly [key: string, value: string])[];
  readonly words: ReadonlySet<string> | "all";
  readonly commandUrl: string;
  readonly snapshotEnabled: boolean;
  readonly rateLimitMs: number;
  /** How callers of the guarded commands prove who they are: as clients do. */
  readonly auth: AuthOptions;
}

export type Mode = "leader" | "follower" | "observer" | "standalone" | "read-only";

export function modeOf({ member, stats, settings }: AdminContext): Mode {
  if (stats.isReadOnly) return "read-only";
  if (settings.standalone) return "standalone";
  const { role } = member.status;
  return role === "leader" || role === "observer" ? role : "follower";
}

/** ZooKeeper's name for what a member is doing, as `peer_state`. */
export function peerStateOf(context: AdminContext): string {
  const { role, hasQuorum } = context.member.status;
  if (!hasQuorum) return "looking";
  if (role === "leader") return "leading - broadcast";
  return role === "observer" ? "observing - broadcast" : "following - broadcast";
}

/** Java's hexadecimal of a long: negative numbers in two's complement. */
export function hex(value: number): string {
  return value >= 0 ? value.toString(16) : BigInt.asUintN(64, BigInt(value)).toString(16);
}

/** Java's text of a double: always with a decimal point; four places are enough, as ZooKeeper rounds. */
export function double(value: number): string {
  const rounded = Math.round(value * 10_000) / 10_000;
  return Number.isInteger(rounded) ? `${rounded}.0` : String(rounded);
}
