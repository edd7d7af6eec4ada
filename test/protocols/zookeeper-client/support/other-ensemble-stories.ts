// The client on ensembles of other settings: without a quorum, and with TLS.

import assert from "node:assert/strict";
import { type ConnectOptions, connectZooKeeper, PERMISSION } from "../../../../src/protocols/zookeeper/client/index.ts";
import { Authority } from "../../../support/certificates.ts";
import { type Flavour, startEnsemble } from "../../../support/ensemble.ts";
import { freePort } from "../../../support/ports.ts";
import { quick } from "./scene.ts";
import { failureOf, refusalOf, textOf, until } from "./story.ts";

export async function readOnly(flavour: Flavour): Promise<void> {
  const config = ["tickTime=500", "initLimit=40", "syncLimit=20", "readonlymode.enabled=true"];
  // ZooKeeper opens sessions without a quorum only where they are local ones.
  if (flavour === "zookeeper") config.push("localSessionsEnabled=true");
  const runtimeOptions = flavour === "zookeeper" ? ["-Dreadonlymode.enabled=true"] : [];
  await using ensemble = await startEnsemble({ flavour, members: 3, config, runtimeOptions });
  await using writer = await connectZooKeeper(ensemble.connectString, quick);
  await writer.create("/a", "1");
  await writer.close();
  const [first, ...others] = ensemble.members;
  await Promise.all(others.map((member) => member.kill()));
  const options = { ...quick, connectTimeoutMs: 60_000 };
  await using client = await connectZooKeeper(ensemble.connectString, { ...options, readOnly: true });
  const session = client.session!;
  assert.equal(session.isReadOnly, true);
  assert.equal(textOf((await client.getData("/a")).data), "1");
  assert.equal(await refusalOf(client.setData("/a", "2")), "not-read-only");
  const strict = await failureOf(connectZooKeeper(first!.address, { ...quick, connectTimeoutMs: 1000 }));
  assert.match(strict.message, /no server gave a session/);
  for (const member of others) await member.restart();
  await until("there is a quorum again", () => client.session !== null && !client.session.isReadOnly, 60_000);
  await client.setData("/a", "2");
  assert.equal(session.signal.aborted, true, "a session begun without a quorum is none with one");
}

export async function tls(flavour: Flavour): Promise<void> {
  const authority = new Authority();
  const port = await freePort();
  const server = authority.issue();
  const ofZooKeeper = ["serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory"];
  await using ensemble = await startEnsemble({
    flavour,
    members: 1,
    config: [
      `secureClientPort=${port}`,
      "secureClientPortAddress=127.0.0.1",
      `ssl.keyStore.location=${server.bothFile}`,
      `ssl.trustStore.location=${server.authorityFile}`,
      "authProvider.x509=org.apache.zookeeper.server.auth.X509AuthenticationProvider",
      ...(flavour === "zookeeper" ? ofZooKeeper : []),
    ],
  });
  assert.equal(ensemble.members.length, 1);
  const { texts } = authority.issue({ subject: "/O=Example/CN=bob" });
  await using bob = await connectZooKeeper(`zookeeper+tls://127.0.0.1:${port}`, { tls: texts });
  await bob.create("/bobs", "", { acl: [{ perms: PERMISSION.all, scheme: "x509", id: "CN=bob,O=Example" }] });
  await bob.setData("/bobs", new Uint8Array(700_000));
  assert.equal((await bob.getData("/bobs")).data?.length, 700_000, "through many records");

  const stranger = { ca: new Authority().issue().texts.cert };
  const refusals: [ConnectOptions["tls"], string, RegExp][] = [
    [stranger, "127.0.0.1", /certificate/i],
    [true, "127.0.0.1", /certificate/i],
    [texts, "localhost", /altnames|Hostname/i],
  ];
  for (const [options, host, why] of refusals) {
    const refused = connectZooKeeper(`${host}:${port}`, { tls: options, connectTimeoutMs: 2000 });
    assert.match((await failureOf(refused)).message, why);
  }
  const plain = connectZooKeeper(`127.0.0.1:${port}`, { connectTimeoutMs: 400 });
  assert.match((await failureOf(plain)).message, /closed the connection|did not give a session|was cut off/);
}
