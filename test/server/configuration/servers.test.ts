import assert from "node:assert/strict";
import { test } from "node:test";
import { formatServerLine } from "../../../src/base/server-line.ts";
import { Complaint } from "../../../src/protocols/setting-kinds.ts";
import { parseEndpoint, parseServer } from "../../../src/server/configuration/servers.ts";
import { initialEnsemble } from "../../../src/server/initial-ensemble.ts";
import { settingsOf } from "./configure.ts";

test("the plain form: a host and two ports make a participant without client address", () => {
  assert.deepEqual(parseServer(1, "zoo1:2888:3888"), {
    id: 1,
    role: "participant",
    addresses: [{ host: "zoo1", peerPort: 2888, electionPort: 3888 }],
    client: null,
    secureClient: null,
  });
});

test("every form is written back as all members agree on it", () => {
  const forms: readonly (readonly [given: string, canonical: string])[] = [
    ["zoo1:2888:3888", "zoo1:2888:3888:participant"],
    ["zoo1:2888:3888:OBSERVER;2181", "zoo1:2888:3888:observer;0.0.0.0:2181"],
    ["zoo1:2888:3888;10.0.0.1:2181", "zoo1:2888:3888:participant;10.0.0.1:2181"],
    ["zoo1:2888:3888;2181;2281", "zoo1:2888:3888:participant;0.0.0.0:2181;0.0.0.0:2281"],
    ["zoo1:2888:3888;;2281", "zoo1:2888:3888:participant;;0.0.0.0:2281"],
    ["[::1]:2888:3888;[fe80::1]:2181", "[::1]:2888:3888:participant;[fe80::1]:2181"],
    ["a:1:2|b:3:4;5", "a:1:2|b:3:4:participant;0.0.0.0:5"],
    ["a:1:2:observer|b:3:4;5", "a:1:2|b:3:4:observer;0.0.0.0:5"],
  ];
  for (const [given, canonical] of forms) {
    const member = parseServer(7, given);
    assert.equal(formatServerLine(member), canonical, given);
    assert.deepEqual(parseServer(7, canonical), member, "the canonical form says the same");
  }
});

test("what is no server is complained of", () => {
  const wrong = [
    "",
    "zoo1",
    "zoo1:2888",
    ":2888:3888",
    "zoo1:2888:3888:leader",
    "zoo1:2888:2888",
    "zoo1:0:3888",
    "zoo1:2888:65536",
    "zoo1:2888:3888:participant:x",
    "zoo1:2888:3888;2181;2281;3",
    "[::1:2888:3888",
    "a:1:2:observer|b:3:4:participant",
    "zoo1:2888:3888;a:b:c",
  ];
  for (const text of wrong) assert.throws(() => parseServer(1, text), Complaint, text);
});

test("all names of every address are one", () => {
  for (const text of ["2181", "0.0.0.0:2181", "[::]:2181", "*:2181"]) {
    assert.deepEqual(parseEndpoint(text), { host: null, port: 2181 }, text);
  }
});

test("the log begins with the members as the file says them, a secure port alone as one", () => {
  const file = [
    "dataDir=/data",
    "clientPort=2181",
    "server.1=zoo1:2888:3888",
    "server.2=zoo2:2888:3888:observer;;2281",
    "server.3=[2001:db8::3]:2888:3888|zoo3:2889:3889;;[::1]:2281",
  ].join("\n");
  const { members } = initialEnsemble(settingsOf(file, { files: { "/data/myid": "1\n" } }));
  assert.deepEqual(
    members.map(({ id, role, description }) => `${id} ${role} ${description}`),
    [
      "1 voter zoo1:2888:3888:participant",
      "2 learner zoo2:2888:3888:observer;;0.0.0.0:2281",
      "3 voter [2001:db8::3]:2888:3888|zoo3:2889:3889:participant;;[::1]:2281",
    ],
  );
});
