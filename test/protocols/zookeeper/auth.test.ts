// Who a client is: what it proves, what that opens to it, and what happens to those who fail to.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ByteReader } from "../../../src/base/bytes.ts";
import { fromByteString } from "../../../src/base/text.ts";
import { readBuffer } from "../../../src/protocols/zookeeper/codec/jute.ts";
import { readAclReply, readClients } from "../../../src/protocols/zookeeper/codec/replies.ts";
import { IDENTITIES_BYTES_MAX } from "../../../src/protocols/zookeeper/limits.ts";
import { parseDirectives } from "../../../src/protocols/zookeeper/sasl.ts";
import * as ask from "./support/requests.ts";
import type { ReplyFrame, TestClient } from "./support/test-client.ts";
import { World } from "./support/world.ts";

const sha1 = (value: string): string => createHash("sha1").update(value).digest("base64");
const md5 = (value: string | Buffer): Buffer => createHash("md5").update(value).digest();
const whoIs = (client: TestClient): readonly unknown[] => readClients(client.call(...ask.whoAmI).body);
const onlyJoe = [{ perms: 31, scheme: "digest", id: `joe:${sha1("joe:pw")}` }];

test("a client is its address, then whoever it proves to be", () => {
  const client = new World().client({ address: "10.1.2.3" });
  assert.deepEqual(whoIs(client), [{ scheme: "ip", user: "10.1.2.3" }]);
  client.call(...ask.auth("digest", "joe:pw"));
  client.call(...ask.auth("digest", "joe:pw"));
  client.call(...ask.auth("ip", ""));
  assert.deepEqual(whoIs(client), [
    { scheme: "ip", user: "10.1.2.3" },
    { scheme: "digest", user: "joe" },
  ]);
});

test("a digest opens what it was given; `auth` stands for whoever asks; others see no hash", () => {
  const world = new World();
  const [joe, other] = [world.client(), world.client()];
  joe.call(...ask.auth("digest", "joe:pw"));
  assert.equal(joe.call(...ask.create("/a", { acl: [{ perms: 31, scheme: "auth", id: "" }] })).error, 0);
  assert.deepEqual(readAclReply(joe.call(...ask.getAcl("/a")).body).acl, onlyJoe);
  assert.equal(other.call(...ask.getData("/a")).error, -102);
  assert.equal(other.call(...ask.getAcl("/a")).error, -102);
  assert.equal(other.call(...ask.setData("/a")).error, -102);
  joe.call(...ask.setAcl("/a", [...onlyJoe, { perms: 1, scheme: "world", id: "anyone" }]));
  assert.deepEqual(readAclReply(other.call(...ask.getAcl("/a")).body).acl[0], {
    perms: 31,
    scheme: "digest",
    id: "joe:x",
  });
  assert.equal(other.call(...ask.create("/b", { acl: [{ perms: 31, scheme: "auth", id: "" }] })).error, -114);
});

test("what is proved in the middle of a pipeline counts from there on", () => {
  const world = new World();
  world.client().call(...ask.create("/a", { acl: onlyJoe }));
  const client = world.client();
  client.send(...ask.setData("/a"));
  client.send(...ask.auth("digest", "joe:pw"));
  client.send(...ask.setData("/a"));
  client.send(...ask.getData("/a"));
  assert.deepEqual(client.takeStory(), ["reply 1 error -102", "reply -4", "reply 2", "reply 3"]);
});

test("a proof that fails is answered with -115 in its place, then the connection ends", () => {
  for (const [scheme, secret] of [
    ["foo", "x"],
    ["world", "anyone"],
    ["super", ""],
    ["sasl", "bob"],
    ["x509", ""],
  ] as const) {
    const world = new World();
    const client = world.client();
    client.send(...ask.create("/a"));
    client.send(...ask.auth(scheme, secret));
    client.send(...ask.create("/b"));
    assert.deepEqual(client.takeStory(), ["reply 1", "reply -4 error -115"], scheme);
    assert.equal(client.port.isEnded, true);
    assert.equal(world.service.counters.authFailures, 1);
  }
});

test("digests can be switched off", () => {
  const client = new World({ auth: { digestEnabled: false } }).client();
  assert.equal(client.call(...ask.auth("digest", "joe:pw")).error, -115);
});

test("whoever proves the super digest may do everything", () => {
  const world = new World({ auth: { superDigest: `root:${sha1("root:secret")}` } });
  world.client().call(...ask.create("/a", { acl: onlyJoe }));
  const root = world.client();
  assert.equal(root.call(...ask.getData("/a")).error, -102);
  root.call(...ask.auth("digest", "root:secret"));
  assert.equal(root.call(...ask.getData("/a")).error, 0);
  assert.equal(root.call(...ask.setAcl("/a", [{ perms: 1, scheme: "world", id: "anyone" }])).error, 0);
});

test("a certificate is an identity from the start; one of them may be the super user's", () => {
  const world = new World({ auth: { x509SuperUsers: ["CN=admin", "CN=root"] } });
  const client = world.client({ secure: true, certificateName: "CN=client,O=Example" });
  const acl = [{ perms: 31, scheme: "x509", id: "CN=client,O=Example" }];
  assert.equal(client.call(...ask.create("/a", { acl })).error, 0);
  assert.equal(client.call(...ask.getData("/a")).error, 0);
  assert.equal(client.call(...ask.auth("x509", "")).error, 0);
  assert.equal(world.client({ certificateName: "CN=other" }).call(...ask.getData("/a")).error, -102);
  assert.equal(world.client({ certificateName: "CN=root" }).call(...ask.getData("/a")).error, 0);
});

test("skipACL asks nobody", () => {
  const world = new World({ policy: { skipAcl: true } });
  const client = world.client();
  client.call(...ask.create("/a", { acl: onlyJoe }));
  assert.equal(client.call(...ask.getData("/a")).error, 0);
  assert.equal(client.call(...ask.setData("/a")).error, 0);
});

test("identities do not pile up without end", () => {
  const client = new World().client();
  let accepted = 0;
  for (let i = 0; i < 200 && !client.isClosed; i++)
    if (client.call(...ask.auth("digest", `u${i}:pw`)).error === 0) accepted += 1;
  assert.equal(accepted, 63);
  assert.equal(client.isClosed, true);
});

test("where a scheme is required, nothing else is answered before it is proved", () => {
  const world = new World({ enforceAuthSchemes: ["digest"] });
  const stranger = world.client();
  assert.equal(stranger.call(...ask.exists("/")).error, -124);
  assert.equal(stranger.port.isEnded, true);
  const joe = world.client();
  assert.equal(joe.call(...ask.auth("digest", "joe:pw")).error, 0);
  assert.equal(joe.call(...ask.exists("/")).error, 0);
});

// ------------------------------------------------------------------------------------------------------------- SASL

const users = new Map([
  ["bob", "bobsecret"],
  ["josé", "contraseña"],
]);
const saslOptions = { sasl: { users }, saslSuperUsers: ["bob"] };

function tokenOf(reply: ReplyFrame): string {
  const token = readBuffer(reply.body);
  assert(token !== null);
  return String.fromCharCode(...token);
}

interface Answer {
  readonly user?: string;
  readonly password?: string;
  readonly nonce?: string;
  readonly service?: string;
  readonly nc?: string;
  readonly authorization?: string;
}

/** What a client answers to the challenge, computed here by the letter of RFC 2831. */
function respond(challenge: string, answer: Answer = {}): { response: string; proof: string } {
  const { user = "bob", password = "bobsecret", service = "zookeeper", nc = "00000001", authorization } = answer;
  const given = parseDirectives(challenge);
  const nonce = answer.nonce ?? given.get("nonce")!;
  const realm = given.get("realm")!;
  const uri = `${service}/zk-sasl-md5`;
  const cnonce = "OA6MG9tEQGm2hh";
  const suffix = authorization === undefined ? "" : `:${authorization}`;
  const a1 = Buffer.concat([md5(`${user}:${realm}:${password}`), Buffer.from(`:${nonce}:${cnonce}${suffix}`)]);
  const digest = (method: string): string => {
    const ha2 = md5(`${method}:${uri}`).toString("hex");
    return md5(`${md5(a1).toString("hex")}:${nonce}:${nc}:${cnonce}:auth:${ha2}`).toString("hex");
  };
  const response =
    `charset=utf-8,username="${user}",realm="${realm}",nonce="${nonce}",nc=${nc},cnonce="${cnonce}",` +
    `digest-uri="${uri}",maxbuf=65536,response=${digest("AUTHENTICATE")},qop=auth` +
    (authorization === undefined ? "" : `,authzid="${authorization}"`);
  return { response, proof: `rspauth=${digest("")}` };
}

function challengeTo(client: TestClient): string {
  return tokenOf(client.call(...ask.sasl(new Uint8Array(0))));
}

for (const [user, password] of users) {
  test(`DIGEST-MD5: ${user} proves the password, and the server that it knows it`, () => {
    const world = new World(saslOptions);
    const client = world.client();
    const { response, proof } = respond(challengeTo(client), { user, password });
    assert.equal(tokenOf(client.call(...ask.sasl(ask.text(response)))), proof);
    const identities = whoIs(client) as { scheme: string; user: string }[];
    assert.equal(fromByteString(identities.find(({ scheme }) => scheme === "sasl")!.user), user);
    assert.equal(
      identities.some(({ scheme }) => scheme === "super"),
      user === "bob",
    );
  });
}

for (const [what, answer] of [
  ["a wrong password", { password: "guess" }],
  ["an unknown user", { user: "eve" }],
  ["another exchange's nonce", { nonce: "bm9uc2Vuc2U=" }],
  ["another service", { service: "ldap" }],
  ["a second use of the nonce", { nc: "00000002" }],
  ["acting for another", { authorization: "josé" }],
] as const) {
  test(`DIGEST-MD5: ${what} is answered with -115, then the connection ends`, () => {
    const client = new World(saslOptions).client();
    const reply = client.call(...ask.sasl(ask.text(respond(challengeTo(client), answer).response)));
    assert.equal(reply.error, -115);
    assert.equal(readBuffer(reply.body), null);
    assert.equal(client.port.isEnded, true);
  });
}

test("SASL that fails may be forgiven, and is told apart where it is required", () => {
  const forgiving = new World({ ...saslOptions, allowSaslFailedClients: true }).client();
  challengeTo(forgiving);
  assert.equal(forgiving.call(...ask.sasl(ask.text("nonsense"))).error, 0);
  assert.equal(forgiving.call(...ask.exists("/")).error, 0);
  const strict = new World({ ...saslOptions, allowSaslFailedClients: true, enforceAuthSchemes: ["sasl"] }).client();
  challengeTo(strict);
  assert.equal(strict.call(...ask.sasl(ask.text("nonsense"))).error, -124);
  assert.equal(strict.isClosed, true);
});

test("SASL where it was not set up gets an empty answer, as from ZooKeeper", () => {
  const client = new World().client();
  const reply = client.call(...ask.sasl(new Uint8Array(0)));
  assert.equal(reply.error, 0);
  assert.equal(new ByteReader(reply.body.view(4)).int32(), -1);
});

test("SASL that is required and has no users lets nobody in, and the member runs", () => {
  const world = new World({ enforceAuthSchemes: ["sasl"] });
  const client = world.client();
  assert.equal(client.call(...ask.sasl(new Uint8Array(0))).error, 0);
  for (const request of [ask.exists("/"), ask.create("/a"), ask.multi()]) {
    const stranger = world.client();
    assert.equal(stranger.call(...request).error, -124);
    assert.equal(stranger.isClosed, true);
  }
  assert.equal(client.call(...ask.exists("/")).error, -124);
});

test("directives are read as RFC 2831 writes them", () => {
  assert.deepEqual(
    [...parseDirectives('a="x,\\"y\\\\",B=z , c=""')],
    [
      ["a", 'x,"y\\'],
      ["b", "z"],
      ["c", ""],
    ],
  );
  for (const bad of ["a", "a=b c=d", 'a="b', "a=1,a=2", "=x"]) assert.throws(() => parseDirectives(bad), bad);
});

test("what a client proves is bounded in bytes: each of its writes carries it", () => {
  const world = new World();
  const client = world.client();
  assert.equal(client.call(...ask.auth("digest", `${"u".repeat(IDENTITIES_BYTES_MAX - 100)}:pw`)).error, 0);
  assert.equal(client.call(...ask.create("/a")).error, 0);
  assert(client.connection.credentials.length < IDENTITIES_BYTES_MAX + 100);
  client.send(...ask.auth("digest", `${"v".repeat(100)}:pw`));
  assert.deepEqual(client.takeStory(), ["reply -4 error -115"]);
  assert.equal(client.port.isEnded, true);
  assert(
    world.log.some((line) => /authentication failed: more than 64 identities, or than 16384 bytes of them/.test(line)),
  );
});

test("64 usual identities fit, and one more is refused", () => {
  const client = new World().client();
  for (let i = 1; i < 64; i++)
    assert.equal(client.call(...ask.auth("digest", `user-of-usual-length-${i}:pw`)).error, 0);
  client.send(...ask.auth("digest", "one-more:pw"));
  assert.deepEqual(client.takeStory(), ["reply -4 error -115"]);
});

test("a password of a megabyte is wrong without a word to the ensemble", () => {
  const world = new World();
  const { sessionId } = world.client();
  const before = world.member.machine.sequence;
  const stranger = world.dial();
  assert.equal(stranger.connect({ sessionId, password: new Uint8Array(1_000_000) })?.sessionId, 0);
  assert.equal(world.member.machine.sequence, before);
});
