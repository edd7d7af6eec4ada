import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Complaint } from "../../../src/protocols/setting-kinds.ts";
import { protocolOptions } from "../../../src/protocols/zookeeper/door-kind.ts";
import { parseJaas } from "../../../src/server/configuration/jaas.ts";
import { ALONE, configure, problemsOf, settingsOf } from "./configure.ts";

const KEY = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n";
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";

describe("SASL users", () => {
  const jaas = `
    /* the client's part, of no use here */
    Client { org.apache.zookeeper.server.auth.DigestLoginModule required username="bob" password="x"; };
    Server {
      org.apache.zookeeper.server.auth.DigestLoginModule required
        user_super="adm\\"in"   // escaped
        user_bob="secret}";
    };`;

  test("are those of the section Server in the JAAS file", () => {
    assert.deepEqual(
      [...(parseJaas(jaas, "Server") ?? [])],
      [
        ["super", 'adm"in'],
        ["bob", "secret}"],
      ],
    );
    const text = `${ALONE}java.security.auth.login.config=/conf/jaas.conf\nauthProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n`;
    const { configuration, warnings } = configure(text, { files: { "/conf/jaas.conf": jaas } });
    assert.equal(configuration.security.saslUsers.get("bob"), "secret}");
    assert.deepEqual(warnings, []);
  });

  test("a JAAS file without the section, as one for clients or an empty one, gives no users, and the member starts", () => {
    const text = `${ALONE}java.security.auth.login.config=/conf/jaas.conf\n`;
    const client =
      'Client { org.apache.zookeeper.server.auth.DigestLoginModule required username="bob" password="x"; };';
    for (const content of ["", "\n", "// nothing yet\n", client, "Server { };"]) {
      const { configuration, warnings } = configure(text, { files: { "/conf/jaas.conf": content } });
      assert.equal(configuration.security.saslUsers.size, 0, content);
      assert.equal(warnings.length, content.startsWith("Server") ? 0 : 1);
    }
    const [warning] = configure(text, { files: { "/conf/jaas.conf": client } }).warnings;
    assert.match(warning!, /zoo\.cfg line 3.*names \/conf\/jaas\.conf, which has no section Server/);
    const other = configure(`${text}sasl.serverconfig=Other\n`, { files: { "/conf/jaas.conf": jaas } });
    assert.match(other.warnings.join(), /no section Other/);
  });

  test("a JAAS file that is missing, malformed anywhere, or of Kerberos, is complained of", () => {
    assert.throws(() => parseJaas(`${jaas}\nClient { oops`, "Server"), Complaint);
    assert.throws(() => parseJaas("oops", "Server"), Complaint);
    assert.throws(() => parseJaas("Server { ", "Server"), Complaint);
    assert.throws(
      () => parseJaas("Server { com.sun.security.auth.module.Krb5LoginModule required; };", "Server"),
      /Kerberos/,
    );
    const text = `${ALONE}java.security.auth.login.config=/conf/jaas.conf\n`;
    assert.match(problemsOf(text, { files: { "/conf/jaas.conf": "Server {" } }).join(), /zoo\.cfg line 3.*no "}"/);
    assert.match(problemsOf(text).join(), /no such file/);
  });

  test("to require SASL without users shuts everybody out: the member starts, as ZooKeeper does, and says so", () => {
    for (const required of [
      "sessionRequireClientSASLAuth=true",
      "enforce.auth.enabled=true\nenforce.auth.schemes=sasl",
    ]) {
      const { configuration, warnings } = configure(`${ALONE}${required}\n`);
      assert.deepEqual(configuration.security.requiredSchemes, ["sasl"]);
      assert.match(warnings.join(), /no SASL users: every client is refused/);
    }
  });

  test("access lists may name the schemes that are set up, or have a provider", () => {
    const unknown = (text: string, files: Readonly<Record<string, string>> = {}) => {
      const settings = settingsOf(`${ALONE}${text}`, { files });
      return protocolOptions({ name: "zookeeper", kind: "zookeeper", listen: settings.client, settings }, settings)
        .policy!.unknownSchemes;
    };
    const provider = (name: string) =>
      `authProvider.1=org.apache.zookeeper.server.auth.${name}AuthenticationProvider\n`;
    assert.deepEqual(unknown(""), ["sasl", "x509"]);
    assert.deepEqual(unknown(provider("SASL")), ["x509"]);
    assert.deepEqual(unknown(provider("X509")), ["sasl"]);
    assert.deepEqual(unknown("saslUser.bob=secret\n"), ["x509"]);
    assert.deepEqual(unknown("sessionRequireClientSASLAuth=true\n"), ["x509"]);
    assert.deepEqual(unknown("DigestAuthenticationProvider.enabled=false\n"), ["digest", "sasl", "x509"]);
  });

  test("the schemes that a client must prove are listed, and known", () => {
    const text = `${ALONE}enforce.auth.enabled=true\nenforce.auth.schemes=digest,x509\n`;
    assert.deepEqual(settingsOf(text).security.requiredSchemes, ["digest", "x509"]);
    assert.match(problemsOf(`${ALONE}enforce.auth.enabled=true\n`).join(), /needs enforce\.auth\.schemes/);
    assert.match(problemsOf(text.replace("x509", "kerberos")).join(), /"kerberos", which is no scheme/);
  });
});

describe("secrets", () => {
  test("a password in the place of the super user's digest is refused, and not repeated", () => {
    const [problem] = problemsOf(`${ALONE}superDigest=hunter2\n`);
    assert.match(problem ?? "", /must be user:hash/);
    assert.doesNotMatch(problem ?? "", /hunter2/);
  });
});

test("what was given is shown to people without its secrets", () => {
  const hidden = ["hunter2", "hunter3", "hunter4"];
  const text = `${ALONE}superDigest=super:hunter2\nssl.keyStore.password=hunter3\nzookeeper.ssl.quorum.trustStore.password=hunter4\n`;
  const environment = { CABILDO_ZOOKEEPER_PORT: "2191" };
  const { configuration } = configure(text, { environment });
  const shown = JSON.stringify(configuration.given);
  for (const secret of hidden) assert.ok(!shown.includes(secret), secret);
  assert.match(
    shown,
    /"key":"clientPort","value":"2191","source":\{"kind":"environment","name":"CABILDO_ZOOKEEPER_PORT"/,
  );
  const yaml = "data: /d\nzookeeper: { port: 1, security: { users: { bob: hunter5 } } }\n";
  const users = configure(yaml, {}, "/conf/cabildo.yaml").configuration;
  assert.equal(users.security.saslUsers.get("bob"), "hunter5");
  assert.ok(!JSON.stringify(users.given).includes("hunter5"));
});

describe("TLS", () => {
  const text = `${ALONE}secureClientPort=2281\nssl.keyStore.location=/tls/member.pem\nssl.trustStore.location=/tls/ca.pem\n`;
  const files = { "/tls/member.pem": KEY + CERTIFICATE, "/tls/ca.pem": CERTIFICATE };

  test("one PEM file with key and certificate serves the secure port; clients must show one too", () => {
    const { client } = settingsOf(text, { files });
    assert.deepEqual(client.secure, { host: null, port: 2281 });
    assert.equal(client.tls?.keyFile, "/tls/member.pem");
    assert.equal(client.tls?.certificateFile, "/tls/member.pem");
    assert.equal(client.tls?.authoritiesFile, "/tls/ca.pem");
    assert.equal(client.tls?.clientAuth, "need");
    assert.deepEqual([client.tls?.versionMin, client.tls?.versionMax], ["TLSv1.2", "TLSv1.3"]);
  });

  test("the password may stand in a file of its own, which counts", () => {
    const more = `${text}ssl.keyStore.password=old\nssl.keyStore.passwordPath=/tls/password\n`;
    assert.equal(settingsOf(more, { files: { ...files, "/tls/password": "new\n" } }).client.tls?.passphrase, "new");
  });

  test("protocols and Java's names of ciphers", () => {
    const more = `${text}ssl.enabledProtocols=TLSv1.1,TLSv1.3\nssl.ciphersuites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_AES_128_GCM_SHA256\n`;
    const { configuration, warnings } = configure(more, { files });
    assert.equal(configuration.client.tls?.versionMin, "TLSv1.3");
    assert.equal(configuration.client.tls?.ciphers, "ECDHE-RSA-AES256-GCM-SHA384:TLS_AES_128_GCM_SHA256");
    assert.match(warnings.join(), /names TLSv1\.1/);
  });

  test("a Java key store is refused with the command that converts it", () => {
    const jks = problemsOf(text.replace("member.pem", "member.jks"), { files }).join("\n");
    assert.match(jks, /ssl\.keyStore\.location is a JKS store.*keytool -importkeystore.*openssl pkcs12/);
    const p12 = problemsOf(text.replace("ca.pem", "ca.p12"), { files }).join("\n");
    assert.match(p12, /ssl\.trustStore\.location is a P12 store.*openssl pkcs12 -in \/tls\/ca\.p12 -nokeys/);
  });

  test("files that are missing, not PEM, or without a key are told of", () => {
    assert.match(problemsOf(text).join("\n"), /names \/tls\/member\.pem, and there is no such file/);
    assert.match(
      problemsOf(text, { files: { ...files, "/tls/member.pem": "\u0000binary" } }).join("\n"),
      /is no PEM file/,
    );
    assert.match(
      problemsOf(text, { files: { ...files, "/tls/member.pem": CERTIFICATE } }).join("\n"),
      /holds no private key/,
    );
  });

  test("between members TLS is asked for by sslQuorum, with files of its own", () => {
    const quorum = `${ALONE}sslQuorum=true\nssl.quorum.keyStore.location=/tls/member.pem\nssl.quorum.trustStore.location=/tls/ca.pem\n`;
    const { peer } = settingsOf(quorum, { files });
    assert.equal(peer.tls?.keyFile, "/tls/member.pem");
    assert.deepEqual([peer.tls?.verifyHost, peer.tls?.verifyCallerHost, peer.callsByTls], [true, true, true]);
    assert.match(problemsOf(`${ALONE}sslQuorum=true\n`).join(), /sslQuorum needs a key and a certificate/);
  });

  test("whose certificate must name its host is said for each direction", () => {
    const quorum = `${ALONE}sslQuorum=true\nssl.quorum.keyStore.location=/tls/member.pem\nssl.quorum.trustStore.location=/tls/ca.pem\n`;
    const callers = settingsOf(`${quorum}ssl.quorum.clientHostnameVerification=false\n`, { files }).peer.tls;
    assert.deepEqual([callers?.verifyHost, callers?.verifyCallerHost], [true, false]);
    const nobody = settingsOf(`${quorum}ssl.quorum.hostnameVerification=false\n`, { files }).peer.tls;
    assert.deepEqual([nobody?.verifyHost, nobody?.verifyCallerHost], [false, false]);
    assert.equal(settingsOf(text, { files }).client.tls?.verifyCallerHost, false);
    const clients = settingsOf(`${text}ssl.clientHostnameVerification=true\n`, { files }).client.tls;
    assert.equal(clients?.verifyCallerHost, true);
  });

  test("the first step to TLS between members is to understand it, which takes the files already", () => {
    const going = `${ALONE}portUnification=true\nssl.quorum.keyStore.location=/tls/member.pem\nssl.quorum.trustStore.location=/tls/ca.pem\n`;
    const { peer } = settingsOf(going, { files });
    assert.deepEqual([peer.tls?.keyFile, peer.callsByTls, peer.portUnification], ["/tls/member.pem", false, true]);
    assert.match(problemsOf(`${ALONE}portUnification=true\n`).join(), /portUnification needs a key and a certificate/);
  });
});
