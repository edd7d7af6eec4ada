// The doors of one member: where each listens, and its protocol's settings. ZooKeeper's settings have ZooKeeper's own names.
// Any other protocol brings its settings as a `DoorSection`.

import type { Endpoint } from "../../base/endpoint.ts";
import type { ConfiguredDoor, ListenSettings } from "../../protocols/configured-door.ts";
import type { DoorSetting } from "../../protocols/door-section.ts";
import { Complaint } from "../../protocols/setting-kinds.ts";
import type { ZooKeeperSettings } from "../../protocols/zookeeper/settings.ts";
import { describeSource } from "./configuration.ts";
import type { FileReader } from "./files.ts";
import { securitySettings } from "./security.ts";
import { listenHost } from "./servers.ts";
import { SETTINGS, type SettingKey } from "./settings.ts";
import { tlsSettings } from "./tls.ts";
import { type Given, type GivenDoor, Values } from "./values.ts";

/** Settings of listening: every door has them. */
export function isListenSetting(key: SettingKey): boolean {
  return LISTEN_KEYS.has(key) || (key.startsWith("ssl.") && !key.startsWith("ssl.quorum."));
}

const LISTEN_KEYS: ReadonlySet<SettingKey> = new Set([
  "clientPort",
  "clientPortAddress",
  "secureClientPort",
  "secureClientPortAddress",
  "clientPortListenBacklog",
  "clientTcpKeepAlive",
  "client.portUnification",
  "client.certReload",
  "maxClientCnxns",
  "maxCnxns",
]);

interface MainDoor {
  /** Where the first one listens, as the `server.N` line may say too. */
  readonly plain: Endpoint | null;
  readonly secure: Endpoint | null;
  /** Its own process uses the member, so it needs no port. */
  readonly isEmbedded: boolean;
}

/** The doors, the first of ZooKeeper's first. */
export function doorsOf(
  values: Values,
  main: MainDoor,
  given: readonly GivenDoor[],
  files: FileReader,
): readonly ConfiguredDoor[] {
  const written: WrittenDoor[] = [];
  const hasMain = main.plain !== null || main.secure !== null;
  // Settings of a door in the file that say no port are a mistake, and not no door.
  const isDescribed = values.all().some(({ key, source }) => source.kind === "file" && isZooKeepers(key));
  if (hasMain || isDescribed || given.length === 0 || main.isEmbedded) {
    written.push({ values, door: zooKeeperDoor(values, main, files, main.isEmbedded) });
  }
  for (const door of given) {
    const own = new Values([{ given: door.given, warnings: [], problems: [], wording: values.wording }]);
    const endpoints = {
      plain: endpointOf(own, "clientPort", "clientPortAddress"),
      secure: endpointOf(own, "secureClientPort", "secureClientPortAddress"),
    };
    const read = door.section === null ? zooKeeperDoor(own, endpoints, files) : otherDoor(door, own, endpoints, files);
    written.push({ values: own, door: read });
    values.problems.push(...own.problems);
    values.warnings.push(...own.warnings);
  }
  const named = withNames(written);
  refusePortsTwice(values, named);
  return named.map(({ door }) => door);
}

/** A door, and where its settings were read from. */
interface WrittenDoor<Door = Nameless<ConfiguredDoor>> {
  readonly values: Values;
  readonly door: Door;
}

type Nameless<Door extends ConfiguredDoor> = Omit<Door, "name">;

function withNames(written: readonly WrittenDoor[]): readonly WrittenDoor<ConfiguredDoor>[] {
  const counts = new Map<string, number>();
  return written.map(({ values, door }) => {
    const number = (counts.get(door.kind) ?? 0) + 1;
    counts.set(door.kind, number);
    return { values, door: { name: number === 1 ? door.kind : `${door.kind}-${number}`, ...door } };
  });
}

/** Families of settings that stand in the door's section. */
const FAMILIES = ["saslUser", "superUser", "authProvider"];

function isZooKeepers(key: string): boolean {
  if (FAMILIES.some((name) => key.startsWith(`${name}.`))) return true;
  return key in SETTINGS && SETTINGS[key as SettingKey].yaml.startsWith("zookeeper.");
}

function zooKeeperDoor(
  values: Values,
  endpoints: Pick<ListenSettings, "plain" | "secure">,
  files: FileReader,
  mayLackPort = false,
): Nameless<ConfiguredDoor<ZooKeeperSettings>> {
  const listen = listenSettings(values, endpoints, files, mayLackPort ? null : "clientPort");
  const tickMs = values.get("tickTime");
  const settings: ZooKeeperSettings = {
    tickMs,
    ...sessionTimeouts(values, tickMs),
    frameBytesMax: values.get("jute.maxbuffer"),
    outstandingMax: values.get("globalOutstandingLimit"),
    readOnlyMode: values.get("readonlymode.enabled"),
    security: securitySettings(values, files),
    words: words(values),
  };
  return { kind: "zookeeper", listen, settings };
}

function otherDoor(
  { section, source, own }: GivenDoor,
  values: Values,
  endpoints: Pick<ListenSettings, "plain" | "secure">,
  files: FileReader,
): Nameless<ConfiguredDoor> {
  const { name, settings: known } = section!;
  if (!values.isGiven("clientPort") && !values.isGiven("secureClientPort")) {
    values.problems.push(`${describeSource(source)}: ${name} has no port: where shall its clients come in?`);
  }
  const given = new Map(own.map((one) => [one.key, one]));
  const settings: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(known)) {
    const one = given.get(key);
    settings[key] = one === undefined ? setting.default : parsed(setting, one, values);
  }
  return { kind: name, listen: listenSettings(values, endpoints, files, null), settings };
}

function parsed<T>({ kind, default: otherwise }: DoorSetting<T>, given: Given, values: Values): T {
  try {
    return kind.parse(given.value, given.unitRequired);
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    values.problems.push(`${describeSource(given.source)}: ${given.written} ${error.message}`);
    return otherwise;
  }
}

/** `asked`: the setting to blame where there is no port at all; null: that was said already, or may be. */
function listenSettings(
  values: Values,
  { plain, secure }: Pick<ListenSettings, "plain" | "secure">,
  files: FileReader,
  asked: SettingKey | null,
): ListenSettings {
  const tls = tlsSettings(values, "ssl", files);
  if (asked !== null && plain === null && secure === null) {
    values.problem(asked, "is not set: where shall clients come in?");
  }
  if (plain !== null && secure !== null && plain.port === secure.port) {
    values.problem("secureClientPort", `must differ from clientPort (${plain.port})`);
  }
  const portUnification = values.get("client.portUnification");
  if (tls === null && (secure !== null || portUnification)) {
    const asker: SettingKey = secure !== null ? "secureClientPort" : "client.portUnification";
    values.problem(
      asker,
      "needs a key and a certificate: give ssl.keyStore.location (cabildo.yaml: tls.keyStore), a PEM file with both",
    );
  }
  const backlog = values.get("clientPortListenBacklog");
  return {
    plain,
    secure,
    tls,
    portUnification,
    backlog: backlog === -1 ? null : backlog,
    tcpKeepAlive: values.get("clientTcpKeepAlive"),
    connectionsPerAddressMax: values.get("maxClientCnxns"),
    connectionsMax: values.get("maxCnxns"),
  };
}

function endpointOf(
  values: Values,
  portKey: "clientPort" | "secureClientPort",
  addressKey: "clientPortAddress" | "secureClientPortAddress",
): Endpoint | null {
  const port = values.get(portKey);
  const address = values.get(addressKey);
  if (port !== null) return { host: address === null ? null : listenHost(address), port };
  if (address !== null) values.problem(addressKey, `is of no use without ${portKey}`);
  return null;
}

/** One port is one door's, on whichever address: two names may be one address, and nobody would know which door answers. */
function refusePortsTwice(values: Values, doors: readonly WrittenDoor<ConfiguredDoor>[]): void {
  const taken = new Map<number, { readonly name: string; readonly given: Given | null }>();
  for (const { values: own, door } of doors) {
    const { name, listen } = door;
    const ports = [
      [listen.plain?.port, own.given("clientPort")],
      [listen.secure?.port, own.given("secureClientPort")],
    ] as const;
    for (const [port, given] of ports) {
      if (port === undefined) continue;
      const by = taken.get(port);
      if (by !== undefined && by.name !== name) {
        const here = given === null ? "" : `${describeSource(given.source)}: ${given.written}: `;
        const there = by.given === null ? "" : `, the first at ${describeSource(by.given.source)}`;
        values.problems.push(`${here}two doors listen on port ${port}: ${by.name} and ${name}${there}`);
      }
      taken.set(port, { name, given });
    }
  }
}

function sessionTimeouts(values: Values, tickMs: number) {
  const min = values.get("minSessionTimeout");
  const max = values.get("maxSessionTimeout");
  const sessionTimeoutMinMs = min === -1 ? tickMs * 2 : min;
  const sessionTimeoutMaxMs = max === -1 ? tickMs * 20 : max;
  if (sessionTimeoutMinMs > sessionTimeoutMaxMs) {
    const blamed = values.isGiven("minSessionTimeout") ? "minSessionTimeout" : "maxSessionTimeout";
    values.problem(
      blamed,
      `makes the shortest session timeout (${sessionTimeoutMinMs} ms) longer than the longest (${sessionTimeoutMaxMs} ms)`,
    );
  }
  return { sessionTimeoutMinMs, sessionTimeoutMaxMs };
}

const WORDS = /^[a-z0-9]{4}$/;

function words(values: Values): ZooKeeperSettings["words"] {
  const given = values.get("4lw.commands.whitelist");
  if (given?.includes("*")) return "all";
  for (const word of given ?? []) {
    if (!WORDS.test(word)) values.problem("4lw.commands.whitelist", `must list words of four letters, not "${word}"`);
  }
  const standard = values.get("readonlymode.enabled") ? ["srvr", "isro"] : ["srvr"];
  return new Set(given === null ? standard : values.get("readonlymode.enabled") ? [...given, "isro"] : given);
}
