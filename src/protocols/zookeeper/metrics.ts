// What is measured, once: as ZooKeeper's `mntr` and admin command `monitor` show it, and as Prometheus reads it. Names
// are ZooKeeper's where ZooKeeper has them, etcd's for what Raft does, and those of Node's usual exporter for the process.

import { CABILDO_VERSION, FULL_VERSION } from "./admin-about.ts";
import { type AdminContext, double, modeOf, peerStateOf } from "./admin-context.ts";
import { descriptorLimit, openDescriptors, processMetrics } from "./metrics-process.ts";
import { counter, exposition, gauge, type Metric } from "./metrics-text.ts";
import type { LatencyStats } from "./stats.ts";

/** Key and value of every line of `mntr`, without the prefix `zk_`. */
export function monitorValues(context: AdminContext): readonly (readonly [key: string, value: string])[] {
  const values: (readonly [string, string])[] = [
    ["version", FULL_VERSION],
    ["server_state", modeOf(context)],
  ];
  if (!context.settings.standalone) values.push(["peer_state", peerStateOf(context)]);
  for (const { name, samples } of zooKeeperGauges(context)) {
    values.push([name, name === "avg_latency" ? double(samples[0]!.value) : String(Math.round(samples[0]!.value))]);
  }
  for (const [name, latency] of latencies(context)) {
    values.push(
      [`avg_${name}`, double(latency.average)],
      [`min_${name}`, String(Math.round(latency.min))],
      [`max_${name}`, String(Math.round(latency.max))],
      [`cnt_${name}`, String(latency.count)],
      [`sum_${name}`, String(Math.round(latency.average * latency.count))],
    );
  }
  for (const { name, samples } of zooKeeperCounters(context)) values.push([name, String(samples[0]!.value)]);
  return values;
}

/** All of it, in Prometheus's text format. */
export function prometheusText(context: AdminContext): string {
  return exposition([
    ...zooKeeperGauges(context),
    ...zooKeeperCounters(context),
    ...latencies(context).map(([name, latency, help]) => latencySummary(name, help, latency)),
    ...raftMetrics(context),
    ...processMetrics(),
  ]);
}

function zooKeeperGauges(context: AdminContext): Metric[] {
  const { stats, tree, member, settings } = context;
  const { followers, configuration } = member.status;
  const { latency } = stats;
  const metrics = [
    gauge("avg_latency", "Mean time from request to reply, in milliseconds", latency.average),
    gauge("max_latency", "Longest time from request to reply, in milliseconds", latency.max),
    gauge("min_latency", "Shortest time from request to reply, in milliseconds", latency.min),
    gauge("packets_received", "Requests received from clients", stats.packetsReceived),
    gauge("packets_sent", "Replies and notifications sent to clients", stats.packetsSent),
    gauge("num_alive_connections", "Connections of clients", stats.connectionCount),
    gauge("outstanding_requests", "Requests taken and not yet answered", stats.outstanding),
    gauge("uptime", "Milliseconds since this member started", context.wall() - settings.startedAt),
    gauge("znode_count", "Nodes of the tree", tree.nodeCount),
    gauge("watch_count", "Watches set on this member", stats.watches.size),
    gauge("ephemerals_count", "Ephemeral nodes of the tree", tree.ephemeralCount),
    gauge("approximate_data_size", "Bytes of paths and data in the tree", tree.approximateDataSize),
    gauge("global_sessions", "Sessions that every member knows", tree.sessionCount),
    gauge("local_sessions", "Sessions that only this member knows", stats.localSessions),
    gauge("auth_failed_count", "Times that a client failed to prove who it is", stats.authFailures),
    gauge("quorum_size", "Members that vote", configuration.members.filter(({ role }) => role === "voter").length),
  ];
  const open = openDescriptors();
  if (open !== null) metrics.push(gauge("open_file_descriptor_count", "Open file descriptors", open));
  const limit = descriptorLimit();
  if (limit !== null) metrics.push(gauge("max_file_descriptor_count", "The most that may be open", limit));
  if (member.status.role !== "leader" || settings.standalone) return metrics;
  const voters = new Set(configuration.members.filter(({ role }) => role === "voter").map(({ id }) => id));
  const active = followers.filter((follower) => follower.active);
  return [
    ...metrics,
    gauge("learners", "Members that follow this leader", active.length),
    gauge("synced_followers", "Followers that vote", active.filter(({ id }) => voters.has(id)).length),
    gauge("synced_observers", "Followers that do not vote", active.filter(({ id }) => !voters.has(id)).length),
    gauge("pending_syncs", "Entries of the log that wait for a majority", pendingEntries(context)),
  ];
}

function zooKeeperCounters({ stats }: AdminContext): Metric[] {
  let total = 0;
  const operations: Metric[] = [];
  for (const [operation, count] of stats.requests) {
    total += count;
    const name = operation.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
    operations.push(counter(`op_count_${name}`, `Requests of the kind ${operation}`, count));
  }
  return [
    counter("bytes_received_count", "Bytes received from clients", stats.bytesReceived),
    counter("response_bytes", "Bytes sent to clients", stats.bytesSent),
    counter(
      "connection_rejected",
      "Connections turned away: limits, or a handshake that never came",
      stats.connectionsRejected,
    ),
    counter("connection_drop_count", "Connections ended by this member", stats.connectionsDropped),
    counter("op_count_total", "Requests of every kind", total),
    ...operations,
  ];
}

function latencies({ stats }: AdminContext): readonly (readonly [name: string, LatencyStats, help: string])[] {
  return [
    ["readlatency", stats.readLatency, "Milliseconds from a read's request to its reply"],
    ["updatelatency", stats.writeLatency, "Milliseconds from a write's request to its reply"],
  ];
}

function latencySummary(name: string, help: string, latency: LatencyStats): Metric {
  const samples = [
    { suffix: "_count", value: latency.count },
    { suffix: "_sum", value: latency.average * latency.count },
  ];
  return { name, kind: "summary", help, samples };
}

function raftMetrics(context: AdminContext): Metric[] {
  const { member, storage } = context;
  const { status } = member;
  const { commitIndex, appliedIndex } = status;
  const metrics: Metric[] = [
    {
      name: "cabildo_build_info",
      kind: "gauge",
      help: "Always 1; the labels say which version this is",
      samples: [{ value: 1, labels: { version: CABILDO_VERSION, zookeeper: FULL_VERSION.split("-")[0]! } }],
    },
    gauge("etcd_server_has_leader", "Whether a leader is known and heard from", status.hasQuorum ? 1 : 0),
    gauge("etcd_server_is_leader", "Whether this member leads", status.role === "leader" ? 1 : 0),
    gauge("etcd_server_is_learner", "Whether this member follows without a vote", status.role === "observer" ? 1 : 0),
    counter("etcd_server_leader_changes_seen_total", "Times that another leader was heard of", context.leaderChanges()),
    counter("etcd_server_proposals_committed_total", "Index of the last committed entry", commitIndex),
    counter("etcd_server_proposals_applied_total", "Index of the last applied entry", appliedIndex),
    gauge("etcd_server_proposals_pending", "Entries of the log that wait for a majority", pendingEntries(context)),
    gauge("cabildo_raft_term", "The current term", status.term),
    gauge("cabildo_raft_last_index", "Index of the last entry in this member's log", status.lastIndex),
    gauge("cabildo_raft_snapshot_index", "Index that the last snapshot stands for", status.snapshotIndex),
    gauge("cabildo_log_bytes", "Bytes of the log on disk", status.logBytes),
    gauge("cabildo_snapshot_bytes", "Bytes of the snapshots on disk", storage.snapshotBytes),
    gauge("cabildo_disk_full", "Whether writes are refused for want of room", status.diskFull ? 1 : 0),
  ];
  if (status.followers.length > 0) {
    metrics.push({
      name: "cabildo_raft_follower_lag",
      kind: "gauge",
      help: "Entries that a follower has yet to receive",
      samples: status.followers.map(({ id, matchIndex }) => ({
        value: Math.max(0, status.lastIndex - matchIndex),
        labels: { member: String(id) },
      })),
    });
  }
  const { syncDurations } = storage;
  if (syncDurations !== null) {
    const { bounds, counts, sum } = syncDurations;
    let total = 0;
    const buckets = counts.map((count, position) => {
      total += count;
      const le = position < bounds.length ? String(bounds[position]) : "+Inf";
      return { suffix: "_bucket", labels: { le }, value: total };
    });
    const samples = [...buckets, { suffix: "_sum", value: sum }, { suffix: "_count", value: total }];
    const help = "Seconds that each sync of the log to the disk took";
    metrics.push({ name: "etcd_disk_wal_fsync_duration_seconds", kind: "histogram", help, samples });
  }
  return metrics;
}

function pendingEntries({ member: { status } }: AdminContext): number {
  return Math.max(0, status.lastIndex - status.commitIndex);
}
