// A member as the operators' views see it, with numbers that a test chooses.

import type { Clock } from "../../../src/base/clock.ts";
import type { Logger } from "../../../src/base/logger.ts";
import { Summary } from "../../../src/base/summary.ts";
import { EventFeed } from "../../../src/management/event-feed.ts";
import { type HttpEndpoint, startManagementServer, startMetricsServer } from "../../../src/management/http-server.ts";
import { Management } from "../../../src/management/management.ts";
import { type AdminContext, type AdminSettings, TRACE_MASK } from "../../../src/protocols/zookeeper/admin-context.ts";
import { AdminPages } from "../../../src/protocols/zookeeper/admin-pages.ts";
import { zooKeeperMetrics } from "../../../src/protocols/zookeeper/metrics-zookeeper.ts";
import {
  type ConnectionStats,
  Latency,
  type ServerStats,
  type TrafficStats,
} from "../../../src/protocols/zookeeper/stats.ts";
import { type Watcher, Watches } from "../../../src/protocols/zookeeper/watches.ts";
import { ProposalSizes } from "../../../src/replica/proposal-sizes.ts";
import type { MemberStatus, ReplicaPort } from "../../../src/replica/replica-port.ts";
import { ReplicaStats } from "../../../src/replica/replica-stats.ts";
import { OPEN_ACL } from "../../../src/state/tree/acl.ts";
import { WatchMemory } from "../../../src/transport/watch-memory.ts";

export const NOW = 1_700_000_000_000;

function status(changes: Partial<MemberStatus> = {}): MemberStatus {
  const description = (id: number) => `10.0.0.${id}:2888:3888:participant;0.0.0.0:2181`;
  return {
    role: "leader",
    term: 7,
    leader: 1,
    hasQuorum: true,
    commitIndex: 100,
    appliedIndex: 99,
    lastIndex: 102,
    snapshotIndex: 50,
    logBytes: 4096,
    diskFull: false,
    configuration: {
      cluster: 1,
      outgoing: [],
      members: [
        { id: 1, role: "voter", incarnation: 1, description: description(1) },
        { id: 2, role: "voter", incarnation: 1, description: description(2) },
        { id: 3, role: "voter", incarnation: 1, description: description(3) },
        { id: 4, role: "learner", incarnation: 1, description: "10.0.0.4:2888:3888:observer;0.0.0.0:2181" },
      ],
    },
    followers: [
      { id: 2, matchIndex: 102, active: true },
      { id: 3, matchIndex: 90, active: false },
      { id: 4, matchIndex: 101, active: true },
    ],
    ...changes,
  };
}

export function traffic(changes: Partial<TrafficStats> = {}): TrafficStats {
  const latency = new Latency();
  for (const milliseconds of [0.4, 2.6, 9]) latency.add(milliseconds);
  return {
    packetsReceived: 12,
    packetsSent: 11,
    lastXid: 10,
    lastZxid: 0x2a,
    lastOperation: "GETD",
    lastResponseTime: NOW - 10,
    latency,
    reset() {},
    ...changes,
  };
}

export function connection(changes: Partial<ConnectionStats> = {}): ConnectionStats {
  return {
    remoteAddress: "127.0.0.1",
    remotePort: 40_000,
    secure: false,
    session: { id: 0x1000000000ab, timeoutMs: 10_000 },
    established: NOW - 5000,
    outstanding: 1,
    traffic: traffic(),
    reading: true,
    unsentBytes: 0,
    identities: [],
    close() {},
    ...changes,
  };
}

export interface FakeStats extends ServerStats {
  isServing: boolean;
  isReadOnly: boolean;
  resets: number;
}

export function stats(changes: Partial<FakeStats> = {}): FakeStats {
  const latency = new Latency();
  const readLatency = new Summary(() => 0);
  for (const milliseconds of [0.2, 1, 3.6]) {
    latency.add(milliseconds);
    readLatency.add(milliseconds);
  }
  return {
    packetsReceived: 120,
    packetsSent: 119,
    bytesReceived: 5000,
    bytesSent: 9000,
    latency,
    readLatency,
    writeLatency: new Summary(() => 0),
    outstanding: 2,
    connections: [connection()],
    connectionCount: 1,
    connectionsRejected: 0,
    connectionsDropped: 0,
    authFailures: 3,
    handshakes: 8,
    reattachments: 1,
    closedWithoutQuorum: 2,
    closedWithoutHandshake: 0,
    tlsFailures: 0,
    localSessions: 0,
    watches: new Watches(new WatchMemory(Number.POSITIVE_INFINITY)),
    isReadOnly: false,
    isServing: true,
    requests: new Map([
      ["create", 5],
      ["getData", 7],
    ]),
    resets: 0,
    reset() {
      this.resets += 1;
    },
    resetConnections() {},
    ...changes,
  };
}

const SETTINGS: AdminSettings = {
  standalone: false,
  clientPort: 2181,
  secureClientPort: -1,
  dataDir: "/data",
  logDir: "/log",
  tickMs: 2000,
  connectionsPerAddressMax: 60,
  sessionTimeoutMinMs: 4000,
  sessionTimeoutMaxMs: 40_000,
  backlog: -1,
  initLimit: 10,
  syncLimit: 5,
  startedAt: NOW - 60_000,
  initialConfiguration: "tickTime=2000\n",
  properties: [["tickTime", "2000"]],
  words: "all",
  commandUrl: "/commands",
  snapshotEnabled: true,
  rateLimitMs: 300_000,
  auth: { superDigest: "super:D/InIHSb7yEEbrWz8b9l71RjZJU=" },
};

interface Changes {
  readonly status?: Partial<MemberStatus>;
  readonly stats?: FakeStats;
  readonly settings?: Partial<AdminSettings>;
  readonly context?: Partial<AdminContext>;
}

export function contextOf(changes: Changes = {}): AdminContext & { readonly stats: FakeStats } {
  const proposals = new ProposalSizes();
  for (const bytes of [120, 80, 4000, 300]) proposals.note(bytes);
  const fsync = new Summary(() => 0);
  for (const milliseconds of [0.5, 0.5, 0.5, 4, 4, 40]) fsync.add(milliseconds);
  const listeners: (() => void)[] = [];
  const member = {
    id: 1,
    status: status(changes.status),
    machine: { sequence: 0x2a },
    proposals,
    stats: replicaStats(),
    listeners,
    onStatusChange: (listener: () => void) => void listeners.push(listener),
  } as unknown as ReplicaPort;
  return {
    member,
    tree: {
      nodeCount: 5,
      ephemeralCount: 2,
      approximateDataSize: 321,
      sessionCount: 2,
      sessions: () => [
        { id: 0xb2, timeoutMs: 10_000 },
        { id: 0xa1, timeoutMs: 4000 },
      ],
      ephemeralOwnerCount: 1,
      ephemerals: () => [[0xa1, ["/lock/a", "/lock/b\u00c3\u00b1"]]],
      rootAcl: () => OPEN_ACL,
    },
    storage: {
      snapshotBytes: 1000,
      logBytes: 4096,
      lastSnapshot: { sequence: 0x29, time: NOW - 1000 },
      takeSnapshot: null,
      syncDurations: { bounds: [0.001, 0.01], counts: [3, 2, 1], sum: 0.05, milliseconds: fsync },
    },
    descriptors: { open: () => 20, limit: () => 1024 },
    traceMask: TRACE_MASK,
    wall: () => NOW,
    ...changes.context,
    settings: { ...SETTINGS, ...changes.settings },
    stats: changes.stats ?? stats(),
  };
}

/** As of a member that found its leader within 250 ms, lost it, and leads for a second now. */
function replicaStats(): ReplicaStats {
  let now = 0;
  const clock: Clock = { now: () => now, wall: () => NOW - 2000 + now, defer() {}, after: () => () => {} };
  const stats = new ReplicaStats(clock);
  const elect = (milliseconds: number, isOwn: boolean): void => {
    stats.noteLeader(false, false);
    stats.noteQuorum(false);
    now += milliseconds;
    stats.noteLeader(true, isOwn);
    stats.noteQuorum(true);
  };
  elect(250, false);
  elect(750, true);
  stats.noteProposed(3);
  now += 4;
  stats.noteCommitted(3);
  stats.noteRoundCommitted();
  stats.noteApplied(clock.wall() - 5);
  stats.noteApplied(clock.wall() + 5); // the leader's clock is ahead
  now += 996;
  return stats;
}

export function watcher(sessionId: number): Watcher {
  return {
    sessionId,
    lastEvent: 0,
    mayRead: () => true,
    notify() {},
    fail() {},
    drop() {},
    isOpen: true,
    watchBytes: 0,
  };
}

/** The management of a member with one door of ZooKeeper's, whose leader has changed four times. */
export function managementOf(
  context: AdminContext,
  log: Logger,
  hosts: readonly string[] | "all" = ["zoo1.example"],
): Management {
  const door = {
    pages: new AdminPages(context, log),
    metrics: () => zooKeeperMetrics(context),
    report: () => {
      const { stats, tree } = context;
      const counts = { sessions: tree.sessionCount, watches: stats.watches.size, znodes: tree.nodeCount };
      const { connectionCount: connections, outstanding } = stats;
      return { serving: stats.isServing, readOnly: stats.isReadOnly, connections, outstanding, counts };
    },
  };
  const management = new Management({
    member: context.member,
    mode: context.settings.standalone ? "standalone" : "ensemble",
    doors: [{ name: "zookeeper", kind: "zookeeper", ports: ["*:2181"], door }],
    events: new EventFeed(context.wall),
    storage: context.storage,
    hosts,
    operator: null,
    wall: context.wall,
  });
  const member = context.member as unknown as { status: { leader: number | null }; listeners: (() => void)[] };
  const { leader } = member.status;
  for (const next of [8, 9, 8, leader]) {
    member.status.leader = next;
    for (const listener of member.listeners) listener();
  }
  return management;
}

export function startAdminServer(context: AdminContext, endpoint: HttpEndpoint, log: Logger) {
  return startManagementServer(managementOf(context, log), endpoint, log);
}

export function startMetrics(context: AdminContext, endpoint: HttpEndpoint, log: Logger) {
  return startMetricsServer(managementOf(context, log), endpoint, log);
}
