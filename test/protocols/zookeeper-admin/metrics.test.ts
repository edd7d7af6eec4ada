import assert from "node:assert/strict";
import { test } from "node:test";
import { EventLoopDelay } from "../../../src/management/process-metrics.ts";
import { prometheusText as exposition } from "../../../src/management/prometheus-text.ts";
import type { AdminContext } from "../../../src/protocols/zookeeper/admin-context.ts";
import { monitorValues } from "../../../src/protocols/zookeeper/monitor-values.ts";
import { contextOf, managementOf } from "./fakes.ts";

const delay = new EventLoopDelay();
const log = { info() {}, warn() {}, error() {} };
const prometheusText = (context: AdminContext): string => managementOf(context, log).metricsText(delay);

test("the text is what Prometheus reads: a help and a type for each name, once, then its samples", () => {
  const lines = prometheusText(contextOf()).trimEnd().split("\n");
  const typed = new Set<string>();
  let current = "";
  for (const line of lines) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \S/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|summary|histogram)$/.exec(line);
    const sample =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)+\})? (-?[\d.e+-]+|NaN|[+-]Inf)$/.exec(line);
    if (help) {
      assert.ok(!typed.has(help[1]!), `${help[1]} twice`);
      current = help[1]!;
    } else if (type) {
      assert.equal(type[1], current);
      typed.add(current);
    } else {
      assert.ok(sample, `not a sample: ${line}`);
      assert.ok(sample[1]!.startsWith(current), `${line} under ${current}`);
    }
  }
  assert.ok(typed.size > 40);
});

test("ZooKeeper's names, Raft's and Node's have the member's numbers", () => {
  const text = prometheusText(contextOf());
  const expected = [
    "znode_count 5",
    "outstanding_requests 2",
    "synced_followers 1",
    "readlatency_count 3",
    'readlatency{quantile="0.99"} 3.5625',
    'updatelatency{quantile="0.5"} NaN',
    "election_time_count 2",
    "election_time_sum 1000",
    "leader_unavailable_time_sum 750",
    "leader_uptime 1000",
    'quorum_ack_latency{quantile="0.9"} 4',
    "propagation_latency_sum 5",
    'fsynctime{quantile="0.5"} 0.515625',
    "fsynctime_sum 49.5",
    "proposal_count 3",
    "commit_count 3",
    "max_proposal_size 4000",
    "connection_request_count 8",
    "non_mtls_local_conn_count 1",
    "non_mtls_remote_conn_count 0",
    "synced_observers 1",
    "synced_non_voting_followers 0",
    "etcd_server_has_leader 1",
    "etcd_server_is_leader 1",
    "etcd_server_leader_changes_seen_total 4",
    "etcd_server_proposals_committed_total 100",
    "etcd_server_proposals_applied_total 99",
    "etcd_server_proposals_pending 2",
    'cabildo_raft_follower_lag{member="3"} 12',
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 3',
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.01"} 5',
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} 6',
    "etcd_disk_wal_fsync_duration_seconds_count 6",
  ];
  for (const line of expected) assert.ok(text.includes(`\n${line}\n`), line);
  for (const name of [
    "nodejs_eventloop_lag_p99_seconds",
    "nodejs_heap_size_used_bytes",
    "nodejs_active_resources_total",
  ]) {
    assert.match(text, new RegExp(`\n${name} \\d`), name);
  }
});

test("without a leader the alert for it fires", () => {
  assert.match(
    prometheusText(contextOf({ status: { hasQuorum: false, leader: null } })),
    /\netcd_server_has_leader 0\n/,
  );
});

test("what ZooKeeper's own alert rules ask for is there", () => {
  const text = prometheusText(contextOf());
  // Of the example in ZooKeeper's monitoring guide; `up` is Prometheus's own.
  const asked = `znode_count num_alive_connections approximate_data_size watch_count election_time_count fsynctime_sum
    open_file_descriptor_count snapshottime_sum avg_latency outstanding_requests ephemerals_count
    jvm_memory_bytes_used{area="heap"} jvm_memory_bytes_max{area="heap"}`;
  for (const name of asked.split(/\s+/)) assert.ok(text.includes(`\n${name} `), name);
});

test("mntr has the percentiles of ZooKeeper's detailed summaries, and of the others none", () => {
  const values = new Map(monitorValues(contextOf()));
  assert.equal(values.get("p50_readlatency"), "1");
  assert.equal(values.get("p999_readlatency"), "4");
  assert.equal(values.get("p99_updatelatency"), "0");
  assert.equal(values.get("cnt_election_time"), "2");
  assert.equal(values.get("avg_election_time"), "500.0");
  assert.equal(values.get("max_fsynctime"), "40");
  assert.ok(!values.has("p50_fsynctime"));
});

test("labels and helps cannot break out of their line", () => {
  const text = exposition([
    { name: "x", kind: "gauge", help: "a\nb\\", samples: [{ value: Number.NaN, labels: { l: 'q"\\\n' } }] },
  ]);
  assert.equal(text, '# HELP x a\\nb\\\\\n# TYPE x gauge\nx{l="q\\"\\\\\\n"} NaN\n');
});
