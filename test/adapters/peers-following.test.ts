// Who is sent the log though no configuration names it: by what it has proved, and by where it comes from.

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { followRefusal, mayFollow } from "../../src/adapters/peers/following.ts";
import { closeAll, listed, TestPeers } from "./support/peers.ts";

const near = ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"];
const far = [
  "10.0.0.7",
  "192.168.1.1",
  "::ffff:10.0.0.7",
  "fe80::1",
  "2001:db8::1",
  "128.0.0.1",
  "1.127.0.0",
  "",
  "::",
];

test("where no proof is asked for, only a process of this machine follows unlisted", () => {
  const isStranger = { isListed: false, isProved: false };
  for (const remoteAddress of near)
    assert.equal(mayFollow({ ...isStranger, remoteAddress }, false), true, remoteAddress);
  for (const remoteAddress of far)
    assert.equal(mayFollow({ ...isStranger, remoteAddress }, false), false, remoteAddress);
  assert.equal(mayFollow({ ...isStranger, remoteAddress: undefined }, false), false, "it has gone");
});

test("where a proof is asked for, nobody follows for being near", () => {
  for (const remoteAddress of [...near, ...far]) {
    assert.equal(mayFollow({ isListed: false, isProved: false, remoteAddress }, true), false);
    assert.equal(mayFollow({ isListed: false, isProved: true, remoteAddress }, true), true);
  }
});

test("a member that the configuration names follows from wherever it is", () => {
  for (const remoteAddress of [...near, ...far]) {
    for (const isProofAsked of [true, false]) {
      assert.equal(mayFollow({ isListed: true, isProved: false, remoteAddress }, isProofAsked), true);
    }
  }
});

const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === "IPv4" && !one.internal)?.address;

test("a caller from another address than loopback is refused, and the log says what to do", {
  skip: outside === undefined && "this machine has loopback alone",
}, async () => {
  const listen = { listen: [{ host: outside!, port: 0 }] };
  const one = await new TestPeers(1).open(0, undefined, listen);
  const joiner = await new TestPeers(4).open(0, undefined, listen);
  one.peers.reconcile(0, []);
  joiner.peers.reconcile(0, [{ id: 1, description: `${outside}:${one.port}:3888:participant;2181` }]);
  await one.until("connected", () => one.peers.isConnected(4));
  assert.equal(one.peers.mayFollow(4), false);
  const [line] = one.lines.filter((text) => text.includes("asks for the log"));
  assert.match(line!, /^member 4 at .* set peer\.secretFile or sslQuorum on all members, or add it by reconfig first$/);
  one.peers.reconcile(0, listed([joiner]));
  assert.equal(one.peers.mayFollow(4), true, "by reconfig it is listed");
  await closeAll([one, joiner]);
});

test("who has not proved itself where it must is told by what it can", () => {
  assert.match(followRefusal(4, "10.0.0.7:1", true), /give it the secret \(peer\.secretFile\) or a certificate/);
});
