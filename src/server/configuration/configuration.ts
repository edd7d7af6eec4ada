// The settings of one member, complete and checked. Where they came from does not matter here; `load.ts` makes them from a
// file, the environment and the command line.

import type { Endpoint } from "../../base/endpoint.ts";
import { CoordinationError } from "../../base/errors.ts";
import type { ServerLine } from "../../base/server-line.ts";
import type { MemberId } from "../../consensus/raft/types.ts";
import type { ConfiguredDoor, TlsSettings } from "../../protocols/configured-door.ts";

export interface ServerConfiguration {
  /** This member's number (`myid`). A standalone member that was given none is 1. */
  readonly id: MemberId;
  /** Standalone: alone by design, which ZooKeeper's tools are told; otherwise one of an ensemble, even of one. */
  readonly mode: "standalone" | "ensemble";
  /**
   * The ensemble at its first start, this member included; later the log knows better. A standalone member is its only
   * one, and has no peer addresses.
   */
  readonly members: readonly ConfiguredMember[];
  /** Participants that the ensemble is founded without, if they do not answer: the operator says that they hold no data. */
  readonly foundWithout: readonly MemberId[];
  readonly dataDir: string;
  /** Where the log goes; the same as `dataDir` unless told otherwise. */
  readonly logDir: string;
  /** What clients come in by, each on ports of its own; of one kind there may be several. At least one. */
  readonly doors: readonly ConfiguredDoor[];
  readonly peer: PeerSettings;
  readonly storage: StorageSettings;
  readonly tree: TreeSettings;
  readonly admin: AdminSettings;
  readonly metrics: MetricsSettings;
  readonly reconfigEnabled: boolean;
  /** `standaloneEnabled`: an ensemble is at least two participants, and a reconfiguration to fewer is refused. */
  readonly keepsTwoParticipants: boolean;
  /**
   * The file that this was read from, and every setting that was given: to be shown to people, so passwords and digests
   * are hidden in it.
   */
  readonly file: string | null;
  readonly given: readonly GivenSetting[];
}

/** As its `server.N` line says. A standalone member has no addresses. */
export interface ConfiguredMember extends ServerLine {
  readonly id: MemberId;
}

interface PeerSettings {
  /** Where to listen for the other members; null in standalone mode. */
  readonly listen: readonly Endpoint[];
  /** Between members: null for plain TCP. */
  readonly tls: TlsSettings | null;
  /** Whether this member calls the others by TLS; with `tls` only. */
  readonly callsByTls: boolean;
  /** Accept both TLS and plain from other members, as while going over to TLS; with `tls` only. */
  readonly portUnification: boolean;
  /** What all members know and nobody else, to prove themselves by; the first proves this member's calls. Empty: none. */
  readonly secrets: readonly string[];
  /** Members that cannot prove themselves are not spoken with; false while a secret is being introduced. */
  readonly secretRequired: boolean;
  readonly tcpKeepAlive: boolean;
  readonly connectTimeoutMs: number;
  /** A follower that hears nothing for this long to twice as long asks for an election. */
  readonly electionTimeoutMs: number;
  readonly heartbeatMs: number;
}

interface StorageSettings {
  /** Whether missing directories are made; otherwise they are an error, as where a disk was not mounted. */
  readonly createDirectories: boolean;
  readonly segmentBytes: number;
  /** Snapshot after this many commands; null: not said, and the member judges by the size of its log. */
  readonly snapshotAfterCommands: number | null;
  /** Snapshot after this many bytes of log. */
  readonly snapshotAfterBytes: number;
  /** Older ones, and the log before them, go after each snapshot. */
  readonly snapshotsRetained: number;
  /** Entries of the log that are not carried out, for no member can: the same on all of them. */
  readonly skippedEntries: readonly number[];
  /** A sync slower than this is worth a line in the log. */
  readonly slowSyncMs: number;
}

interface TreeSettings {
  /** TTL nodes may be created. */
  readonly extendedTypes: boolean;
  readonly enforceQuota: boolean;
  readonly containerCheckIntervalMs: number;
  readonly containersPerMinuteMax: number;
  /** A container that never had a child goes after this long; null: never. */
  readonly containerNeverUsedMs: number | null;
}

interface AdminSettings {
  /** Null: no admin server. */
  readonly listen: Endpoint | null;
  readonly commandUrl: string;
  /** Names by which it may be called, besides its addresses and those of the configuration; `*`: any. */
  readonly allowedHosts: readonly string[];
  readonly snapshotEnabled: boolean;
  /** A snapshot is given out at most once in this time. */
  readonly rateLimitMs: number;
  /** Holds the token that operators prove themselves by; null: one in the data directory, which the member draws. */
  readonly tokenFile: string | null;
  /** Operators may come from other machines, over an unencrypted connection. */
  readonly remoteOperations: boolean;
  readonly idleTimeoutMs: number;
}

interface MetricsSettings {
  /** Prometheus's own port; null: metrics are at the admin server's /metrics only. */
  readonly listen: Endpoint | null;
}

/** Where a value came from, the strongest first: flags beat environment beat file. */
export type Source =
  | { readonly kind: "flag"; readonly name: string }
  | { readonly kind: "environment"; readonly name: string }
  | { readonly kind: "file"; readonly file: string; readonly line: number }
  /** An object that a program gave to a function; the setting's name says where in it. */
  | { readonly kind: "call"; readonly name: string };

export interface GivenSetting {
  /** ZooKeeper's name, without the prefix `zookeeper.` */
  readonly key: string;
  readonly value: string;
  readonly source: Source;
}

/** Settings that cannot be: each problem says what is wrong, where, and what to do. */
export class ConfigurationError extends CoordinationError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super("configuration", "not-applied", problems.join("\n"));
    this.problems = problems;
  }
}

export function describeSource(source: Source): string {
  switch (source.kind) {
    case "flag":
      return source.name;
    case "environment":
      return `environment variable ${source.name}`;
    case "file":
      return `${source.file} line ${source.line}`;
    case "call":
      return source.name;
  }
}
