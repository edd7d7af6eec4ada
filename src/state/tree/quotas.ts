// Quotas: how many nodes and bytes a subtree may have. For the quota of /a, /zookeeper/quota/a/zookeeper_limits holds
// what clients ask for and /zookeeper/quota/a/zookeeper_stats what is there, kept up to date by every change below /a
// without telling anyone. The formats are ZooKeeper's (its StatsTrack): `count=5,bytes=100=;byteHardLimit=200`.
//
// Soft limits (`count`, `bytes`) only ask for a warning; hard ones refuse, where the serving member enforces quotas.

import type { Changes } from "./changes.ts";
import { descendants, QUOTA_PATH, type Tree } from "./tree.ts";
import type { Znode } from "./znode.ts";

const LIMITS = "/zookeeper_limits";
const STATISTICS = "/zookeeper_stats";

/** Takes note of a node that may be part of a quota; says which part it is. */
export function registerQuota(tree: Tree, node: Znode): "limits" | "statistics" | null {
  const part = partOf(node);
  if (part === "limits") tree.quotas.set(quotaPathOf(node, LIMITS), node);
  return part;
}

/** Without its limits a quota is none. */
export function unregisterQuota(tree: Tree, node: Znode): void {
  if (partOf(node) === "limits") tree.quotas.delete(quotaPathOf(node, LIMITS));
}

/** The statistics begin as what is there. */
export function recountQuota(changes: Changes, statistics: Znode): void {
  const top = changes.tree.node(quotaPathOf(statistics, STATISTICS));
  let count = 0;
  let bytes = 0;
  if (top !== undefined) {
    count++;
    bytes += top.dataLength;
    for (const node of descendants(top)) {
      count++;
      bytes += node.dataLength;
    }
  }
  changes.setDataSilently(statistics, `count=${count},bytes=${bytes}`);
}

/** Brings the statistics of the nearest quota above a node up to date. */
export function chargeQuota(changes: Changes, node: Znode, bytes: number, count: number): void {
  const limited = limitedPath(changes.tree, node.path, node);
  const statistics = limited === null ? undefined : changes.tree.node(QUOTA_PATH + limited + STATISTICS);
  if (statistics === undefined) return;
  const track = parseTrack(statistics.data);
  track.set("count", (track.get("count") ?? -1) + count);
  track.set("bytes", (track.get("bytes") ?? -1) + bytes);
  changes.setDataSilently(statistics, formatTrack(track));
}

/** Whether a hard limit forbids that much more at a path, whose node or parent is `near`. */
export function exceedsQuota(tree: Tree, path: string, near: Znode, bytes: number, count: number): boolean {
  const limited = limitedPath(tree, path, near);
  const limits = limited === null ? undefined : tree.quotas.get(limited);
  if (limits === undefined) return false;
  const limit = parseTrack(limits.data);
  const countLimit = limit.get("countHardLimit") ?? -1;
  const byteLimit = limit.get("byteHardLimit") ?? -1;
  const checksCount = count !== 0 && countLimit > -1;
  const checksBytes = bytes !== 0 && byteLimit > -1;
  if (!checksCount && !checksBytes) return false;
  const statistics = tree.node(QUOTA_PATH + limited + STATISTICS);
  if (statistics === undefined) return false;
  const track = parseTrack(statistics.data);
  return (
    (checksCount && (track.get("count") ?? -1) + count > countLimit) ||
    (checksBytes && (track.get("bytes") ?? -1) + bytes > byteLimit)
  );
}

/** The nearest path with a quota, from `path` upwards; the root has none. */
function limitedPath(tree: Tree, path: string, near: Znode): string | null {
  if (tree.quotas.size === 0) return null;
  if (tree.quotas.has(path)) return path;
  for (let node: Znode | null = near; node !== null; node = node.parent) {
    if (tree.quotas.has(node.path)) return node.path;
  }
  return null;
}

function partOf(node: Znode): "limits" | "statistics" | null {
  const { path } = node;
  if (path.charCodeAt(1) !== 0x7a || !path.startsWith(`${QUOTA_PATH}/`)) return null; // most paths end here, at their "z"
  if (path.endsWith(LIMITS) && path.length > QUOTA_PATH.length + LIMITS.length) return "limits";
  return path.endsWith(STATISTICS) && path.length > QUOTA_PATH.length + STATISTICS.length ? "statistics" : null;
}

function quotaPathOf(node: Znode, part: string): string {
  return node.path.slice(QUOTA_PATH.length, -part.length);
}

/** `key=number` pairs between commas or semicolons; what is not one is left out. */
function parseTrack(data: string | null): Map<string, number> {
  const track = new Map<string, number>();
  for (const pair of (data ?? "").split(/[,;]+/)) {
    const [key, value] = pair.split("=");
    if (key === undefined || value === undefined) continue;
    if (value === "") track.set(key, -1);
    else if (/^[+-]?\d{1,19}$/.test(value)) track.set(key, Number(value));
  }
  return track;
}

/** Count and bytes first; the `=` after them keeps ZooKeeper's older parsers from stumbling over the rest. */
function formatTrack(track: Map<string, number>): string {
  const others = [...track.keys()].filter((key) => key !== "count" && key !== "bytes").sort();
  const first = `count=${track.get("count") ?? -1},bytes=${track.get("bytes") ?? -1}`;
  return others.length === 0 ? first : `${first}=${others.map((key) => `;${key}=${track.get(key)}`).join("")}`;
}
