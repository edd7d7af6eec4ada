// Settings from the environment: our own variables (CABILDO_…), those of ZooKeeper's docker image (ZOO_…), and the
// Java properties (-Dzookeeper.x=y) that its scripts take from JVMFLAGS and SERVER_JVMFLAGS. Also the same properties,
// and our own flags, from the command line.

import { suggestion } from "./nearest.ts";
import { environmentNameOf, SETTINGS, type SettingKey, settingNamed, withoutPrefix } from "./settings.ts";
import type { Given, Layer } from "./values.ts";
import { isNumbered, judgeKey, parseZooCfg } from "./zoo-cfg.ts";

const ownNames = new Map((Object.keys(SETTINGS) as SettingKey[]).map((key) => [environmentNameOf(key), key]));

const DOCKER_NAMES: Readonly<Record<string, SettingKey>> = {
  ZOO_MY_ID: "myid",
  ZOO_DATA_DIR: "dataDir",
  ZOO_DATA_LOG_DIR: "dataLogDir",
  ZOO_TICK_TIME: "tickTime",
  ZOO_INIT_LIMIT: "initLimit",
  ZOO_SYNC_LIMIT: "syncLimit",
  ZOO_MAX_CLIENT_CNXNS: "maxClientCnxns",
  ZOO_STANDALONE_ENABLED: "standaloneEnabled",
  ZOO_ADMINSERVER_ENABLED: "admin.enableServer",
  ZOO_AUTOPURGE_PURGEINTERVAL: "autopurge.purgeInterval",
  ZOO_AUTOPURGE_SNAPRETAINCOUNT: "autopurge.snapRetainCount",
  ZOO_4LW_COMMANDS_WHITELIST: "4lw.commands.whitelist",
};

/** How much is logged, and in which form: read by the command line, before there is a configuration. */
const NOT_SETTINGS = new Set(["CABILDO_LOG_LEVEL", "CABILDO_LOG_FORMAT"]);

type Environment = Readonly<Record<string, string | undefined>>;

/** Java properties, then the docker image's variables, then ours: each beats those before it. */
export function readEnvironment(environment: Environment): readonly Layer[] {
  return [javaLayer(environment), dockerLayer(environment), ownLayer(environment)];
}

function javaLayer(environment: Environment): Layer {
  const given: Given[] = [];
  const warnings: string[] = [];
  for (const name of ["JVMFLAGS", "SERVER_JVMFLAGS"]) {
    for (const { key, value } of javaProperties(environment[name] ?? "")) {
      const known = settingNamed(key);
      const bare = withoutPrefix(key);
      if (known !== null || isNumbered(bare)) {
        const source = { kind: "environment", name } as const;
        given.push({ key: known ?? bare, written: `-D${key}`, value, source, unitRequired: false });
      } else if (key.startsWith("zookeeper.")) {
        const verdict = judgeKey(bare);
        const reason = verdict.kind === "ignored" ? verdict.reason : "no setting of this name is known";
        const hint = verdict.kind === "mistyped" ? suggestion(bare, Object.keys(SETTINGS)) : "";
        warnings.push(`environment variable ${name}: -D${key} has no effect: ${reason}.${hint}`);
      }
    }
  }
  return { given, warnings, problems: [] };
}

/** The `-Dkey=value` words of a Java command line, quotes taken off. */
function javaProperties(flags: string): { key: string; value: string }[] {
  const properties = [];
  for (const [word] of flags.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    const match = /^-D([^=]+)=?([\s\S]*)$/.exec(word.replace(/["']/g, ""));
    if (match) properties.push({ key: match[1]!, value: match[2]! });
  }
  return properties;
}

function dockerLayer(environment: Environment): Layer {
  const given: Given[] = [];
  const extra = parseZooCfg(
    (environment["ZOO_CFG_EXTRA"] ?? "").replace(/(\S)\s+(?=[A-Za-z0-9_.]+=)/g, "$1\n"),
    "ZOO_CFG_EXTRA",
  );
  for (const one of extra.given) given.push({ ...one, source: { kind: "environment", name: "ZOO_CFG_EXTRA" } });
  for (const [name, key] of Object.entries(DOCKER_NAMES)) {
    const value = environment[name];
    if (!value) continue;
    given.push({ key, written: name, value, source: { kind: "environment", name }, unitRequired: false });
  }
  given.push(...members("ZOO_SERVERS", environment["ZOO_SERVERS"]));
  return { given, warnings: extra.warnings, problems: extra.problems };
}

/** `server.1=zoo1:2888:3888;2181 server.2=…`, or without the word "server.". */
function members(name: string, list: string | undefined): Given[] {
  const given: Given[] = [];
  for (const word of (list ?? "").split(/[\s,]+/)) {
    const [, id, value] = /^(?:server\.)?([^=]+)=(.*)$/.exec(word) ?? [];
    if (id === undefined) continue;
    const source = { kind: "environment", name } as const;
    given.push({ key: `server.${id}`, written: `server.${id}`, value: value!, source, unitRequired: false });
  }
  return given;
}

function ownLayer(environment: Environment): Layer {
  const given: Given[] = members("CABILDO_MEMBERS", environment["CABILDO_MEMBERS"]);
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith("CABILDO_") || value === undefined || name === "CABILDO_MEMBERS" || NOT_SETTINGS.has(name))
      continue;
    const key = ownNames.get(name);
    // Kubernetes sets such variables for every service; one called "cabildo" must not break its own members.
    if (/^tcp:\/\//.test(value)) continue;
    const source = { kind: "environment", name } as const;
    if (key !== undefined) given.push({ key, written: name, value, source, unitRequired: true });
    else if (!/_(SERVICE_HOST|SERVICE_PORT|PORT_\d+)/.test(name)) {
      const moved = name.replace(/^CABILDO_(CLIENT_|ENSEMBLE_)?/, "CABILDO_ZOOKEEPER_");
      const hint = ownNames.has(moved) ? ` Here it is called ${moved}.` : suggestion(name, ownNames.keys());
      warnings.push(`environment variable ${name} is not a setting.${hint}`);
    }
  }
  return { given, warnings, problems: [] };
}

/** `-Dzookeeper.x=y` and `--set x=y` from the command line; `flag` is how it was written there. */
export function readFlags(
  flags: readonly { readonly flag: string; readonly key: string; readonly value: string }[],
): Layer {
  const given: Given[] = [];
  const warnings: string[] = [];
  const problems: string[] = [];
  for (const { flag, key, value } of flags) {
    const source = { kind: "flag", name: flag } as const;
    const known = settingNamed(key);
    const bare = withoutPrefix(key);
    if (known !== null || isNumbered(bare)) {
      given.push({ key: known ?? bare, written: key, value, source, unitRequired: false });
      continue;
    }
    const verdict = judgeKey(bare);
    if (verdict.kind === "ignored" && verdict.reason !== "no setting of this name is known") {
      warnings.push(`${flag} ${key} has no effect: ${verdict.reason}`);
    } else {
      problems.push(`${flag}: ${key} is not a setting.${suggestion(bare, Object.keys(SETTINGS))}`);
    }
  }
  return { given, warnings, problems };
}
