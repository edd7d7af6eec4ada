// Every setting there is: one entry each, under ZooKeeper's own name (without the prefix `zookeeper.`), with the
// readable name it has in cabildo.yaml, its kind and its default. What ZooKeeper has and we do not need stands below,
// each with the reason that its warning gives.

import { MEMBER_ID_MAX } from "../../base/member-id.ts";
import {
  boolean,
  duration,
  type Kind,
  list,
  oneOf,
  port,
  portOrAny,
  size,
  text,
  wholeNumber,
} from "../../protocols/setting-kinds.ts";
import { COMMAND_BYTES_MAX } from "../../replica/outstanding-batches.ts";

interface Setting<T, Yaml extends string = string> {
  /** Its name in cabildo.yaml; `CABILDO_…` in the environment follows from it. */
  readonly yaml: Yaml;
  readonly kind: Kind<T>;
  readonly default: T;
  /** Other spellings that ZooKeeper's users know. */
  readonly aliases?: readonly string[];
  /** Not to be shown to anybody. */
  readonly secret?: boolean;
}

/** What it may have besides. */
type More<T> = Partial<Omit<Setting<T>, "yaml">>;

function setting<T, const Yaml extends string>(
  yaml: Yaml,
  kind: Kind<T>,
  value: T,
  more: More<T> = {},
): Setting<T, Yaml> {
  return { yaml, kind, default: value, ...more };
}

/** A setting that may be absent. */
function optional<T, const Yaml extends string>(
  yaml: Yaml,
  kind: Kind<T>,
  more: More<T | null> = {},
): Setting<T | null, Yaml> {
  return { yaml, kind, default: null, ...more };
}

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
/** A request becomes one command, with its client's credentials, and a command crosses the port between members whole. */
const REQUEST_BYTES_MAX = COMMAND_BYTES_MAX - MiB;
const REQUEST_WHY = "members could not carry a longer request between them";
const tlsVersion = oneOf("TLSv1.2", "TLSv1.3");

/** TLS as ZooKeeper spells it, once for clients (`ssl.`) and once for members (`ssl.quorum.`). */
function tls<Prefix extends "ssl" | "ssl.quorum", const Yaml extends string>(prefix: Prefix, yaml: Yaml) {
  const keys = {
    "keyStore.location": optional(`${yaml}.keyStore`, text),
    "keyStore.password": optional(`${yaml}.keyPassword`, text, { secret: true }),
    "keyStore.passwordPath": optional(`${yaml}.keyPasswordFile`, text),
    "keyStore.type": optional(`${yaml}.keyStoreType`, text),
    keyFile: optional(`${yaml}.key`, text),
    certificateFile: optional(`${yaml}.certificate`, text),
    "trustStore.location": optional(`${yaml}.authorities`, text),
    "trustStore.password": optional(`${yaml}.authoritiesPassword`, text, { secret: true }),
    "trustStore.passwordPath": optional(`${yaml}.authoritiesPasswordFile`, text),
    "trustStore.type": optional(`${yaml}.authoritiesType`, text),
    clientAuth: setting(`${yaml}.clientAuth`, oneOf("none", "want", "need"), "need"),
    protocol: optional(`${yaml}.protocol`, tlsVersion),
    enabledProtocols: optional(`${yaml}.protocols`, list),
    ciphersuites: optional(`${yaml}.ciphers`, list),
    hostnameVerification: setting(`${yaml}.verifyHost`, boolean, true),
    clientHostnameVerification: optional(`${yaml}.verifyClientHost`, boolean),
    crl: setting(`${yaml}.revocationLists`, boolean, false),
    ocsp: setting(`${yaml}.ocsp`, boolean, false),
  };
  type Prefixed = { [Key in keyof typeof keys as `${Prefix}.${Key & string}`]: (typeof keys)[Key] };
  return Object.fromEntries(Object.entries(keys).map(([key, entry]) => [`${prefix}.${key}`, entry])) as Prefixed;
}

export const SETTINGS = {
  // The base.
  dataDir: optional("data", text),
  dataLogDir: optional("log", text),
  "datadir.autocreate": setting("storage.createDirectories", boolean, true),
  myid: optional("id", wholeNumber(0, MEMBER_ID_MAX), { aliases: ["serverId"] }),
  clientPort: optional("zookeeper.port", port),
  clientPortAddress: optional("zookeeper.address", text),
  secureClientPort: optional("zookeeper.securePort", port),
  secureClientPortAddress: optional("zookeeper.secureAddress", text),
  clientPortListenBacklog: setting("zookeeper.backlog", wholeNumber(1, 65_535, -1), -1),
  clientTcpKeepAlive: setting("zookeeper.tcpKeepAlive", boolean, false),
  "client.portUnification": setting("zookeeper.portUnification", boolean, false),
  tickTime: setting("zookeeper.session.tick", duration({ min: 1 }), 3000),
  minSessionTimeout: setting("zookeeper.session.timeoutMin", duration({ none: -1 }), -1),
  maxSessionTimeout: setting("zookeeper.session.timeoutMax", duration({ none: -1 }), -1),

  // The ensemble.
  dynamicConfigFile: optional("membersFile", text),
  initLimit: optional("ensemble.initTicks", wholeNumber(1)),
  syncLimit: optional("ensemble.syncTicks", wholeNumber(1)),
  peerType: optional("ensemble.role", oneOf("participant", "observer")),
  standaloneEnabled: setting("ensemble.standalone", boolean, true),
  foundWithout: setting("ensemble.foundWithout", list, []),
  reconfigEnabled: setting("ensemble.reconfig", boolean, false),
  leaderServes: setting("ensemble.leaderServes", boolean, true),
  localSessionsEnabled: setting("zookeeper.session.local", boolean, false),
  localSessionsUpgradingEnabled: setting("zookeeper.session.localUpgrading", boolean, false),
  "readonlymode.enabled": setting("zookeeper.readOnlyMode", boolean, false),
  quorumListenOnAllIPs: setting("peer.listenOnAll", boolean, false),
  "multiAddress.enabled": setting("peer.severalAddresses", boolean, true),
  tcpKeepAlive: setting("peer.tcpKeepAlive", boolean, false),
  cnxTimeout: setting("peer.connectTimeout", duration({ min: 1 }), 5000),
  electionAlg: setting("ensemble.electionAlgorithm", wholeNumber(0), 3),
  // Raft's own times: ZooKeeper has nothing like them, its failure detection being tied to tickTime × syncLimit.
  electionTimeout: setting("raft.electionTimeout", duration({ min: 10, max: 60_000 }), 600),
  heartbeatInterval: setting("raft.heartbeatInterval", duration({ min: 1, max: 30_000 }), 100),

  // The disk.
  snapCount: optional("storage.snapshotAfterCommands", wholeNumber(2)),
  // ZooKeeper's default is 4 GiB, beside a count; without a count the size alone decides, and it is what a start replays.
  snapSizeLimitInKb: setting("storage.snapshotAfter", size({ unit: "kib", min: 1024, max: 1024 * GiB }), 256 * MiB),
  preAllocSize: setting("storage.segment", size({ unit: "kib", min: 64 * 1024, max: 4 * GiB }), 64 * MiB),
  "autopurge.snapRetainCount": setting("storage.snapshotsKept", wholeNumber(0), 3),
  "autopurge.purgeInterval": optional("storage.purgeEvery", duration({ unit: "h" })),
  forceSync: setting("storage.sync", boolean, true),
  skipEntries: setting("storage.skipEntries", list, []),
  "fsync.warningthresholdms": setting("storage.slowSync", duration(), 1000),

  // Limits.
  "jute.maxbuffer": setting(
    "zookeeper.limits.frame",
    size({ min: 1024, max: REQUEST_BYTES_MAX, why: REQUEST_WHY }),
    0xfffff,
  ),
  globalOutstandingLimit: setting("zookeeper.limits.outstanding", wholeNumber(1), 1000),
  maxClientCnxns: setting("zookeeper.limits.connectionsPerAddress", wholeNumber(0), 60),
  maxCnxns: setting("zookeeper.limits.connections", wholeNumber(0), 0),

  // The tree.
  extendedTypesEnabled: setting("tree.ttlNodes", boolean, false),
  enforceQuota: setting("tree.enforceQuota", boolean, false),
  "znode.container.checkIntervalMs": setting("tree.containerCheckEvery", duration({ min: 1 }), 60_000),
  "znode.container.maxPerMinute": setting("tree.containersPerMinute", wholeNumber(1), 10_000),
  "znode.container.maxNeverUsedIntervalMs": setting("tree.containerNeverUsed", duration({ none: -1 }), 0),

  // Who may do what.
  skipACL: setting("zookeeper.security.skipAcl", boolean, false),
  "DigestAuthenticationProvider.enabled": setting("zookeeper.security.digest", boolean, true),
  "DigestAuthenticationProvider.superDigest": optional("zookeeper.security.superDigest", text, {
    aliases: ["superDigest"],
    secret: true,
  }),
  "DigestAuthenticationProvider.digestAlg": setting("zookeeper.security.digestAlgorithm", text, "SHA1"),
  superUser: optional("zookeeper.security.superUser", text),
  "X509AuthenticationProvider.superUser": optional("zookeeper.security.superCertificate", text),
  "java.security.auth.login.config": optional("zookeeper.security.jaasFile", text),
  "sasl.serverconfig": setting("zookeeper.security.jaasSection", text, "Server"),
  allowSaslFailedClients: setting("zookeeper.security.allowFailedSasl", boolean, false),
  sessionRequireClientSASLAuth: setting("zookeeper.security.requireSasl", boolean, false),
  "enforce.auth.enabled": setting("zookeeper.security.enforce", boolean, false),
  "enforce.auth.schemes": setting("zookeeper.security.enforceSchemes", list, [], { aliases: ["enforce.auth.scheme"] }),
  ensembleAuthName: setting("zookeeper.security.ensembleNames", list, []),
  // ZooKeeper has SASL between members for this, or TLS.
  "peer.secret": optional("peer.secret", text, { secret: true }),
  "peer.secretFile": optional("peer.secretFile", text),
  "peer.secretRequired": setting("peer.secretRequired", boolean, true),
  sslQuorum: setting("peer.tls.enabled", boolean, false),
  portUnification: setting("peer.portUnification", boolean, false),
  sslQuorumReloadCertFiles: setting("peer.tls.reload", boolean, false),
  "client.certReload": setting("zookeeper.tls.reload", boolean, false),
  // Never honoured, and never passed over either.
  "quorum.auth.enableSasl": setting("peer.sasl", boolean, false),
  "quorum.auth.serverRequireSasl": setting("peer.saslServer", boolean, false),
  "quorum.auth.learnerRequireSasl": setting("peer.saslLearner", boolean, false),
  ...tls("ssl", "zookeeper.tls"),
  ...tls("ssl.quorum", "peer.tls"),

  // Looking after it.
  "4lw.commands.whitelist": optional("zookeeper.words", list),
  "admin.enableServer": setting("admin.enabled", boolean, true),
  "admin.serverAddress": setting("admin.address", text, "127.0.0.1"),
  "admin.serverPort": setting("admin.port", portOrAny, 8080),
  "admin.commandURL": setting("admin.url", text, "/commands"),
  "admin.allowedHosts": setting("admin.hosts", list, []),
  "admin.idleTimeout": setting("admin.idleTimeout", duration({ min: 1 }), 30_000),
  "admin.rateLimiterIntervalInMS": setting("admin.rateLimit", duration(), 300_000),
  "admin.snapshot.enabled": setting("admin.snapshot", boolean, true),
  "admin.tokenFile": optional("admin.tokenFile", text),
  "admin.remoteOperations": setting("admin.remoteOperations", boolean, false),
  "admin.restore.enabled": setting("admin.restore", boolean, true),
  "metricsProvider.className": optional("metrics.provider", text),
  "metricsProvider.httpHost": setting("metrics.address", text, "0.0.0.0"),
  "metricsProvider.httpPort": setting("metrics.port", portOrAny, 7000),
} as const satisfies Readonly<Record<string, Setting<never> | Setting<unknown>>>;

export type SettingKey = keyof typeof SETTINGS;
export type SettingValue<Key extends SettingKey> = (typeof SETTINGS)[Key] extends Setting<infer T> ? T : never;

/** Keys with a part of their own: `server.1`, `group.1`, `weight.1`, `authProvider.1`, `superUser.1`, `saslUser.bob`. */
export const NUMBERED = ["server", "group", "weight", "authProvider", "superUser", "saslUser"] as const;

const spellings = new Map<string, SettingKey>();
for (const [key, entry] of Object.entries(SETTINGS) as [SettingKey, Setting<unknown>][]) {
  for (const spelling of [key, ...(entry.aliases ?? [])]) spellings.set(spelling, key);
}

/** The setting that a key of zoo.cfg or a Java system property names, with or without `zookeeper.`; null: none of ours. */
export function settingNamed(key: string): SettingKey | null {
  return spellings.get(withoutPrefix(key)) ?? null;
}

export function withoutPrefix(key: string): string {
  return key.startsWith("zookeeper.") ? key.slice("zookeeper.".length) : key;
}

export function yamlNameOf(key: SettingKey): string {
  return SETTINGS[key].yaml;
}

/** zookeeper.securePort → CABILDO_ZOOKEEPER_SECURE_PORT */
export function environmentNameOf(key: SettingKey): string {
  const words = SETTINGS[key].yaml.replace(/([a-z])([A-Z])/g, "$1_$2").replaceAll(".", "_");
  return `CABILDO_${words.toUpperCase()}`;
}

export function isSecret(key: string): boolean {
  const known = settingNamed(key);
  if (known !== null) return (SETTINGS[known] as Setting<unknown>).secret === true;
  return /password|secret|superDigest|^saslUser\./i.test(key);
}

/**
 * ZooKeeper's settings that mean nothing here. A warning names each that is given, with its reason; the keys end in `*`
 * where a whole family is meant.
 */
const NOT_APPLICABLE: readonly { readonly reason: string; readonly keys: readonly string[] }[] = [
  {
    reason: "one thread does all work here, without pools, selectors or queues between them",
    keys: [
      "serverCnxnFactory",
      "clientCnxnSocket",
      "nio.*",
      "netty.*",
      "outstandingHandshake.limit",
      "advancedFlowControlEnabled",
      "commitProcessor.*",
      "maxWriteQueuePollTime",
      "quorum.cnxn.threads.size",
      "intBufferStartingSizeBytes",
      "request_throttler.shutdownTimeout",
      "learner.asyncSending",
      "learner.closeSocketAsync",
      "leader.closeSocketAsync",
      "forward_learner_requests_to_commit_processor_disabled",
      "follower.skipLearnerRequestToNextProcessor",
      "follower.nodelay",
      "leader.nodelay",
    ],
  },
  {
    reason: "requests are batched as they come: whatever is there goes together, and nothing waits for more",
    keys: ["maxBatchSize", "flushDelay"],
  },
  {
    reason:
      "a client that sends too fast is not read from for a while; globalOutstandingLimit sets how much is in hand",
    keys: [
      "requestThrottle*",
      "request_throttle*",
      "requestStale*",
      "request_stale*",
      "throttled_op_wait_time",
      "throttledOpWaitTime",
      "largeRequest*",
      "connection_throttle_*",
      "connectionMaxTokens",
      "connectionToken*",
      "connectionFreezeTime",
      "connectionDrop*",
      "connectionDecreaseRatio",
    ],
  },
  {
    reason: "Raft elects and replicates instead of ZAB",
    keys: [
      "fastleader.*",
      "maxTimeToWaitForEpoch",
      "leader.maxTimeToWaitForEpoch",
      "connectToLearnerMasterLimit",
      "quorumCnxnTimeoutMs",
      "electionPortBindRetry",
      "observerMasterPort",
      "observerMaster.*",
      "observer.*",
      "syncEnabled",
      "maxConcurrentSnapSyncs",
      "maxConcurrentDiffSyncs",
      "leader.*",
      "leaderConnectDelayDuringRetryMs",
      "commitLogCount",
      "snapshotSizeFactor",
      "forceSnapshotSync",
      "closeSessionTxn.enabled",
      "enableEagerACLCheck",
      "multiAddress.reachabilityCheckEnabled",
      "multiAddress.reachabilityCheckTimeoutMs",
      "oraclePath",
    ],
  },
  {
    reason: "a majority of the participants decides, each with one vote",
    keys: ["group.*", "weight.*"],
  },
  {
    reason: "watches and replies are kept in another way, with nothing to set",
    keys: [
      "maxResponseCacheSize",
      "maxGetChildrenResponseCacheSize",
      "watchManagerName",
      "watcherClean*",
      "maxInProcessingDeadWatchers",
      "bitHashCacheSize",
    ],
  },
  {
    reason: "the log and the snapshots have their own format, checked record by record",
    keys: [
      "txnLogSizeLimitInKb",
      "digest.enabled",
      "snapshot.compression.method",
      "snapshot.trust.empty",
      "serializeLastProcessedZxid.enabled",
      "db.autocreate",
      "unsafe.*",
      "jute.maxbuffer.extrasize",
      "zookeeper.testingonly.*",
      "testingonly.*",
    ],
  },
  { reason: "Java only", keys: ["jvm.*", "jmx.*", "messageTracker.*", "pathStats.*", "JMX*", "log.*", "root.logger"] },
  {
    reason: "Java only: TLS is Node's own",
    keys: [
      "ssl.sslProvider",
      "ssl.authProvider",
      "ssl.context.supplier.class",
      "ssl.quorum.context.supplier.class",
      "ssl.handshakeDetectionTimeoutMillis",
      "ssl.quorum.handshakeDetectionTimeoutMillis",
      "ssl.allowReverseDnsLookup",
      "ssl.quorum.allowReverseDnsLookup",
      "fips-mode",
    ],
  },
  {
    reason: "there is no Kerberos here: SASL is DIGEST-MD5",
    keys: [
      "kerberos.*",
      "security.auth_to_local",
      "requireKerberosConfig",
      "quorum.auth.*",
      "jaasLoginRenew",
      "sasl.client*",
      "letAnySaslUserDoX",
      "SASLAuthenticationProvider.*",
    ],
  },
  { reason: "TTL nodes have one format only", keys: ["emulate353TTLNodes"] },
  { reason: "no audit log is written", keys: ["audit.*"] },
  {
    reason: "the address of a client is that of its connection, never one that it claims",
    keys: ["IPAuthenticationProvider.usexforwardedfor"],
  },
  {
    reason: "the admin server speaks HTTP; let it listen on a trusted address only",
    keys: ["admin.needClientAuth", "admin.forceHttps", "admin.portUnification", "admin.httpVersion"],
  },
  { reason: "metrics of the process are always exported", keys: ["metricsProvider.*"] },
];

/** Why a key of ZooKeeper's has no effect here; null: no such key is known. */
export function whyNotApplicable(key: string): string | null {
  const bare = withoutPrefix(key);
  for (const { reason, keys } of NOT_APPLICABLE) {
    for (const pattern of keys) {
      const matches = pattern.endsWith("*") ? bare.startsWith(pattern.slice(0, -1)) : bare === pattern;
      if (matches) return reason;
    }
  }
  return null;
}
