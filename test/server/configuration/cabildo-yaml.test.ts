import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConfiguredDoor } from "../../../src/protocols/configured-door.ts";
import { text } from "../../../src/protocols/setting-kinds.ts";
import type { ZooKeeperSettings } from "../../../src/protocols/zookeeper/settings.ts";
import { ConfigurationError, type ServerConfiguration } from "../../../src/server/configuration/configuration.ts";
import { loadConfiguration } from "../../../src/server/configuration/load.ts";
import { configure, problemsOf, settingsOf } from "./configure.ts";

const FILE = "/conf/cabildo.yaml";
const yaml = (text: string, files: Record<string, string> = {}) => configure(text, { files }, FILE);
const problems = (text: string) => problemsOf(text, {}, FILE);

describe("cabildo.yaml", () => {
  test("says the same as zoo.cfg, in readable names and with units", () => {
    const { configuration, warnings } = yaml(`
id: 2
data: /var/lib/cabildo
zookeeper:
  port: 2181
  address: 10.0.0.2
  session: { tick: 2s, timeoutMax: 1min }
  limits: { frame: 4MiB }
  security:
    users: { bob: secret }
  words: [srvr, mntr]
storage:
  snapshotsKept: 5
  purgeEvery: 1h
members:
  1: zoo1:2888:3888
  2: { host: zoo2, peerPort: 2889, electionPort: 3889, clientPort: 2181, clientAddress: 10.0.0.2 }
  3: { host: "::1", role: observer }
`);
    assert.equal(configuration.id, 2);
    assert.equal(configuration.tickMs, 2000);
    assert.equal(configuration.sessionTimeoutMaxMs, 60_000);
    assert.equal(configuration.storage.snapshotsRetained, 5);
    assert.equal(configuration.frameBytesMax, 4 * 1024 ** 2);
    assert.deepEqual(configuration.words, new Set(["srvr", "mntr"]));
    assert.equal(configuration.security.saslUsers.get("bob"), "secret");
    assert.deepEqual(configuration.peer.listen, [{ host: "zoo2", port: 2889 }]);
    assert.deepEqual(configuration.members[2], {
      id: 3,
      role: "observer",
      addresses: [{ host: "::1", peerPort: 2888, electionPort: 3888 }],
      client: null,
      secureClient: null,
    });
    // Two participants: that is worth a word.
    assert.equal(warnings.length, 1);
  });

  test("words: all", () => {
    assert.equal(yaml("data: /d\nzookeeper: { port: 2181, words: all }\n").configuration.words, "all");
  });

  test("a name that is none is an error, with its line and the nearest", () => {
    assert.deepEqual(problems("data: /d\nzookeeper:\n  prot: 2181\n  port: 2181\n"), [
      'cabildo.yaml line 3: zookeeper.prot is not a setting. Did you mean "zookeeper.port"?',
    ]);
    assert.match(
      problems("data: /d\nzookeeper: {port: 1}\nmembers: { 1: { hots: a } }\n").join(),
      /hots is not a setting\. Did you mean "host"/,
    );
  });

  test("ZooKeeper's name for a setting gets ours told", () => {
    assert.match(
      problems("data: /d\nclientPort: 2181\n").join("\n"),
      /clientPort is not a setting\. Here it is called "zookeeper\.port"/,
    );
  });

  test("a time or size without unit says too little", () => {
    assert.match(
      problems("data: /d\nzookeeper: { port: 2181,\n  session: { tick: 2000 } }\n").join(),
      /line 3: zookeeper\.session\.tick must say its unit/,
    );
    assert.match(
      problems("data: /d\nzookeeper: { port: 2181, limits: { frame: 1048575 } }\n").join(),
      /limits\.frame must say its unit/,
    );
  });

  test("what is no YAML, or no mapping, is told with its line", () => {
    assert.match(problems("data: /d\nzookeeper: { port: 2181\n").join(), /^cabildo\.yaml line \d+: /);
    assert.match(problems("- a\n- b\n").join(), /line 1: the file must hold names and values/);
    assert.match(problems("data: [a, [b]]\n").join("\n"), /data must be a plain value/);
    assert.match(problems("data: /d\ndata: /e\nzookeeper: { port: 1 }").join("\n"), /line 2: .*unique/i);
  });

  test("names that JavaScript knows are no settings", () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      assert.match(
        problems(`data: /d\nzookeeper: { port: 1 }\n${name}: 1\n`).join(),
        new RegExp(`${name} is not a setting`),
      );
    }
    assert.notDeepEqual(problemsOf("dataDir=/d\nclientPort=1\nserver.__proto__=a:1:2\n"), []);
    assert.equal(settingsOf("dataDir=/d\nclientPort=1\nconstructor=1\n").id, 1);
  });

  test("settings that stood outside a door's section are named with their place", () => {
    const told = problems("data: /d\nclient: { port: 2181 }\nsession: { tick: 2s }\nwords: all\n").join("\n");
    assert.match(told, /line 2: client is not a setting\. Here it is called "zookeeper"/);
    assert.match(told, /line 3: session is not a setting\. Here it is called "zookeeper\.session"/);
    assert.match(told, /line 4: words is not a setting\. Here it is called "zookeeper\.words"/);
    assert.match(problems("data: /d\nensemble: { readOnlyMode: true }\n").join(), /called "zookeeper\.readOnlyMode"/);
  });
});

test("settings of a door without a port are told, also of the first of a list", () => {
  for (const first of ["{ session: { tick: 5s } }", "{ security: { users: { bob: secret } } }"]) {
    assert.match(
      problems(`data: /d\nzookeeper: [${first}, { port: 2182 }]\n`).join(),
      /is not set: where shall clients come in/,
    );
  }
});

describe("doors in cabildo.yaml", () => {
  const echo = { name: "echo", settings: { greeting: { kind: text, default: "hello" } } };
  const load = (file: string) =>
    loadConfiguration({
      file: FILE,
      files: { read: (path) => (path === FILE ? file : null), permissions: () => 0o600, isDirectory: () => false },
      doorSections: [echo],
    }).configuration;
  const listening = ({ doors }: ServerConfiguration) => doors.map(({ kind, listen }) => [kind, listen.plain?.port]);

  test("several of ZooKeeper's listen on ports of their own, each with settings of its own", () => {
    const { doors } = load(`
data: /d
zookeeper:
  - { port: 2181, session: { tick: 2s } }
  - { port: 2191, readOnlyMode: true, words: [ruok], security: { users: { bob: secret } } }
`);
    const [first, second] = doors as readonly ConfiguredDoor<ZooKeeperSettings>[];
    assert.deepEqual([first!.listen.plain?.port, second!.listen.plain?.port], [2181, 2191]);
    assert.deepEqual([first!.settings.tickMs, second!.settings.tickMs], [2000, 3000]);
    assert.deepEqual([first!.settings.readOnlyMode, second!.settings.readOnlyMode], [false, true]);
    assert.equal(first!.settings.security.saslUsers.size, 0);
    assert.equal(second!.settings.security.saslUsers.get("bob"), "secret");
  });

  test("a door that was made elsewhere has a section, with what every door has and what is its own", () => {
    const both = load("data: /d\nzookeeper: { port: 2181 }\necho: { port: 7000, address: 127.0.0.1, greeting: hi }\n");
    assert.deepEqual(listening(both), [
      ["zookeeper", 2181],
      ["echo", 7000],
    ]);
    assert.deepEqual(both.doors[1]!.settings, { greeting: "hi" });
    assert.deepEqual(both.doors[1]!.listen.plain, { host: "127.0.0.1", port: 7000 });
    assert.deepEqual(listening(load("data: /d\necho: [{ port: 7000 }, { port: 7001 }]\n")), [
      ["echo", 7000],
      ["echo", 7001],
    ]);
    assert.deepEqual(load("data: /d\necho: { port: 7000 }\n").doors[0]!.settings, { greeting: "hello" });
  });

  test("each has a name of its own: its kind, and a number from the second of a kind on", () => {
    const { doors } = load(`
data: /d
zookeeper: [{ port: 2181 }, { port: 2182 }]
echo: [{ port: 7000 }, { port: 7001 }, { port: 7002 }]
`);
    assert.deepEqual(
      doors.map(({ name }) => name),
      ["zookeeper", "zookeeper-2", "echo", "echo-2", "echo-3"],
    );
  });

  test("a value in quotes keeps its blanks, of a door's own settings and of passwords", () => {
    const { doors } = load(`
data: /d
zookeeper: { port: 2181, security: { users: { bob: " secret " } } }
echo: [{ port: 7000, greeting: "> " }, { port: 7001, greeting: '  ' }, { port: 7002, greeting:   hi   }]
`);
    assert.equal((doors[0]!.settings as ZooKeeperSettings).security.saslUsers.get("bob"), " secret ");
    assert.deepEqual(
      doors.slice(1).map(({ settings }) => settings),
      [{ greeting: "> " }, { greeting: "  " }, { greeting: "hi" }],
    );
  });

  const problemsIn = (file: string): string => {
    try {
      load(file);
    } catch (error) {
      if (error instanceof ConfigurationError) return error.problems.join("\n");
      throw error;
    }
    return "";
  };

  test("one port for two doors is told with the places of both, whatever their addresses are", () => {
    const first = "data: /d\nzookeeper:\n  - { port: 7000, address: 127.0.0.1 }\n";
    assert.equal(
      problemsIn(`${first}  - { port: 7000, address: 127.0.0.2 }\n`),
      "cabildo.yaml line 4: zookeeper.port: two doors listen on port 7000: zookeeper and zookeeper-2, the first at cabildo.yaml line 3",
    );
    assert.equal(
      problemsIn(`${first}echo:\n  port: 7001\n  securePort: 7000\n  tls: { keyStore: /k.pem }\n`).split("\n").at(-1),
      "cabildo.yaml line 6: echo.securePort: two doors listen on port 7000: zookeeper and echo, the first at cabildo.yaml line 3",
    );
  });

  test("what is wrong in such a section is told by its own names", () => {
    assert.match(
      problemsIn("data: /d\necho: { port: 7000, greting: hi }\n"),
      /echo\.greting is not a setting.*"greeting"/,
    );
    assert.match(problemsIn("data: /d\necho: { port: 70000 }\n"), /line 2: echo\.port must have ports from 1 to 65535/);
    assert.match(
      problemsIn("data: /d\necho: { port: 7000, session: { tick: 2s } }\n"),
      /echo\.session is not a setting/,
    );
    assert.match(problemsIn("data: /d\necho: { greeting: hi }\n"), /line 2: echo has no port/);
    assert.match(
      problemsIn("data: /d\nzookeeper: { port: 7000 }\necho: { port: 7000 }\n"),
      /two doors listen on port 7000: zookeeper and echo/,
    );
  });
});
