import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { configure, problemsOf, settingsOf } from "./configure.ts";

const FILE = "/conf/cabildo.yaml";
const yaml = (text: string, files: Record<string, string> = {}) => configure(text, { files }, FILE);
const problems = (text: string) => problemsOf(text, {}, FILE);

describe("cabildo.yaml", () => {
  test("says the same as zoo.cfg, in readable names and with units", () => {
    const { configuration, warnings } = yaml(`
id: 2
data: /var/lib/cabildo
client: { port: 2181, address: 10.0.0.2 }
session: { tick: 2s, timeoutMax: 1min }
storage:
  snapshotsKept: 5
  purgeEvery: 1h
limits: { frame: 4MiB }
members:
  1: zoo1:2888:3888
  2: { host: zoo2, peerPort: 2889, electionPort: 3889, clientPort: 2181, clientAddress: 10.0.0.2 }
  3: { host: "::1", role: observer }
security:
  users: { bob: secret }
words: [srvr, mntr]
`);
    assert.equal(configuration.id, 2);
    assert.equal(configuration.tickMs, 2000);
    assert.equal(configuration.sessionTimeoutMaxMs, 60_000);
    assert.equal(configuration.storage.snapshotsRetained, 5);
    assert.equal(configuration.limits.frameBytesMax, 4 * 1024 ** 2);
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
    assert.equal(yaml("data: /d\nclient: { port: 2181 }\nwords: all\n").configuration.words, "all");
  });

  test("a name that is none is an error, with its line and the nearest", () => {
    assert.deepEqual(problems("data: /d\nclient:\n  prot: 2181\n  port: 2181\n"), [
      'cabildo.yaml line 3: client.prot is not a setting. Did you mean "client.port"?',
    ]);
    assert.match(
      problems("data: /d\nclient: {port: 1}\nmembers: { 1: { hots: a } }\n").join(),
      /hots is not a setting\. Did you mean "host"/,
    );
  });

  test("ZooKeeper's name for a setting gets ours told", () => {
    assert.match(
      problems("data: /d\nclientPort: 2181\n").join("\n"),
      /clientPort is not a setting\. Here it is called "client\.port"/,
    );
  });

  test("a time or size without unit says too little", () => {
    assert.match(
      problems("data: /d\nclient: { port: 2181 }\nsession: { tick: 2000 }\n").join(),
      /line 3: session\.tick must say its unit/,
    );
    assert.match(
      problems("data: /d\nclient: { port: 2181 }\nlimits: { frame: 1048575 }\n").join(),
      /limits\.frame must say its unit/,
    );
  });

  test("what is no YAML, or no mapping, is told with its line", () => {
    assert.match(problems("data: /d\nclient: { port: 2181\n").join(), /^cabildo\.yaml line \d+: /);
    assert.match(problems("- a\n- b\n").join(), /line 1: the file must hold names and values/);
    assert.match(problems("data: [a, [b]]\n").join("\n"), /data must be a plain value/);
    assert.match(problems("data: /d\ndata: /e\nclient: { port: 1 }").join("\n"), /line 2: .*unique/i);
  });

  test("names that JavaScript knows are no settings", () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      assert.match(
        problems(`data: /d\nclient: { port: 1 }\n${name}: 1\n`).join(),
        new RegExp(`${name} is not a setting`),
      );
    }
    assert.notDeepEqual(problemsOf("dataDir=/d\nclientPort=1\nserver.__proto__=a:1:2\n"), []);
    assert.equal(settingsOf("dataDir=/d\nclientPort=1\nconstructor=1\n").id, 1);
  });
});
