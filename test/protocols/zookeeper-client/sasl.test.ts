// DIGEST-MD5 from the client's side, against our server's own side of it.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { type ByteWriter, MalformedError } from "../../../src/base/bytes.ts";
import { bytesOf } from "../../../src/base/text.ts";
import { DigestMd5Client } from "../../../src/protocols/zookeeper/client/sasl.ts";
import { readBuffer, writeBuffer } from "../../../src/protocols/zookeeper/codec/jute.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { DigestMd5Server } from "../../../src/protocols/zookeeper/sasl.ts";
import { World } from "./support/stage.ts";
import { failureOf } from "./support/story.ts";

const hashes = {
  sha1: (bytes: Uint8Array) => createHash("sha1").update(bytes).digest(),
  md5: (bytes: Uint8Array) => createHash("md5").update(bytes).digest(),
  randomBytes: (count: number) => randomBytes(count),
};
const users = new Map([
  ["ana", "secret"],
  ['o"\\ö', 'p"\\ü'],
]);

function play(username: string, password: string) {
  const server = new DigestMd5Server({ users }, hashes);
  const client = new DigestMd5Client({ username, password }, hashes);
  const challenge = server.evaluate(new Uint8Array(0));
  assert.ok(challenge.kind === "continue");
  return { client, step: server.evaluate(client.respond(challenge.token)) };
}

test("both sides prove that they know the password", () => {
  for (const [username, password] of users) {
    const { client, step } = play(username, password);
    assert.ok(step.kind === "complete", JSON.stringify(step));
    assert.equal(client.accepts(step.token), true);
    assert.equal(client.accepts(bytesOf("rspauth=00000000000000000000000000000000")), false);
  }
  assert.equal(play("ana", "guess").step.kind, "failed");
  assert.equal(play("eve", "secret").step.kind, "failed");
});

test("a challenge that cannot be answered is refused", () => {
  const client = new DigestMd5Client({ username: "ana", password: "secret" }, hashes);
  assert.throws(() => client.respond(bytesOf("realm=zk")), MalformedError);
  assert.throws(() => client.respond(bytesOf("nonsense")), MalformedError);
  assert.throws(() => client.respond(bytesOf('nonce="x",qop="auth-conf"')), MalformedError);
});

const sasl = { username: "ana", password: "secret" };

/** Servers whose side of SASL is this. */
function worldWith(answer: (token: Uint8Array) => Uint8Array | null | "refuse"): World {
  const world = new World();
  world.script((peer, { opcode, xid, body }) => {
    if (opcode !== OPCODE.sasl) return false;
    const token = answer(readBuffer(body) ?? new Uint8Array(0));
    if (token === "refuse") peer.reply(xid, -115);
    else peer.reply(xid, 0, (writer: ByteWriter) => writeBuffer(writer, token));
    return true;
  });
  return world;
}

function proving(): (token: Uint8Array) => Uint8Array | "refuse" {
  let server = new DigestMd5Server({ users }, hashes);
  return (token) => {
    if (token.length === 0) server = new DigestMd5Server({ users }, hashes);
    const step = server.evaluate(token);
    return step.kind === "failed" ? "refuse" : step.token;
  };
}

test("nothing is asked before both have proved themselves, on every connection", async () => {
  const world = worldWith(proving());
  const client = world.client({ sasl, auth: [{ scheme: "digest", auth: "a:b" }] });
  const created = client.create("/a");
  await world.clock.run(50);
  assert.equal(await created, "/a");
  const expected = [OPCODE.sasl, OPCODE.sasl, OPCODE.auth];
  assert.deepEqual(world.serving.peer.opcodes, [...expected, OPCODE.create]);
  world.serving.peer.hangUp();
  await world.clock.run(500);
  assert.equal(client.state.kind, "connected");
  assert.deepEqual(world.serving.peer.opcodes, expected);
  await world.end();
});

test("a server that refuses, has no SASL, or does not know the password itself, ends it for good", async () => {
  const honest = proving();
  const refusals: [(token: Uint8Array) => Uint8Array | null | "refuse", RegExp][] = [
    [() => "refuse", /auth-failed/],
    [() => null, /no SASL set up/],
    [() => bytesOf("nonsense"), /no list of directives/],
    [(token) => (token.length === 0 ? honest(token) : bytesOf("rspauth=0")), /does not know the password/],
  ];
  for (const [answer, why] of refusals) {
    const world = worldWith(answer);
    const client = world.client({ sasl });
    const waiting = failureOf(client.connected());
    await world.clock.run(50);
    assert.match((await waiting).message, why);
    assert.equal(client.state.kind, "lost");
    assert.equal(world.links, 0);
    await world.end();
  }
});
