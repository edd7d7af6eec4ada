// Quotas: how many nodes and bytes a subtree may have. For the quota of /a, /zookeeper/quota/a/zookeeper_limits holds
// what clients ask for and /zookeeper/quota/a/zookeeper_stats what is there, kept up to date by every change below /a
// without telling anyone. The formats are ZooKeeper's (its StatsTrack): `count=5,bytes=100=;byteHardLimit=200`.
//
// Soft limits (`count`, `bytes`) only ask for a warning; hard ones refuse, where the serving member enforces quotas.
//
// Everyone may write below /zookeeper/quota, as in ZooKeeper, and every write below a quota reads its two texts: so these are short.

import { isNumber } from "../../base/scan.ts";
import type { Changes } from "./changes.ts";
import { QUOTA_TEXT_BYTES_MAX } from "./limits.ts";
import { QUOTA_PATH, type Tree } from "./tree.ts";
import type { Znode } from "./znode.ts";

const LIMITS = "/zookeeper_limits";
const STATISTICS = "/zookeeper_stats";

/** Statistics grow by what is counted, and gain a `-1` for each key without a number: a text that was taken stays within this. */
const TEXT_BYTES_PARSED_MAX = 4 * QUOTA_TEXT_BYTES_MAX;

/** Whether data of this length is no quota's text, although the path is a quota's. */
export function exceedsQuotaText(path: string, dataLength: number): boolean {
  return dataLength > QUOTA_TEXT_BYTES_MAX && partOf(path) !== null;
}

/** Takes note of a node that may be part of a quota; says which part it is. */
export function registerQuota(tree: Tree, node: Znode): "limits" | "statistics" | null {
  const part = partOf(node.path);
  if (part === "limits") tree.quotas.set(quotaPathOf(node, LIMITS), node);
  return part;
}

/** Without its limits a quota is none. */
export function unregisterQuota(tree: Tree, node: Znode): void {
  if (partOf(node.path) === "limits") tree.quotas.delete(quotaPathOf(node, LIMITS));
}

/** The statistics begin as what is there. */
export function recountQuota(changes: Changes, statistics: Znode): void {
  const top = changes.tree.node(quotaPathOf(statistics, STATISTICS));
  const count = top === undefined ? 0 : 1 + (top.directory?.below ?? 0);
  const bytes = top === undefined ? 0 : top.dataLength + (top.directory?.belowBytes ?? 0);
  changes.setDataSilently(statistics, `count=${count},bytes=${bytes}`);
}

/** Brings the statistics of the nearest quota above a node up to date. */
export function chargeQuota(changes: Changes, node: Znode, bytes: number, count: number): void {
  const limited = changes.tree.quotas.nearest(node);
  const statistics = limited === null ? undefined : changes.tree.node(QUOTA_PATH + limited + STATISTICS);
  if (statistics === undefined) return;
  const track = parseTrack(statistics);
  track.set("count", (track.get("count") ?? -1) + count);
  track.set("bytes", (track.get("bytes") ?? -1) + bytes);
  changes.setDataSilently(statistics, formatTrack(track));
}

/** Whether a hard limit forbids that much more at a path, whose node or parent is `near`. */
export function exceedsQuota(tree: Tree, path: string, near: Znode, bytes: number, count: number): boolean {
  if (tree.quotas.size === 0) return false;
  const limited = tree.quotas.get(path) === undefined ? tree.quotas.nearest(near) : path;
  const limits = limited === null ? undefined : tree.quotas.get(limited);
  if (limits === undefined) return false;
  const limit = parseTrack(limits);
  const countLimit = limit.get("countHardLimit") ?? -1;
  const byteLimit = limit.get("byteHardLimit") ?? -1;
  const checksCount = count !== 0 && countLimit > -1;
  const checksBytes = bytes !== 0 && byteLimit > -1;
  if (!checksCount && !checksBytes) return false;
  const statistics = tree.node(QUOTA_PATH + limited + STATISTICS);
  if (statistics === undefined) return false;
  const track = parseTrack(statistics);
  return (
    (checksCount && (track.get("count") ?? -1) + count > countLimit) ||
    (checksBytes && (track.get("bytes") ?? -1) + bytes > byteLimit)
  );
}

function partOf(path: string): "limits" | "statistics" | null {
  if (path.charCodeAt(1) !== 0x7a || !path.startsWith(`${QUOTA_PATH}/`)) return null; // most paths end here, at their "z"
  if (path.endsWith(LIMITS) && path.length > QUOTA_PATH.length + LIMITS.length) return "limits";
  return path.endsWith(STATISTICS) && path.length > QUOTA_PATH.length + STATISTICS.length ? "statistics" : null;
}

function quotaPathOf(node: Znode, part: string): string {
  return node.path.slice(QUOTA_PATH.length, -part.length);
}

/** `key=number` pairs between commas or semicolons; what is not one is left out. A text that is too long says nothing. */
function parseTrack(node: Znode): Map<string, number> {
  const track = new Map<string, number>();
  if (node.dataLength > TEXT_BYTES_PARSED_MAX) return track;
  for (const pair of (node.data ?? "").replaceAll(";", ",").split(",")) {
    const [key, value] = pair.split("=");
    if (key === undefined || value === undefined) continue;
    if (value === "") track.set(key, -1);
    else if (isNumber(value, 19)) track.set(key, Number(value));
  }
  return track;
}

/** Count and bytes first; the `=` after them keeps ZooKeeper's older parsers from stumbling over the rest. */
function formatTrack(track: Map<string, number>): string {
  const others = [...track.keys()].filter((key) => key !== "count" && key !== "bytes").sort();
  const first = `count=${track.get("count") ?? -1},bytes=${track.get("bytes") ?? -1}`;
  return others.length === 0 ? first : `${first}=${others.map((key) => `;${key}=${track.get(key)}`).join("")}`;
}
