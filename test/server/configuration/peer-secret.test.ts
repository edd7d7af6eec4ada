import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openPeerPortWarning } from "../../../src/server/peers-options.ts";
import { ALONE, configure, problemsOf, settingsOf } from "./configure.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const FILE = `${ALONE}peer.secretFile=/etc/secret\n`;
const ensemble = (host: string) =>
  `dataDir=/data\nclientPort=2181\nserver.1=${host}:2888:3888\nserver.2=${host}:2889:3889\nserver.3=${host}:2890:3890\nmyid=1\n`;
const KEY =
  "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
const files = { "/tls/member.pem": KEY, "/tls/ca.pem": KEY, "/etc/secret": SECRET };
const TLS = "sslQuorum=true\nssl.quorum.keyStore.location=/tls/member.pem\n";
const TRUST = "ssl.quorum.trustStore.location=/tls/ca.pem\n";

describe("the secret of the ensemble", () => {
  test("comes from a file, a setting or the environment, and is shown to nobody", () => {
    assert.deepEqual(settingsOf(ALONE).peer.secrets, []);
    const ways = [
      configure(FILE, { files }),
      configure(`${ALONE}peer.secret=${SECRET}\n`),
      configure(ALONE, { environment: { CABILDO_PEER_SECRET: SECRET } }),
      configure(ALONE, { files, environment: { CABILDO_PEER_SECRET_FILE: "/etc/secret" } }),
      configure(`data: /data\nzookeeper: { port: 2181 }\npeer: { secret: ${SECRET} }\n`, {}, "/conf/cabildo.yaml"),
    ];
    for (const { configuration, warnings } of ways) {
      assert.deepEqual([configuration.peer.secrets, configuration.peer.secretRequired], [[SECRET], true]);
      assert.deepEqual(warnings, []);
      assert.ok(!JSON.stringify(configuration.given).includes(SECRET));
    }
  });

  test("a file may hold several, a line each, with comments; the first is the one that calls are proved by", () => {
    const text = `# of May\r\n${SECRET}\r\n\n  ${SECRET}-old  \n`;
    assert.deepEqual(settingsOf(FILE, { files: { "/etc/secret": text } }).peer.secrets, [SECRET, `${SECRET}-old`]);
  });

  test("one that is missing, empty, short or given twice is complained of", () => {
    assert.match(problemsOf(FILE).join(), /peer\.secretFile names \/etc\/secret, and there is no such file/);
    for (const [text, problem] of [
      ["", /holds no secret/],
      ["# nothing\n", /holds no secret/],
      ["hunter2", /has not 16 to 1024 characters: make one with "openssl/],
      [`${SECRET}\nhunter2`, /has not 16 to 1024 characters/],
      [`${SECRET}\n`.repeat(5), /more than 4 secrets/],
    ] as const) {
      const problems = problemsOf(FILE, { files: { "/etc/secret": text } }).join();
      assert.match(problems, problem);
      assert.doesNotMatch(problems, /hunter2/);
    }
    assert.match(problemsOf(`${FILE}peer.secret=${SECRET}\n`, { files }).join(), /one of them is enough/);
  });

  test("a file that everybody may read is warned about", () => {
    const warned = (permissions: number) => configure(FILE, { files, permissions }).warnings.join();
    assert.match(warned(0o644), /everybody on this machine may read: chmod 600 \/etc\/secret/);
    assert.equal(warned(0o640), "");
    assert.equal(warned(0o400), "");
  });
});

describe("a peer port that believes anybody", () => {
  const warning = (text: string) => openPeerPortWarning(settingsOf(text, { files }));

  test("is warned about where other machines reach it, with neither TLS nor a secret that all must know", () => {
    assert.match(warning(ensemble("zoo.example"))!, /^ANYBODY WHO REACHES \S+:2888 CAN PASS FOR A MEMBER/);
    assert.match(warning(`${ensemble("127.0.0.1")}quorumListenOnAllIPs=true\n`)!, /\*:2888/);
    const optional = `${ensemble("10.0.0.1")}peer.secretFile=/etc/secret\npeer.secretRequired=false\n`;
    assert.match(warning(optional)!, /peer\.secretRequired is false/);
    assert.match(warning(`${ensemble("10.0.0.1")}${TLS}${TRUST}portUnification=true\n`)!, /not asked of every caller/);
    assert.match(
      warning(`${ensemble("10.0.0.1")}${TLS}${TRUST}ssl.quorum.clientAuth=none\n`)!,
      /not asked of every caller/,
    );
  });

  test("is not where nobody else reaches it, or members prove who they are", () => {
    assert.equal(warning(ALONE), null);
    for (const host of ["127.0.0.1", "localhost", "127.1.2.3", "[::1]"])
      assert.equal(warning(ensemble(host)), null, host);
    assert.equal(warning(`${ensemble("10.0.0.1")}peer.secretFile=/etc/secret\n`), null);
    assert.equal(warning(`${ensemble("10.0.0.1")}${TLS}${TRUST}`), null);
  });
});

test("TLS between members without authorities of their own is refused: anybody has a certificate of the system's", () => {
  const text = `${ensemble("zoo.example")}${TLS}`;
  assert.match(
    problemsOf(text, { files }).join(),
    /sslQuorum needs to know whose certificates members have: give ssl\.quorum\.trust/,
  );
  const unified = text.replace("sslQuorum=true", "portUnification=true");
  assert.match(problemsOf(unified, { files }).join(), /portUnification needs to know whose certificates/);
  assert.deepEqual(problemsOf(`${text}${TRUST}`, { files }), []);
});
