// What is measured, once: as ZooKeeper's `mntr` and admin command `monitor` show it, and as Prometheus reads it. Names
// are ZooKeeper's where ZooKeeper has them, etcd's for what Raft does, and those of Node's usual exporter for the process.

import { counter, exposition, gauge, type Metric } from "../../base/metrics.ts";
import { CABILDO_VERSION, FULL_VERSION } from "./admin-about.ts";
import { type AdminContext, double, modeOf, peerStateOf } from "./admin-context.ts";
import { processMetrics } from "./metrics-process.ts";
import {
  pendingEntries,
  zooKeeperCounters,
  zooKeeperGauges,
  zooKeeperMetrics,
  zooKeeperSummaries,
} from "./metrics-zookeeper.ts";

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
  for (const { name, facts, isDetailed } of zooKeeperSummaries(context)) {
    values.push(
      [`avg_${name}`, double(facts.average)],
      [`min_${name}`, String(Math.round(facts.min))],
      [`max_${name}`, String(Math.round(facts.max))],
      [`cnt_${name}`, String(facts.count)],
      [`sum_${name}`, String(Math.round(facts.sum))],
    );
    if (!isDetailed) continue;
    for (const [key, share] of PERCENTILES)
      values.push([`${key}_${name}`, String(Math.round(facts.quantile(share) || 0))]);
  }
  for (const { name, samples } of zooKeeperCounters(context)) values.push([name, String(samples[0]!.value)]);
  return values;
}

const PERCENTILES = [
  ["p50", 0.5],
  ["p95", 0.95],
  ["p99", 0.99],
  ["p999", 0.999],
] as const;

/** All of it, in Prometheus's text format. */
export function prometheusText(context: AdminContext): string {
  return exposition([...zooKeeperMetrics(context), ...raftMetrics(context), ...processMetrics()]);
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
