// What a member's operators see of it: its settings and its storage, as the words, the admin commands and the metrics tell.

import { hostname } from "node:os";
import {
  type AdminContext,
  type AdminSettings,
  adminContext,
  type StorageFacts,
} from "../protocols/zookeeper/admin-context.ts";
import type { ServerStats } from "../protocols/zookeeper/stats.ts";
import type { OpenedStorage } from "../replica/ports.ts";
import type { Replica } from "../replica/replica.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";
import { authOptions } from "./zookeeper-options.ts";

export function operatorsView(
  configuration: ServerConfiguration,
  replica: Replica,
  storage: OpenedStorage,
  stats: ServerStats,
): AdminContext {
  return adminContext({
    member: replica,
    stats,
    storage: storageFacts(replica, storage),
    settings: adminSettings(configuration),
    wall: Date.now,
  });
}

function storageFacts(replica: Replica, { log, snapshots }: OpenedStorage): StorageFacts {
  return {
    get snapshotBytes() {
      return snapshots.size;
    },
    get logBytes() {
      return log.size;
    },
    get lastSnapshot() {
      return replica.lastSnapshot;
    },
    takeSnapshot: async () => {
      const { index, sequence: zxid } = await replica.takeSnapshotNow();
      const size = snapshots.sizeOf(index) ?? 0;
      return { zxid, size, chunks: snapshots.stream(index) };
    },
    syncDurations: log.syncDurations,
  };
}

function adminSettings(configuration: ServerConfiguration): AdminSettings {
  const { client, limits, admin, given } = configuration;
  const number = (key: string): number | null => {
    const text = given.find((setting) => setting.key === key)?.value;
    return text === undefined ? null : Number(text);
  };
  const open = given.filter(({ key }) => !SECRET.test(key));
  return {
    standalone: configuration.mode === "standalone",
    clientPort: client.plain?.port ?? -1,
    secureClientPort: client.secure?.port ?? -1,
    dataDir: configuration.dataDir,
    logDir: configuration.logDir,
    tickMs: configuration.tickMs,
    connectionsPerAddressMax: limits.connectionsPerAddressMax,
    sessionTimeoutMinMs: configuration.sessionTimeoutMinMs,
    sessionTimeoutMaxMs: configuration.sessionTimeoutMaxMs,
    backlog: client.backlog ?? -1,
    initLimit: number("initLimit"),
    syncLimit: number("syncLimit"),
    startedAt: Date.now(),
    initialConfiguration: open.map(({ key, value }) => `${key}=${value}\n`).join(""),
    properties: open.map(({ key, value }) => [key, value] as const),
    words: configuration.words,
    commandUrl: admin.commandUrl,
    snapshotEnabled: admin.snapshotEnabled,
    rateLimitMs: admin.rateLimitMs,
    hosts: hostNames(configuration),
    auth: authOptions(configuration),
  };
}

/** What an operator may call this member by, as far as the settings and the machine tell. */
function hostNames({ admin, metrics, client, members }: ServerConfiguration): readonly string[] | "all" {
  if (admin.allowedHosts.includes("*")) return "all";
  const listening = [admin.listen, metrics.listen, client.plain, client.secure].flatMap((each) => each?.host ?? []);
  const peers = members.flatMap(({ addresses }) => addresses.map(({ host }) => host));
  return [...new Set([...admin.allowedHosts, ...listening, ...peers, hostname()])];
}

/** Settings that are never told to anyone. */
const SECRET = /passw|secret|superdigest|jaas|auth\.login/i;
