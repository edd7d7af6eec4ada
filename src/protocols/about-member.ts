// What a door may tell operators about its member: its settings, and the state of its disk and process.

import type { DurationHistogram } from "../replica/ports.ts";

export interface AboutMember {
  readonly configuration: MemberConfiguration;
  readonly storage: StorageFacts;
  readonly descriptors: DescriptorFacts;
}

/** The settings of the member that concern doors too. */
export interface MemberConfiguration {
  /** Standalone: alone by design; otherwise one of an ensemble, even of one. */
  readonly mode: "standalone" | "ensemble";
  readonly dataDir: string;
  readonly logDir: string;
  readonly tree: { readonly extendedTypes: boolean; readonly enforceQuota: boolean };
  readonly reconfigEnabled: boolean;
  readonly keepsTwoParticipants: boolean;
  readonly admin: { readonly commandUrl: string; readonly snapshotEnabled: boolean; readonly rateLimitMs: number };
  /** Every setting that was given, under ZooKeeper's name; those that are secret are hidden. */
  readonly given: readonly { readonly key: string; readonly value: string }[];
}

export interface StorageFacts {
  /** Bytes of snapshots and of the log. */
  readonly snapshotBytes: number;
  readonly logBytes: number;
  /** The sequence that the last one stands for, and when it was finished (milliseconds since 1970); null: none since the start. */
  readonly lastSnapshot: { readonly sequence: number; readonly time: number } | null;
  /** Takes a snapshot now and reads it out; null: this member cannot. */
  readonly takeSnapshot: (() => Promise<TakenSnapshot>) | null;
  /** How long each sync of the log took; null: not measured. */
  readonly syncDurations: DurationHistogram | null;
}

export interface TakenSnapshot {
  readonly sequence: number;
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** File descriptors of this process; null where the system does not say. */
export interface DescriptorFacts {
  open(): number | null;
  limit(): number | null;
}
