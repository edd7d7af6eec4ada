// A member's settings in the form that its replica needs, with the limits of what is in flight between members, each with its
// reason.

import type { ReplicaOptions } from "../replica/replica.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";
import { initialEnsemble } from "./initial-ensemble.ts";

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** Elections and heartbeats are counted in these: fine enough for a quick election, rare enough to cost nothing. */
const TICK_MS = 25;
/** One append stays well under the frame limit between members, and is written to disk in one piece. */
const APPEND_BYTES_MAX = 1 * MEBIBYTE;
/** What one slow follower may hold in the leader's socket buffers. */
const INFLIGHT_BYTES_MAX = 16 * MEBIBYTE;
const INFLIGHT_APPENDS_MAX = 256;
/** A leader that has lost its quorum keeps no more than this of its clients' writes. */
const UNCOMMITTED_BYTES_MAX = 64 * MEBIBYTE;
/** Followers a little behind are served from memory; further behind, from the disk. */
const TAIL_BYTES_MAX = 16 * MEBIBYTE;
const SNAPSHOT_CHUNK_BYTES = 512 * KIBIBYTE;
/** Where `snapCount` is not said, the size of the log decides alone. */
const SNAPSHOT_COMMANDS_UNLIMITED = Number.MAX_SAFE_INTEGER;

export function replicaOptions(
  configuration: ServerConfiguration,
  wiring: Pick<ReplicaOptions, "random" | "logger" | "onFatal">,
): ReplicaOptions {
  const { id, peer, storage, tree, foundWithout } = configuration;
  return {
    ...wiring,
    id,
    run: Date.now(),
    tickMs: TICK_MS,
    raft: {
      listed: initialEnsemble(configuration).members,
      foundWithout,
      electionTicks: Math.max(4, Math.round(peer.electionTimeoutMs / TICK_MS)),
      heartbeatTicks: Math.max(1, Math.round(peer.heartbeatMs / TICK_MS)),
      appendBytesMax: APPEND_BYTES_MAX,
      inflightBytesMax: INFLIGHT_BYTES_MAX,
      inflightAppendsMax: INFLIGHT_APPENDS_MAX,
      uncommittedBytesMax: UNCOMMITTED_BYTES_MAX,
      tailBytesMax: TAIL_BYTES_MAX,
      snapshotChunkBytes: SNAPSHOT_CHUNK_BYTES,
    },
    snapshotCommands: storage.snapshotAfterCommands ?? SNAPSHOT_COMMANDS_UNLIMITED,
    snapshotLogBytes: storage.snapshotAfterBytes,
    skipEntries: new Set(storage.skippedEntries),
    reaper: {
      intervalMs: tree.containerCheckIntervalMs,
      maxPerMinute: tree.containersPerMinuteMax,
      neverUsedMs: tree.containerNeverUsedMs ?? 0,
    },
  };
}
