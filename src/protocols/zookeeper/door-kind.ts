// ZooKeeper's door as the table of doors has it: the settings as the protocol takes them, and what its tools are told.

import type { AboutMember, MemberConfiguration } from "../about-member.ts";
import type { ConfiguredDoor } from "../configured-door.ts";
import type { DoorHost } from "../door-host.ts";
import type { DoorKind } from "../door-kind.ts";
import type { AdminSettings } from "./admin-context.ts";
import type { AuthOptions } from "./auth.ts";
import { ZooKeeperDoor, type ZooKeeperDoorOptions } from "./server.ts";
import type { ZooKeeperSettings } from "./settings.ts";

export const ZOOKEEPER: DoorKind = {
  name: "zookeeper",
  open(
    host: DoorHost,
    configured: ConfiguredDoor,
    { configuration, storage, descriptors }: AboutMember,
  ): ZooKeeperDoor {
    const own = configured as ConfiguredDoor<ZooKeeperSettings>;
    return new ZooKeeperDoor(host, {
      ...protocolOptions(own, configuration),
      tools: {
        storage,
        settings: toolSettings(own, configuration, host.clock.wall()),
        descriptors,
      },
    });
  },
};

export function protocolOptions(
  { listen, settings }: ConfiguredDoor<ZooKeeperSettings>,
  { tree, reconfigEnabled, keepsTwoParticipants }: MemberConfiguration,
): ZooKeeperDoorOptions {
  const { security } = settings;
  return {
    juteMaxBuffer: settings.frameBytesMax,
    globalOutstandingLimit: settings.outstandingMax,
    tickTimeMs: settings.tickMs,
    minSessionTimeoutMs: settings.sessionTimeoutMinMs,
    maxSessionTimeoutMs: settings.sessionTimeoutMaxMs,
    readOnlyMode: settings.readOnlyMode,
    policy: {
      skipAcl: security.skipAcl,
      enforceQuota: tree.enforceQuota,
      extendedTypes: tree.extendedTypes,
      reconfig: reconfigEnabled,
      standalone: keepsTwoParticipants,
      unknownSchemes: unknownSchemes(settings, listen.tls !== null),
    },
    auth: authOptions(settings),
    ...(security.saslUsers.size === 0 ? {} : { sasl: { users: security.saslUsers } }),
    saslSuperUsers: security.superUsers,
    allowSaslFailedClients: security.allowSaslFailedClients,
    enforceAuthSchemes: security.requiredSchemes,
  };
}

/** ZooKeeper refuses an access list of a scheme that has no provider: nobody could ever prove to be whom it names. */
function unknownSchemes({ security }: ZooKeeperSettings, hasTls: boolean): ("digest" | "sasl" | "x509")[] {
  const isKnown = {
    digest: security.digestEnabled,
    sasl: security.saslUsers.size > 0 || security.requiredSchemes.includes("sasl"),
    x509: hasTls,
  };
  return (["digest", "sasl", "x509"] as const).filter((scheme) => !isKnown[scheme] && !security.providers.has(scheme));
}

function authOptions({ security }: ZooKeeperSettings): AuthOptions {
  return {
    digestEnabled: security.digestEnabled,
    ...(security.superDigest === null ? {} : { superDigest: security.superDigest }),
    x509SuperUsers: security.superUsers,
  };
}

function toolSettings(
  { listen, settings }: ConfiguredDoor<ZooKeeperSettings>,
  configuration: MemberConfiguration,
  startedAt: number,
): AdminSettings {
  const { admin, given } = configuration;
  const number = (key: string): number | null => {
    const text = given.find((setting) => setting.key === key)?.value;
    return text === undefined ? null : Number(text);
  };
  const open = given.filter(({ key }) => !SECRET.test(key));
  return {
    standalone: configuration.mode === "standalone",
    clientPort: listen.plain?.port ?? -1,
    secureClientPort: listen.secure?.port ?? -1,
    dataDir: configuration.dataDir,
    logDir: configuration.logDir,
    tickMs: settings.tickMs,
    connectionsPerAddressMax: listen.connectionsPerAddressMax,
    sessionTimeoutMinMs: settings.sessionTimeoutMinMs,
    sessionTimeoutMaxMs: settings.sessionTimeoutMaxMs,
    backlog: listen.backlog ?? -1,
    initLimit: number("initLimit"),
    syncLimit: number("syncLimit"),
    startedAt,
    initialConfiguration: open.map(({ key, value }) => `${key}=${value}\n`).join(""),
    properties: open.map(({ key, value }) => [key, value] as const),
    words: settings.words,
    commandUrl: admin.commandUrl,
    snapshotEnabled: admin.snapshotEnabled,
    rateLimitMs: admin.rateLimitMs,
    auth: authOptions(settings),
  };
}

/** Settings that are never told to anyone. */
const SECRET = /passw|secret|superdigest|jaas|auth\.login/i;
