// A member's settings as its four-letter words, admin commands and metrics tell them; secrets stay here.

import type { AdminSettings } from "../protocols/zookeeper/admin-context.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";
import { formatServer } from "./configuration/servers.ts";
import { isSecret } from "./configuration/settings.ts";

export function adminSettings(configuration: ServerConfiguration, startedAt: number): AdminSettings {
  const { client, limits, admin, security, given } = configuration;
  const ticks = (key: string): number | null => {
    const found = given.find((setting) => setting.key === key);
    return found === undefined ? null : Number(found.value);
  };
  const properties = given.map(({ key, value }) => [key, isSecret(key) ? "<hidden>" : value] as const);
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
    initLimit: ticks("initLimit"),
    syncLimit: ticks("syncLimit"),
    startedAt,
    initialConfiguration: initialText(configuration, properties),
    properties,
    words: configuration.words,
    commandUrl: admin.commandUrl,
    snapshotEnabled: admin.snapshotEnabled,
    rateLimitMs: admin.rateLimitMs,
    auth: {
      digestEnabled: security.digestEnabled,
      ...(security.superDigest === null ? {} : { superDigest: security.superDigest }),
    },
  };
}

/** What was given, as zoo.cfg would have it, and the members as this one read them. */
function initialText(
  { members, mode }: ServerConfiguration,
  properties: readonly (readonly [key: string, value: string])[],
): string {
  const settings = properties.filter(([key]) => !key.startsWith("server.")).map(([key, value]) => `${key}=${value}`);
  const servers = mode === "standalone" ? [] : members.map((member) => `server.${member.id}=${formatServer(member)}`);
  return [...settings, ...servers].map((line) => `${line}\n`).join("");
}
