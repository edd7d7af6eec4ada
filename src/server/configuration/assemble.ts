// Turns everything that was given into the settings of one member. It fills in defaults, reads the files that settings name,
// and reports all contradictions at once. It changes nothing on the disk.

import { resolve } from "node:path";
import { assert } from "../../base/assert.ts";
import type { Endpoint } from "../../base/endpoint.ts";
import { MANAGEMENT_PATHS } from "../../management/door-pages.ts";
import { ConfigurationError, describeSource, type ServerConfiguration } from "./configuration.ts";
import { doorsOf } from "./doors.ts";
import { ensembleOf } from "./ensemble.ts";
import type { FileReader } from "./files.ts";
import { peerSecrets } from "./secret.ts";
import { listenHost } from "./servers.ts";
import { isSecret } from "./settings.ts";
import { tlsSettings } from "./tls.ts";
import { type Layer, Values } from "./values.ts";
import { parseDynamicConfig } from "./zoo-cfg.ts";

export interface Assembled {
  readonly configuration: ServerConfiguration;
  readonly warnings: readonly string[];
}

export interface Sources {
  /** From the weakest to the strongest. */
  readonly layers: readonly Layer[];
  /** The file among them; null: none. */
  readonly file: string | null;
  readonly files: FileReader;
  /** The member runs in a program that uses it without a socket: ZooKeeper's door needs no port. */
  readonly isEmbedded: boolean;
}

/** Throws a `ConfigurationError` that names every problem. */
export function assemble(sources: Sources): Assembled {
  const values = withDynamicConfig(sources.layers, sources.files);
  const configuration = configurationOf(values, sources);
  // A value that is asked for twice is complained of twice.
  if (values.problems.length > 0) throw new ConfigurationError([...new Set(values.problems)]);
  return { configuration, warnings: [...new Set(values.warnings)] };
}

/** The file that `dynamicConfigFile` names is as strong as the place that names it, which must not list members itself. */
function withDynamicConfig(layers: readonly Layer[], files: FileReader): Values {
  const values = new Values(layers);
  const path = values.get("dynamicConfigFile");
  const naming = values.given("dynamicConfigFile");
  if (path === null || naming === null) return values;
  const text = files.read(path);
  if (text === null) {
    values.problem("dynamicConfigFile", `names ${path}, and there is no such file`);
    return values;
  }
  const place = layers.findIndex(({ given }) => given.includes(naming));
  assert(place >= 0, "a setting that no layer gave");
  const merged = new Values(layers.toSpliced(place + 1, 0, parseDynamicConfig(text, path)));
  for (const { key, written, source } of layers[place]!.given) {
    if (!key.startsWith("server.")) continue;
    merged.problems.push(`${describeSource(source)}: ${written} must be in ${path}, which ${naming.written} names`);
  }
  return merged;
}

function configurationOf(values: Values, { layers, file, files, isEmbedded }: Sources): ServerConfiguration {
  const dataDir = values.get("dataDir");
  if (dataDir === null) values.problem("dataDir", "is not set: where shall this member keep its data?");
  const resolvedDataDir = resolve(dataDir ?? ".");
  const logDir = resolve(values.get("dataLogDir") ?? resolvedDataDir);
  if (dataDir !== null && !values.get("datadir.autocreate")) mustExist(values, [resolvedDataDir, logDir], files);
  warnOfWithout(values);
  const ensemble = ensembleOf(values, resolvedDataDir, files);
  const given = layers.flatMap((layer) => layer.doors ?? []);
  return {
    id: ensemble.id,
    mode: ensemble.mode,
    members: ensemble.members,
    foundWithout: ensemble.foundWithout,
    dataDir: resolvedDataDir,
    logDir,
    doors: doorsOf(values, { ...ensemble, isEmbedded }, given, files),
    peer: peerSettings(values, ensemble, files),
    storage: storageSettings(values),
    tree: {
      extendedTypes: values.get("extendedTypesEnabled"),
      enforceQuota: values.get("enforceQuota"),
      containerCheckIntervalMs: values.get("znode.container.checkIntervalMs"),
      containersPerMinuteMax: values.get("znode.container.maxPerMinute"),
      containerNeverUsedMs: positive(values.get("znode.container.maxNeverUsedIntervalMs")),
    },
    admin: adminSettings(values, isEmbedded),
    metrics: { listen: metricsEndpoint(values) },
    reconfigEnabled: values.get("reconfigEnabled"),
    keepsTwoParticipants: values.get("standaloneEnabled"),
    file,
    given: values.all().map(({ key, value, source }) => ({ key, value: isSecret(key) ? HIDDEN : value, source })),
  };
}

function peerSettings(values: Values, { id, mode, members }: ReturnType<typeof ensembleOf>, files: FileReader) {
  if (values.get("electionAlg") !== 3) values.problem("electionAlg", "can only be 3, or left out");
  refuseQuorumSasl(values);
  const callsByTls = values.get("sslQuorum");
  const portUnification = values.get("portUnification");
  const tls = callsByTls || portUnification ? tlsSettings(values, "ssl.quorum", files) : null;
  if ((callsByTls || portUnification) && tls === null) {
    values.problem(
      callsByTls ? "sslQuorum" : "portUnification",
      "needs a key and a certificate: give ssl.quorum.keyStore.location (cabildo.yaml: peer.tls.keyStore), a PEM file with both",
    );
  }
  // Without authorities of its own, whoever has a certificate of any authority on the internet would be a member.
  if (tls !== null && tls.authoritiesFile === null && !values.isGiven("ssl.quorum.trustStore.location")) {
    values.problem(
      callsByTls ? "sslQuorum" : "portUnification",
      "needs to know whose certificates members have: give ssl.quorum.trustStore.location, a PEM file of your authority's",
    );
  }
  const own = mode === "standalone" ? [] : (members.find((member) => member.id === id)?.addresses ?? []);
  const onAll = values.get("quorumListenOnAllIPs");
  const heartbeatMs = values.get("heartbeatInterval");
  const electionTimeoutMs = electionTimeout(values);
  if (electionTimeoutMs < 2 * heartbeatMs) {
    values.problem(
      "electionTimeout",
      `must be at least twice the heartbeat interval (${heartbeatMs} ms), better five times`,
    );
  }
  return {
    listen: own.map(({ host, peerPort }): Endpoint => ({ host: onAll ? null : listenHost(host), port: peerPort })),
    tls,
    callsByTls,
    portUnification,
    secrets: peerSecrets(values, files),
    secretRequired: values.get("peer.secretRequired"),
    tcpKeepAlive: values.get("tcpKeepAlive"),
    connectTimeoutMs: values.get("cnxTimeout"),
    electionTimeoutMs,
    heartbeatMs,
  };
}

/**
 * How long a silent leader is borne with. ZooKeeper says it in ticks (syncLimit), for garbage collections' sake: seconds.
 * Ours is shorter, and syncLimit × tickTime can only make it shorter yet. initLimit bounds a start-up that Raft does
 * not have: a member far behind catches up in its own time, as a follower.
 */
function electionTimeout(values: Values): number {
  values.get("initLimit");
  const own = values.get("electionTimeout");
  const ticks = values.get("syncLimit");
  return ticks === null || values.isGiven("electionTimeout") ? own : Math.min(own, ticks * values.get("tickTime"));
}

/** Members that were told to prove who they are, and would not, must not run. */
function refuseQuorumSasl(values: Values): void {
  for (const key of ["enableSasl", "serverRequireSasl", "learnerRequireSasl"] as const) {
    if (!values.get(`quorum.auth.${key}`)) continue;
    values.problem(`quorum.auth.${key}`, "cannot be had: members prove who they are by TLS here. Use sslQuorum=true");
  }
}

function mustExist(values: Values, directories: readonly string[], files: FileReader): void {
  for (const directory of new Set(directories)) {
    if (!files.isDirectory(directory)) {
      values.problem("datadir.autocreate", `is false, and there is no directory ${directory}: make it, or mount it`);
    }
  }
}

/** Settings with a value that other servers know and this one has nothing for: each is named. */
function warnOfWithout(values: Values): void {
  if (!values.get("forceSync")) {
    values.warning("forceSync", "has no effect: nothing is acknowledged here before it is on the disk");
  }
  if (!values.get("leaderServes"))
    values.warning("leaderServes", "has no effect: the leader takes clients as all members do");
  if (values.get("localSessionsEnabled")) {
    values.warning("localSessionsEnabled", "has no effect: every member knows every session");
  }
  if (values.get("localSessionsUpgradingEnabled")) {
    values.warning("localSessionsUpgradingEnabled", "has no effect: there are no local sessions to upgrade");
  }
  if (values.get("ensembleAuthName").length > 0) {
    values.warning("ensembleAuthName", "has no effect: the scheme `ensemble` is not spoken");
  }
  if (values.get("autopurge.purgeInterval") === 0) {
    values.warning(
      "autopurge.purgeInterval",
      "has no effect: old files go after each snapshot, so that the disk does not fill",
    );
  }
  if (values.isGiven("admin.restore.enabled") && values.get("admin.restore.enabled")) {
    values.warning("admin.restore.enabled", "has no effect: a member's state is what the common log says");
  }
}

function storageSettings(values: Values): ServerConfiguration["storage"] {
  const retained = values.get("autopurge.snapRetainCount");
  if (retained < 3) values.warning("autopurge.snapRetainCount", "is at least 3: 3 snapshots are kept");
  return {
    createDirectories: values.get("datadir.autocreate"),
    segmentBytes: values.get("preAllocSize"),
    snapshotAfterCommands: values.get("snapCount"),
    snapshotAfterBytes: values.get("snapSizeLimitInKb"),
    snapshotsRetained: Math.max(3, retained),
    skippedEntries: skippedEntries(values),
    slowSyncMs: values.get("fsync.warningthresholdms"),
  };
}

function skippedEntries(values: Values): readonly number[] {
  const given = values.get("skipEntries");
  const wrong = given.find((text) => !/^[1-9]\d{0,14}$/.test(text));
  if (wrong !== undefined) values.problem("skipEntries", `must list indexes of the log, not "${wrong}"`);
  return given.map(Number);
}

/** A program that embeds a member expects no port that it has not named. */
function adminSettings(values: Values, isEmbedded: boolean): ServerConfiguration["admin"] {
  const isNamed = !isEmbedded || values.isGiven("admin.enableServer") || values.isGiven("admin.serverPort");
  const host = listenHost(values.get("admin.serverAddress"));
  const url = values.get("admin.commandURL");
  if (!/^\/[\w./-]*$/.test(url)) values.problem("admin.commandURL", `must be a path such as /commands, not "${url}"`);
  const path = url.replace(/\/+$/, "");
  if (MANAGEMENT_PATHS.includes(path)) {
    values.problem("admin.commandURL", `must not be ${path}: the member's own pages are there`);
  }
  return {
    listen: isNamed && values.get("admin.enableServer") ? { host, port: values.get("admin.serverPort") } : null,
    commandUrl: path,
    allowedHosts: values.get("admin.allowedHosts"),
    snapshotEnabled: values.get("admin.snapshot.enabled"),
    rateLimitMs: values.get("admin.rateLimiterIntervalInMS"),
    tokenFile: values.get("admin.tokenFile"),
    remoteOperations: values.get("admin.remoteOperations"),
    idleTimeoutMs: values.get("admin.idleTimeout"),
  };
}

/** ZooKeeper names a Java class; "prometheus" is enough for us. */
function metricsEndpoint(values: Values): Endpoint | null {
  const provider = values.get("metricsProvider.className");
  const host = listenHost(values.get("metricsProvider.httpHost"));
  const port = values.get("metricsProvider.httpPort");
  if (provider === null || /DefaultMetricsProvider$|NullMetricsProvider$/.test(provider)) return null;
  if (/prometheus/i.test(provider)) return { host, port };
  values.warning("metricsProvider.className", "names a Java class that cannot run here: only Prometheus is known");
  return null;
}

/** `given` is shown to whoever may ask for it. */
const HIDDEN = "<hidden>";

function positive(milliseconds: number): number | null {
  return milliseconds > 0 ? milliseconds : null;
}
