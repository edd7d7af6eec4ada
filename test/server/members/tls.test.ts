// TLS as its settings have it: to clients, with certificates as identities, and between members.
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import * as ask from "../../protocols/zookeeper/support/requests.ts";
import { Authority, type Certificate } from "../../support/certificates.ts";
import { freePort } from "../../support/ports.ts";
import { ConnectionLost, ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { codeOf, until, untilTold, withEnsemble } from "./story.ts";

const directory = mkdtempSync(join(tmpdir(), "cabildo-tls-"));
after(() => rmSync(directory, { recursive: true }));
const authority = new Authority();

/** A client's side of TLS with such a certificate, or with none. */
function as(subject: string | null, more: ConnectionOptions = {}): { readonly tls: ConnectionOptions } {
  const texts = subject === null ? { ca: readFileSync(authority.file) } : authority.issue({ subject }).texts;
  return { tls: { ...texts, ...more } };
}

test("clients come by TLS, and their certificates are who they are", async () => {
  const port = await freePort();
  const server = authority.issue();
  const config = [
    `secureClientPort=${port}`,
    "secureClientPortAddress=127.0.0.1",
    `ssl.keyStore.location=${server.bothFile}`,
    `ssl.trustStore.location=${server.authorityFile}`,
    "ssl.enabledProtocols=TLSv1.3",
    "client.portUnification=true",
    "X509AuthenticationProvider.superUser=CN=first",
    "superUser.1=CN=second",
  ];
  await withEnsemble({ members: 1, config }, async ({ members: [member] }) => {
    const secure = `127.0.0.1:${port}`;
    const bob = await ZooKeeperClient.connect(secure, as("/O=Example/CN=bob"));
    const acl = [{ perms: 31, scheme: "x509", id: "CN=bob,O=Example" }];
    assert.equal((await bob.request(...ask.create("/bobs", { acl }))).error, 0);
    assert.equal(await codeOf(bob.setData("/bobs", "mine")), 0);

    const eve = await ZooKeeperClient.connect(secure, as("/O=Example/CN=eve"));
    assert.equal(await codeOf(eve.getData("/bobs")), -102);
    const plain = await ZooKeeperClient.connect(member!.address);
    assert.equal(await codeOf(plain.getData("/bobs")), -102, "who shows nothing is nobody");
    for (const name of ["first", "second"]) {
      const root = await ZooKeeperClient.connect(secure, as(`/CN=${name}`));
      assert.equal((await root.getData("/bobs")).data, "mine", `${name} is a super user`);
      await root.close();
    }
    const unified = await ZooKeeperClient.connect(member!.address, as("/O=Example/CN=bob"));
    assert.equal((await unified.getData("/bobs")).data, "mine", "the plain port understands TLS too");

    const refused = [
      as(null),
      { tls: { ...new Authority().issue().texts, ca: server.texts.ca } },
      as("/O=Example/CN=bob", { maxVersion: "TLSv1.2" }),
      {},
    ];
    for (const options of refused) {
      await assert.rejects(ZooKeeperClient.connect(secure, { ...options, patienceMs: 5000 }), ConnectionLost);
    }
    await Promise.all([bob, eve, plain, unified].map((client) => client.close()));
  });
});

test("a client's certificate must name its address where that is asked for", async () => {
  const server = authority.issue();
  const config = [
    "client.portUnification=true",
    `ssl.keyStore.location=${server.bothFile}`,
    `ssl.trustStore.location=${server.authorityFile}`,
    "ssl.clientHostnameVerification=true",
  ];
  await withEnsemble({ members: 1, config }, async ({ members: [member] }) => {
    const here = await ZooKeeperClient.connect(member!.address, { tls: authority.issue().texts });
    const elsewhere = authority.issue({ names: "DNS:elsewhere.example" }).texts;
    await assert.rejects(ZooKeeperClient.connect(member!.address, { tls: elsewhere }), ConnectionLost);
    await untilTold(member!, /the certificate of 127\.0\.0\.1 is refused: it does not name this address/);
    await here.close();
  });
});

test("new certificates for clients are taken up while running; those that do not fit are not", async () => {
  const store = join(directory, "store.pem");
  const trusted = join(directory, "trusted.pem");
  const put = ({ bothFile, authorityFile }: Certificate) => {
    copyFileSync(authorityFile, trusted);
    copyFileSync(bothFile, store);
  };
  const old = authority.issue();
  put(old);
  const config = [
    "client.portUnification=true",
    "client.certReload=true",
    `ssl.keyStore.location=${store}`,
    `ssl.trustStore.location=${trusted}`,
  ];
  await withEnsemble({ members: 1, config }, async ({ members: [member] }) => {
    const before = await ZooKeeperClient.connect(member!.address, { tls: old.texts });
    const successor = new Authority();
    const fresh = successor.issue();
    writeFileSync(store, old.texts.key + fresh.texts.cert);
    await untilTold(member!, /the new certificates for clients cannot be used, the old ones stay/);
    await (await ZooKeeperClient.connect(member!.address, { tls: old.texts })).close();

    put(fresh);
    await untilTold(member!, /new certificates for clients are in use/);
    await (await ZooKeeperClient.connect(member!.address, { tls: successor.issue().texts })).close();
    await assert.rejects(ZooKeeperClient.connect(member!.address, { tls: old.texts }), ConnectionLost);
    assert.ok(await before.exists("/"), "who is connected stays so");
    await before.close();
  });
});

function quorumTls(certificate: Certificate): string[] {
  return [
    `ssl.quorum.keyStore.location=${certificate.bothFile}`,
    `ssl.quorum.trustStore.location=${certificate.authorityFile}`,
  ];
}

test("members prove to each other who they are; one that cannot is no member", async () => {
  const configOf = () => ["sslQuorum=true", ...quorumTls(authority.issue())];
  await withEnsemble({ members: 3, configOf }, async (ensemble) => {
    const client = await ZooKeeperClient.connect(ensemble.members[0]!.address);
    await client.create("/secret", "x".repeat(100_000));
    const plain = await ensemble.add();
    await untilTold(ensemble.members[0]!, /called on the peer port and failed in TLS/);
    const stranger = await ensemble.add(() => ["sslQuorum=true", ...quorumTls(new Authority().issue())]);
    await untilTold(stranger, /member \d cannot be reached at .*(certificate|signed)/);
    for (const member of [plain, stranger]) {
      assert.doesNotMatch(member.log(), /connected to member/);
      assert.equal((JSON.parse(await member.ask("memb")) as { leader: unknown }).leader, null);
    }
    assert.equal(await codeOf(client.setData("/secret", "still written")), 0);
    await client.close();
  });
});

test("an ensemble goes over to TLS, member by member, and serves all the while", async () => {
  const configOf = () => ["portUnification=true", "sslQuorum=false", ...quorumTls(authority.issue())];
  await withEnsemble({ members: 3, configOf }, async (ensemble) => {
    for (const [from, to] of [
      ["sslQuorum=false", "sslQuorum=true"],
      ["portUnification=true", "portUnification=false"],
    ] as const) {
      for (const member of ensemble.members) {
        writeFileSync(member.configFile, readFileSync(member.configFile, "utf8").replace(from, to));
        await member.kill("SIGTERM");
        await writeThrough(ensemble.members.find(({ id }) => id !== member.id)!.address);
        await member.restart();
        await ensemble.waitReady();
        await until("it is connected to both", () => connections(member.log()).size === 2);
      }
    }
    await writeThrough(ensemble.members[0]!.address);
  });
});

/** Which members a member was connected to in its last life. */
function connections(log: string): Set<string> {
  const life = log.slice(log.lastIndexOf("started as process"));
  return new Set([...life.matchAll(/connected to member (\d)/g)].map(([, id]) => id!));
}

async function writeThrough(address: string): Promise<void> {
  const client = await ZooKeeperClient.connect(address);
  await client.create("/n", "x", 2);
  await client.close();
}
