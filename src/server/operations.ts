// What operators look at: the four-letter words' answers, the admin server, Prometheus's port.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isSnapshot } from "../adapters/storage/snapshots.ts";
import { startAdminServer, startMetricsServer } from "../protocols/zookeeper/admin.ts";
import { type AdminContext, adminContext, type StorageFacts } from "../protocols/zookeeper/admin-context.ts";
import { watchEventLoop } from "../protocols/zookeeper/metrics-process.ts";
import type { ServerStats } from "../protocols/zookeeper/stats.ts";
import type { Logger } from "../replica/logger.ts";
import type { Member } from "../replica/member.ts";
import { adminSettings } from "./admin-options.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";

export interface Operations {
  /** For `fourLetterWords`. */
  readonly context: AdminContext;
  close(): Promise<void>;
}

/** Ports that are taken are warned about, and done without. */
export async function openOperations(
  configuration: ServerConfiguration,
  member: Member,
  stats: ServerStats,
  log: Logger,
): Promise<Operations> {
  const { admin, metrics } = configuration;
  watchEventLoop();
  const context = adminContext({
    member,
    stats,
    storage: storageFacts(configuration.dataDir, member),
    settings: adminSettings(configuration, Date.now()),
    wall: Date.now,
  });
  const idle = { idleTimeoutMs: admin.idleTimeoutMs };
  const servers = await Promise.all([
    admin.listen === null ? null : startAdminServer(context, { ...admin.listen, ...idle }, log),
    metrics.listen === null ? null : startMetricsServer(context, { ...metrics.listen, ...idle }, log),
  ]);
  return {
    context,
    async close() {
      for (const server of servers) await server?.close();
    },
  };
}

/** Looked up when somebody asks: a handful of files. */
function storageFacts(dataDir: string, member: Member): StorageFacts {
  return {
    get snapshotBytes() {
      return snapshotFiles(dataDir).reduce((sum, { size }) => sum + size, 0);
    },
    get logBytes() {
      return member.status.logBytes;
    },
    get lastSnapshot() {
      const times = snapshotFiles(dataDir).map(({ time }) => time);
      return times.length === 0 ? null : { time: Math.max(...times) };
    },
    takeSnapshot: null,
    syncDurations: null,
  };
}

function snapshotFiles(dataDir: string): { readonly size: number; readonly time: number }[] {
  const found = [];
  try {
    for (const name of readdirSync(dataDir)) {
      if (!isSnapshot(name)) continue;
      const { size, mtimeMs } = statSync(join(dataDir, name));
      found.push({ size, time: Math.round(mtimeMs) });
    }
  } catch {
    // A snapshot may be purged while they are counted: what was counted will do.
  }
  return found;
}
