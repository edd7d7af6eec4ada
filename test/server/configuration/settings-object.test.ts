// The settings of `startMember`, an object: the same names, values and checks as cabildo.yaml, by the same code.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { text } from "../../../src/protocols/setting-kinds.ts";
import { ConfigurationError } from "../../../src/server/configuration/configuration.ts";
import { loadEmbedded } from "../../../src/server/configuration/load.ts";
import type { SETTINGS } from "../../../src/server/configuration/settings.ts";
import type { MemberSettings } from "../../../src/server/member-settings.ts";
import { configure } from "./configure.ts";

const load = (settings: object, file: string | null = null) => loadEmbedded({ settings, file });

function problemsOf(settings: object, file: string | null = null): readonly string[] {
  try {
    load(settings, file);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

const SETTINGS_OBJECT: MemberSettings = {
  id: 2,
  data: "/var/lib/cabildo",
  members: {
    1: "zoo1:2888:3888",
    2: { host: "zoo2", peerPort: 2889, electionPort: 3889, clientPort: 2181, clientAddress: "10.0.0.2" },
    3: { host: "::1", role: "observer" },
  },
  zookeeper: {
    port: 2181,
    address: "10.0.0.2",
    session: { tick: "2s", timeoutMax: "1min" },
    limits: { frame: "4MiB", connections: 7 },
    security: { users: { bob: "secret" }, skipAcl: true, enforceSchemes: ["sasl", "x509"] },
    words: ["srvr", "mntr"],
  },
  storage: { snapshotsKept: 5, skipEntries: [7, 9] },
  admin: { port: 0 },
};

const THE_SAME_IN_YAML = `
id: 2
data: /var/lib/cabildo
members:
  1: zoo1:2888:3888
  2: { host: zoo2, peerPort: 2889, electionPort: 3889, clientPort: 2181, clientAddress: 10.0.0.2 }
  3: { host: "::1", role: observer }
zookeeper:
  port: 2181
  address: 10.0.0.2
  session: { tick: 2s, timeoutMax: 1min }
  limits: { frame: 4MiB, connections: 7 }
  security: { users: { bob: secret }, skipAcl: true, enforceSchemes: [sasl, x509] }
  words: [srvr, mntr]
storage: { snapshotsKept: 5, skipEntries: [7, 9] }
admin: { port: 0 }
`;

test("an object gives the configuration that the same cabildo.yaml gives", () => {
  const fromObject = load(SETTINGS_OBJECT);
  const fromFile = configure(THE_SAME_IN_YAML, {}, "/conf/cabildo.yaml");
  const told = ({ given, file, ...rest }: typeof fromObject.configuration) => ({
    ...rest,
    given: given.map(({ key, value }) => ({ key, value })),
  });
  for (const [name, value] of Object.entries(told(fromObject.configuration))) {
    assert.deepEqual(value, told(fromFile.configuration)[name as "id"], name);
  }
  assert.deepEqual(fromObject.warnings, fromFile.warnings);
});

describe("what is wrong names the property's path", () => {
  const cases: readonly (readonly [settings: unknown, problem: string])[] = [
    [{ data: "/d", zookeeper: { prot: 1 } }, 'zookeeper.prot is not a setting. Did you mean "zookeeper.port"?'],
    [{ data: "/d", zookeeper: { port: 70_000 } }, 'zookeeper.port must have ports from 1 to 65535, not "70000"'],
    [
      { data: "/d", zookeeper: { session: { tick: 2000 } } },
      "zookeeper.session.tick must say its unit (ms, s, m, h or d), as in 2000ms",
    ],
    [{ data: "/d", zookeeper: { session: "2s" } }, "zookeeper.session must hold names and values"],
    [
      { data: "/d", zookeeper: [{ port: 1 }, { port: 2, session: { tick: "x" } }] },
      'zookeeper[1].session.tick must be a time such as 500ms, 2s or 1h, not "x"',
    ],
    [{ data: "/d", storage: { segment: () => 1 } }, "storage.segment must be a plain value"],
    [{ data: "/d", storage: new Map([["segment", "64MiB"]]) }, "storage must hold names and values"],
    [{ data: null }, "data has no value"],
    [{}, "data is not set: where shall this member keep its data?"],
    [{ data: "/d", clientPort: 1 }, 'clientPort is not a setting. Here it is called "zookeeper.port".'],
    [{ data: "/d", timeoutMs: 1 }, "timeoutMs is not a setting."],
    [
      { data: "/d", id: 4, members: { 1: "a:1:2", 2: "b:1:2", 3: "c:1:2" } },
      "this member is number 4, and there is no members.4 (only 1, 2, 3): add it, or mend id",
    ],
    [
      { data: "/d", members: { 1: "a:1:2", 2: "b:1:2", 3: "c:1:2" } },
      "id is not set, and there is no file /d/myid with this member's number",
    ],
    [{ data: "/d", id: 1, members: { 1: { hots: "a" } } }, 'members.1.hots is not a setting. Did you mean "host"?'],
    [
      { data: "/d", members: { 1: { host: "a", role: "observer" } } },
      "all of members are observers: at least one must be a participant",
    ],
  ];
  for (const [settings, problem] of cases) {
    test(problem, () => {
      const problems = problemsOf(settings as object);
      assert.ok(problems.includes(`startMember: ${problem}`), problems.join("\n"));
    });
  }
});

test("all problems are told at once", () => {
  assert.equal(problemsOf({ zookeeper: { prot: 1 }, raft: { electionTimeout: "1ms" }, tree: 7 }).length, 4);
});

test("an embedded member opens no port that was not named", () => {
  const { configuration } = load({ data: "/d" });
  assert.equal(configuration.admin.listen, null);
  assert.equal(configuration.metrics.listen, null);
  const [door] = configuration.doors;
  assert.deepEqual([door?.kind, door?.listen.plain, door?.listen.secure], ["zookeeper", null, null]);
  assert.equal(load({ data: "/d", admin: { port: 9000 } }).configuration.admin.listen?.port, 9000);
  assert.equal(load({ data: "/d", admin: { enabled: true } }).configuration.admin.listen?.port, 8080);
});

test("a door that was made elsewhere has a section, and this process uses the member all the same", () => {
  const echo = { name: "echo", settings: { greeting: { kind: text, default: "hello" } } };
  const echoing = (settings: object) => loadEmbedded({ settings, file: null, doorSections: [echo] }).configuration;
  const { doors } = echoing({ data: "/d", echo: { port: 7000, greeting: "hi" } });
  assert.deepEqual(
    doors.map(({ kind, listen }) => [kind, listen.plain?.port]),
    [
      ["zookeeper", undefined],
      ["echo", 7000],
    ],
  );
  assert.deepEqual(doors[1]!.settings, { greeting: "hi" });
  assert.throws(() => echoing({ data: "/d", echo: { greeting: "hi" } }), /startMember: echo has no port/);
});

test("undefined is as if it were left out", () => {
  assert.equal(load({ data: "/d", log: undefined, raft: { electionTimeout: undefined } }).configuration.logDir, "/d");
});

test("a file counts where the object says nothing", () => {
  const folder = mkdtempSync(join(tmpdir(), "cabildo-object-"));
  try {
    const file = join(folder, "cabildo.yaml");
    writeFileSync(file, "data: /from/file\nlog: /from/file/log\nraft: { electionTimeout: 1s }\n");
    const { configuration } = load({ log: "/from/object" }, file);
    assert.equal(configuration.dataDir, "/from/file");
    assert.equal(configuration.logDir, "/from/object");
    assert.equal(configuration.peer.electionTimeoutMs, 1000);
    assert.match(problemsOf({ raft: { heartbeatInterval: 5 } }, file).join(), /^startMember: raft\.heartbeatInterval/);
    assert.deepEqual(problemsOf({}, join(folder, "none.yaml")).length, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("members and a file of members cannot both be given", () => {
  const folder = mkdtempSync(join(tmpdir(), "cabildo-object-"));
  try {
    const membersFile = join(folder, "members");
    writeFileSync(membersFile, "server.1=a:1:2;2181\nserver.2=b:1:2;2181\n");
    const settings = { id: 1, data: folder, membersFile };
    assert.deepEqual(
      load(settings).configuration.members.map(({ addresses }) => addresses[0]?.host),
      ["a", "b"],
    );
    assert.deepEqual(problemsOf({ ...settings, members: { 1: "p:1:2", 2: "q:1:2" } }), [
      `startMember: members.1 must be in ${membersFile}, which membersFile names`,
      `startMember: members.2 must be in ${membersFile}, which membersFile names`,
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

// The type has every setting, and nothing else: what is missing does not compile here.
type Leaves<T, Path extends string> = T extends readonly (infer Item)[]
  ? Item extends object
    ? Leaves<Item, Path>
    : Path
  : T extends object
    ? string extends keyof T
      ? never
      : number extends keyof T
        ? never
        : {
            [Key in keyof T & string]-?: Leaves<NonNullable<T[Key]>, Path extends "" ? Key : `${Path}.${Key}`>;
          }[keyof T & string]
    : Path;
type Named = (typeof SETTINGS)[keyof typeof SETTINGS]["yaml"];
/** They have no effect, or are refused: a program has no reason to give them. */
type WithoutEffect =
  | `ensemble.${"initTicks" | "role" | "leaderServes" | "electionAlgorithm"}`
  | `zookeeper.session.${"local" | "localUpgrading"}`
  | "zookeeper.security.ensembleNames"
  | `storage.${"purgeEvery" | "sync"}`
  | `peer.${"sasl" | "saslServer" | "saslLearner"}`
  | "admin.restore"
  | `${"zookeeper" | "peer"}.tls.${"keyStoreType" | "authoritiesType" | "authoritiesPassword" | "authoritiesPasswordFile" | "revocationLists" | "ocsp"}`;
type Missing = Exclude<Named, Leaves<MemberSettings, ""> | WithoutEffect>;
type TooMany = Exclude<Leaves<MemberSettings, "">, Named>;
const MISSING: readonly Missing[] = [] satisfies readonly never[];
const TOO_MANY: readonly TooMany[] = [] satisfies readonly never[];
const nothing = <T extends never>(list: readonly T[]): readonly T[] => list;

test("the type has every setting that has an effect", () => {
  assert.deepEqual([...nothing(MISSING), ...nothing(TOO_MANY)], []);
});
