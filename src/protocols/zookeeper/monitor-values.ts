// What is measured, as ZooKeeper's `mntr` and admin command `monitor` show it.

import { FULL_VERSION } from "./admin-about.ts";
import { type AdminContext, double, modeOf, peerStateOf } from "./admin-context.ts";
import { zooKeeperCounters, zooKeeperGauges, zooKeeperSummaries } from "./metrics-zookeeper.ts";

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
