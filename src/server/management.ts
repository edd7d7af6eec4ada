// The management of one member, wired from its configuration: which doors it shows, and where it listens.

import { hostname } from "node:os";
import type { Logger } from "../base/logger.ts";
import type { EventFeed } from "../management/event-feed.ts";
import { type HttpServer, startManagementServer, startMetricsServer } from "../management/http-server.ts";
import { Management } from "../management/management.ts";
import type { OperatorPages } from "../management/operator-pages.ts";
import type { StorageFacts } from "../protocols/about-member.ts";
import type { ReplicaPort } from "../replica/replica-port.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";
import type { OpenDoor } from "./open-door.ts";

interface ShownParts {
  readonly doors: readonly OpenDoor[];
  readonly events: EventFeed;
  /** Null: operators have nothing to ask for. */
  readonly operator: OperatorPages | null;
}

export function managementOf(
  configuration: ServerConfiguration,
  member: ReplicaPort,
  storage: StorageFacts,
  { doors, events, operator }: ShownParts,
): Management {
  return new Management({
    member,
    mode: configuration.mode,
    doors,
    events,
    storage,
    hosts: hostNames(configuration),
    operator,
    wall: Date.now,
  });
}

/** Those that could be opened. */
export async function openManagement(
  management: Management,
  { admin, metrics }: ServerConfiguration,
  log: Logger,
): Promise<readonly HttpServer[]> {
  const { listen, idleTimeoutMs } = admin;
  const servers = [
    listen === null ? null : await startManagementServer(management, { ...listen, idleTimeoutMs }, log),
    metrics.listen === null ? null : await startMetricsServer(management, metrics.listen, log),
  ];
  return servers.filter((server) => server !== null);
}

/** What an operator may call this member by, as far as the settings and the machine tell. */
function hostNames({ admin, metrics, doors, members }: ServerConfiguration): readonly string[] | "all" {
  if (admin.allowedHosts.includes("*")) return "all";
  const clients = doors.flatMap(({ listen }) => [listen.plain, listen.secure]);
  const listening = [admin.listen, metrics.listen, ...clients].flatMap((each) => each?.host ?? []);
  const peers = members.flatMap(({ addresses }) => addresses.map(({ host }) => host));
  return [...new Set([...admin.allowedHosts, ...listening, ...peers, hostname()])];
}
