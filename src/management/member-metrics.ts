// Metrics of a member's log and of Raft: under etcd's names where etcd has them, otherwise as `cabildo_…`.

import { counter, gauge, type Metric } from "../base/metrics.ts";
import { CABILDO_VERSION } from "../base/version.ts";
import type { DurationHistogram } from "../replica/ports.ts";
import type { ReplicaPort } from "../replica/replica-port.ts";

export interface MemberMeasures {
  readonly member: ReplicaPort;
  /** Bytes of the snapshots on disk. */
  readonly snapshotBytes: number;
  /** How long each sync of the log took; null: not measured. */
  readonly syncDurations: DurationHistogram | null;
  /** How often another leader was heard of since this member started. */
  readonly leaderChanges: number;
}

export function memberMetrics({ member, snapshotBytes, syncDurations, leaderChanges }: MemberMeasures): Metric[] {
  const { status } = member;
  const { commitIndex, appliedIndex } = status;
  const metrics: Metric[] = [
    {
      name: "cabildo_build_info",
      kind: "gauge",
      help: "Always 1; the labels say which version this is",
      samples: [{ value: 1, labels: { version: CABILDO_VERSION } }],
    },
    gauge("etcd_server_has_leader", "Whether a leader is known and heard from", status.hasQuorum ? 1 : 0),
    gauge("etcd_server_is_leader", "Whether this member leads", status.role === "leader" ? 1 : 0),
    gauge("etcd_server_is_learner", "Whether this member follows without a vote", status.role === "observer" ? 1 : 0),
    counter("etcd_server_leader_changes_seen_total", "Times that another leader was heard of", leaderChanges),
    counter("etcd_server_proposals_committed_total", "Index of the last committed entry", commitIndex),
    counter("etcd_server_proposals_applied_total", "Index of the last applied entry", appliedIndex),
    gauge(
      "etcd_server_proposals_pending",
      "Entries of the log that wait for a majority",
      Math.max(0, status.lastIndex - commitIndex),
    ),
    gauge("cabildo_raft_term", "The current term", status.term),
    gauge("cabildo_raft_last_index", "Index of the last entry in this member's log", status.lastIndex),
    gauge("cabildo_raft_snapshot_index", "Index that the last snapshot stands for", status.snapshotIndex),
    gauge("cabildo_log_bytes", "Bytes of the log on disk", status.logBytes),
    gauge("cabildo_snapshot_bytes", "Bytes of the snapshots on disk", snapshotBytes),
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
