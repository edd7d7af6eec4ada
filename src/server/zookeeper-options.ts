// A member's settings as ZooKeeper's protocol takes them.

import type { ClientTls } from "../adapters/clients/listener.ts";
import type { TlsTexts } from "../adapters/clients/tls.ts";
import type { AuthOptions } from "../protocols/zookeeper/auth.ts";
import type { ServerConfiguration, TlsSettings } from "./configuration/configuration.ts";
import type { ZooKeeperServerOptions } from "./zookeeper-server.ts";

export function zooKeeperOptions(
  configuration: ServerConfiguration,
  tls: TlsTexts | null,
): Omit<ZooKeeperServerOptions, "clock" | "logger" | "fourLetterWord"> {
  const { client, limits, security, tree } = configuration;
  const { plain, secure } = client;
  return {
    ...(plain === null ? {} : { clientPort: plain.port }),
    ...(plain?.host == null ? {} : { clientPortAddress: plain.host }),
    ...(secure === null ? {} : { secureClientPort: secure.port }),
    ...(secure?.host == null ? {} : { secureClientPortAddress: secure.host }),
    ...(tls === null || client.tls === null ? {} : { tls: clientTls(tls, client.tls) }),
    ...(client.backlog === null ? {} : { listenBacklog: client.backlog }),
    portUnification: client.portUnification,
    clientTcpKeepAlive: client.tcpKeepAlive,
    maxClientCnxns: limits.connectionsPerAddressMax,
    maxCnxns: limits.connectionsMax,
    juteMaxBuffer: limits.frameBytesMax,
    globalOutstandingLimit: limits.outstandingMax,
    tickTimeMs: configuration.tickMs,
    minSessionTimeoutMs: configuration.sessionTimeoutMinMs,
    maxSessionTimeoutMs: configuration.sessionTimeoutMaxMs,
    readOnlyMode: configuration.readOnlyMode,
    policy: {
      skipAcl: security.skipAcl,
      enforceQuota: tree.enforceQuota,
      extendedTypes: tree.extendedTypes,
      reconfig: configuration.reconfigEnabled,
      standalone: configuration.keepsTwoParticipants,
      unknownSchemes: unknownSchemes(configuration),
    },
    auth: authOptions(configuration),
    ...(security.saslUsers.size === 0 ? {} : { sasl: { users: security.saslUsers } }),
    saslSuperUsers: security.superUsers,
    allowSaslFailedClients: security.allowSaslFailedClients,
    enforceAuthSchemes: security.requiredSchemes,
  };
}

/** ZooKeeper refuses an access list of a scheme that has no provider: nobody could ever prove to be whom it names. */
function unknownSchemes({ client, security }: ServerConfiguration): ("digest" | "sasl" | "x509")[] {
  const isKnown = {
    digest: security.digestEnabled,
    sasl: security.saslUsers.size > 0 || security.requiredSchemes.includes("sasl"),
    x509: client.tls !== null,
  };
  return (["digest", "sasl", "x509"] as const).filter((scheme) => !isKnown[scheme] && !security.providers.has(scheme));
}

export function authOptions({ security }: ServerConfiguration): AuthOptions {
  return {
    digestEnabled: security.digestEnabled,
    ...(security.superDigest === null ? {} : { superDigest: security.superDigest }),
    x509SuperUsers: security.superUsers,
  };
}

export function clientTls(texts: TlsTexts, settings: TlsSettings): ClientTls {
  const { clientAuth, ciphers, versionMin, versionMax, verifyCallerHost } = settings;
  return {
    ...texts,
    clientAuth,
    minVersion: versionMin,
    maxVersion: versionMax,
    verifyClientHost: verifyCallerHost,
    ...(ciphers === null ? {} : { ciphers }),
  };
}
