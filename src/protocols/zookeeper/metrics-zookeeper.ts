// What ZooKeeper's monitoring names and this server has: gauges, counters and summaries, each of the type that ZooKeeper
// gives it. Names without a counterpart stand in docs/zookeeper.md; a test compares both with ZooKeeper's own server.

import { counter, gauge, type Metric } from "../../base/metrics.ts";
import type { SummaryFacts } from "../../base/summary.ts";
import type { MemberRecord } from "../../consensus/raft/types.ts";
import { memberDescribed } from "../../state/membership/description.ts";
import type { AdminContext } from "./admin-context.ts";
import type { ServerStats } from "./stats.ts";

/** A summary of ZooKeeper's. Its detailed ones tell three quantiles, the others the median alone. */
export interface NamedSummary {
  readonly name: string;
  readonly help: string;
  readonly facts: SummaryFacts;
  readonly isDetailed: boolean;
}

/** All of it, as Prometheus has it. */
export function zooKeeperMetrics(context: AdminContext): readonly Metric[] {
  return [
    ...zooKeeperGauges(context),
    ...zooKeeperCounters(context),
    ...zooKeeperSummaries(context).map(summaryMetric),
  ];
}

export function zooKeeperGauges(context: AdminContext): Metric[] {
  const { stats, tree, member, settings } = context;
  const { configuration } = member.status;
  const { latency } = stats;
  const uncertified = withoutCertificate(stats);
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
    gauge("non_mtls_local_conn_count", "Connections from this machine without a certificate", uncertified.local),
    gauge("non_mtls_remote_conn_count", "Connections from other machines without a certificate", uncertified.remote),
    gauge("quorum_size", "Members that vote", configuration.members.filter(({ role }) => role === "voter").length),
  ];
  const open = context.descriptors.open();
  if (open !== null) metrics.push(gauge("open_file_descriptor_count", "Open file descriptors", open));
  const limit = context.descriptors.limit();
  if (limit !== null) metrics.push(gauge("max_file_descriptor_count", "The most that may be open", limit));
  if (settings.standalone) return metrics;
  const observers = gauge(
    "synced_observers",
    "Followers of this leader that never vote",
    followersOf(context).observer,
  );
  return [...metrics, observers, ...(member.status.role === "leader" ? leaderGauges(context) : [])];
}

function leaderGauges(context: AdminContext): Metric[] {
  const { member } = context;
  const { last, min, max } = member.proposals;
  const { voter, observer, joining } = followersOf(context);
  return [
    gauge("learners", "Members that follow this leader", voter + observer + joining),
    gauge("synced_followers", "Followers that vote", voter),
    gauge("synced_non_voting_followers", "Followers that do not vote yet", joining),
    gauge("pending_syncs", "Entries of the log that wait for a majority", pendingEntries(context)),
    gauge("leader_uptime", "Milliseconds for which this member has led", member.stats.leadingMs ?? 0),
    gauge("last_proposal_size", "Bytes of the last entry proposed; -1: none yet", last),
    gauge("min_proposal_size", "Bytes of the smallest entry proposed; -1: none yet", min),
    gauge("max_proposal_size", "Bytes of the largest entry proposed; -1: none yet", max),
  ];
}

type FollowerRole = "voter" | "observer" | "joining";

/** How many that the leader hears from; none where another leads. */
function followersOf({ member }: AdminContext): Readonly<Record<FollowerRole, number>> {
  const { followers, configuration } = member.status;
  const roles = new Map(configuration.members.map((record) => [record.id, roleOf(record)]));
  const counts = { voter: 0, observer: 0, joining: 0 };
  for (const { id, active } of followers) if (active) counts[roles.get(id) ?? "joining"] += 1;
  return counts;
}

function roleOf({ id, role, description }: MemberRecord): FollowerRole {
  if (role === "voter") return "voter";
  return memberDescribed(id, description).wantedRole === "learner" ? "observer" : "joining";
}

function withoutCertificate({ connections }: ServerStats): { readonly local: number; readonly remote: number } {
  let [local, remote] = [0, 0];
  for (const { identities, remoteAddress } of connections) {
    if (identities.some(({ scheme }) => scheme === "x509")) continue;
    if (remoteAddress === "::1" || remoteAddress.startsWith("127.")) local += 1;
    else remote += 1;
  }
  return { local, remote };
}

export function zooKeeperCounters({ stats, member }: AdminContext): Metric[] {
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
    counter("connection_request_count", "Handshakes of clients", stats.handshakes),
    counter("connection_revalidate_count", "Handshakes that ask for a session again", stats.reattachments),
    counter(
      "cnxn_closed_without_zk_server_running",
      "Connections closed for want of a quorum",
      stats.closedWithoutQuorum,
    ),
    counter(
      "sessionless_connections_expired",
      "Connections on which no handshake came in time",
      stats.closedWithoutHandshake,
    ),
    counter("unsuccessful_handshake", "TLS handshakes that failed", stats.tlsFailures),
    counter("watch_bytes", "Bytes of notifications of watches", stats.watches.notifiedBytes),
    counter("looking_count", "Times that this member knew no leader", member.stats.elections),
    counter("proposal_count", "Entries that this member proposed as the leader", member.stats.proposals),
    counter("commit_count", "Entries committed while this member led", member.stats.commits),
    counter("learner_proposal_received_count", "Entries that came from another leader", member.stats.proposalsReceived),
    counter("learner_commit_received_count", "Entries committed by another leader", member.stats.commitsReceived),
    counter("snap_count", "Snapshots sent to followers", member.stats.snapshotsSent),
    counter("stale_sessions_expired", "Sessions that this member ended as the leader", member.stats.sessionsExpired),
    counter("op_count_total", "Requests of every kind", total),
    ...operations,
  ];
}

export function zooKeeperSummaries({ stats, member, storage }: AdminContext): readonly NamedSummary[] {
  const of = (isDetailed: boolean) => (name: string, facts: SummaryFacts, help: string) => ({
    name,
    help,
    facts,
    isDetailed,
  });
  const [detailed, brief] = [of(true), of(false)];
  const { told } = stats.watches;
  const measured = member.stats;
  const summaries = [
    detailed("readlatency", stats.readLatency, "Milliseconds from a read's request to its reply"),
    detailed("updatelatency", stats.writeLatency, "Milliseconds from a write's request to its reply"),
    detailed("quorum_ack_latency", measured.quorumAckLatency, "Milliseconds from proposal to commitment"),
    detailed("propagation_latency", measured.propagationLatency, "Milliseconds from proposal to application here"),
    brief("election_time", measured.electionTime, "Milliseconds without a known leader"),
    brief("unavailable_time", measured.unavailableTime, "Milliseconds without a quorum"),
    brief("leader_unavailable_time", measured.leaderUnavailableTime, "Milliseconds without a quorum, until this led"),
    brief("snapshottime", measured.snapshotTime, "Milliseconds to take a snapshot"),
    brief("startup_snap_load_time", measured.restoreTime, "Milliseconds to restore the state from a snapshot"),
    brief("dbinittime", measured.restoreTime, "Milliseconds to restore the state from a snapshot"),
    brief("node_created_watch_count", told.created, "Watchers told of a node's creation"),
    brief("node_deleted_watch_count", told.deleted, "Watchers told of a node's deletion"),
    brief("node_changed_watch_count", told["data-changed"], "Watchers told of a change of data"),
    brief("node_children_watch_count", told["children-changed"], "Watchers told of a change of children"),
  ];
  const fsync = storage.syncDurations?.milliseconds;
  if (fsync !== undefined) summaries.push(brief("fsynctime", fsync, "Milliseconds of each sync of the log"));
  return summaries;
}

function summaryMetric({ name, help, facts, isDetailed }: NamedSummary): Metric {
  const quantiles = (isDetailed ? [0.5, 0.9, 0.99] : [0.5]).map((share) => ({
    labels: { quantile: String(share) },
    value: facts.quantile(share),
  }));
  const totals = [
    { suffix: "_count", value: facts.count },
    { suffix: "_sum", value: facts.sum },
  ];
  return { name, kind: "summary", help, samples: [...quantiles, ...totals] };
}

function pendingEntries({ member: { status } }: AdminContext): number {
  return Math.max(0, status.lastIndex - status.commitIndex);
}
