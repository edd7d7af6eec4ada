// Guessing the passwords of those who may do everything: slow, logged, and nobody else's trouble.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { DigestMd5Client } from "../../../src/protocols/zookeeper/client/sasl.ts";
import { readBuffer } from "../../../src/protocols/zookeeper/codec/jute.ts";
import { Guesses } from "../../../src/protocols/zookeeper/guesses.ts";
import {
  FAILED_PROOF_LINES_PER_TICK_MAX,
  GUESS_INTERVAL_MS,
  GUESS_WAIT_MS_MAX,
  GUESSERS_MAX,
  GUESSES_FREE,
  WRONG_PASSWORDS_PER_CONNECTION_MAX,
} from "../../../src/protocols/zookeeper/limits.ts";
import * as ask from "./support/requests.ts";
import type { TestClient } from "./support/test-client.ts";
import { World } from "./support/world.ts";

const superDigest = `root:${createHash("sha1").update("root:right").digest("base64")}`;
const attacker = { address: "203.0.113.7" };
let tried = 0;
const wrong = () => ask.auth("digest", `root:wrong-${tried++}`);

/** Tries one password on a connection of its own; true: it was looked at. */
function guessOnce(world: World, address = attacker.address): boolean {
  const client = world.client({ address });
  return client.call(...wrong()).error === 0;
}

/** Uses up what an address may try at once. */
function exhaust(world: World, address?: string): void {
  for (let i = 0; i < GUESSES_FREE; i++) assert.ok(guessOnce(world, address), `guess ${i}`);
}

const isSuper = (client: TestClient): boolean => client.call(...ask.getData("/secret")).error === 0;

function guarded(): World {
  const world = new World({ auth: { superDigest } });
  const owner = world.client();
  owner.call(...ask.auth("digest", "joe:pw"));
  owner.call(...ask.create("/secret", { acl: [{ perms: 31, scheme: "auth", id: "" }] }));
  return world;
}

describe("the super user's password", () => {
  test("a few wrong ones are answered at once, as ZooKeeper answers; then one an interval, however many connections ask", () => {
    const world = guarded();
    exhaust(world);
    const clients = Array.from({ length: 30 }, () => world.client(attacker));
    for (const client of clients) client.send(...wrong());
    world.clock.turn();
    const answered = () => clients.filter((client) => client.takeReplies().some(({ error }) => error === 0)).length;
    assert.equal(answered(), 0, "none is looked at");
    let looked = 0;
    for (let waited = 0; waited <= GUESS_WAIT_MS_MAX; waited += GUESS_INTERVAL_MS) {
      world.clock.advance(GUESS_INTERVAL_MS);
      const now = answered();
      assert.ok(now <= 1, `${now} within one interval`);
      looked += now;
    }
    assert.ok(looked > 0 && looked <= GUESS_WAIT_MS_MAX / GUESS_INTERVAL_MS + 1, `${looked} of 30`);
  });

  test("whoever would have to wait too long is turned away, and his password was not looked at", () => {
    const world = guarded();
    exhaust(world);
    const crowd = Array.from({ length: 10 }, () => world.client(attacker));
    for (const client of crowd) client.send(...wrong());
    world.clock.advance(GUESS_WAIT_MS_MAX);
    const answers = crowd.map((client) => client.takeReply()?.error ?? null);
    assert.ok(!answers.includes(null), "everybody knows by now");
    const refused = crowd.filter((_, i) => answers[i] === -115);
    assert.equal(refused.length, crowd.length - GUESS_WAIT_MS_MAX / GUESS_INTERVAL_MS);
    for (const client of refused) assert.equal(client.isClosed, true);
    assert.match(world.log.join("\n"), /203\.0\.113\.7:5000.*not looked at/);
  });

  test("a right one tried beyond the pace tells no more than a wrong one until its turn, and then opens everything", () => {
    const world = guarded();
    exhaust(world);
    const right = world.client(attacker);
    right.send(...ask.auth("digest", "root:right"));
    right.send(...ask.getData("/secret"));
    world.clock.turn();
    assert.deepEqual(right.takeStory(), []);
    world.clock.advance(GUESS_INTERVAL_MS);
    assert.deepEqual(right.takeStory(), ["reply -4", "reply 1"]);
  });

  test("other addresses, other users, and right passwords never wait", () => {
    const world = guarded();
    exhaust(world);
    assert.equal(guessOnce(world, "203.0.113.8"), true);
    const neighbour = world.client(attacker);
    assert.equal(neighbour.call(...ask.auth("digest", "joe:pw")).error, 0);
    assert.equal(isSuper(neighbour), true, "joe reads his own");
    for (let i = 0; i < 5 * GUESSES_FREE; i++) {
      const admin = world.client({ address: "203.0.113.9" });
      assert.equal(admin.call(...ask.auth("digest", "root:right")).error, 0);
      assert.equal(isSuper(admin), true);
    }
  });

  test("what was tried is forgotten with time", () => {
    const world = guarded();
    exhaust(world);
    world.clock.advance(GUESSES_FREE * GUESS_INTERVAL_MS);
    exhaust(world);
  });

  test("a connection has few tries, and ends with the last", () => {
    const world = guarded();
    const client = world.client(attacker);
    for (let i = 1; i <= WRONG_PASSWORDS_PER_CONNECTION_MAX; i++) {
      const isLast = i === WRONG_PASSWORDS_PER_CONNECTION_MAX;
      assert.equal(client.call(...wrong()).error, isLast ? -115 : 0);
    }
    assert.equal(client.isClosed, true);
  });

  test("a client that waits for its turn is not silent, and its later requests follow in order", () => {
    const world = guarded();
    exhaust(world);
    const client = world.client(attacker);
    client.send(...ask.setData("/secret"));
    client.send(...wrong());
    client.send(...ask.exists("/none"));
    world.clock.turn();
    assert.deepEqual(client.takeStory(), ["reply 1 error -102"]);
    client.send(...ask.exists("/nor-this"));
    world.clock.advance(GUESS_INTERVAL_MS);
    assert.deepEqual(client.takeStory(), ["reply -4", "reply 2 error -101", "reply 3 error -101"]);
    assert.equal(client.isClosed, false);
  });

  test("a client that leaves while it waits leaves nothing behind", () => {
    const world = guarded();
    exhaust(world);
    const client = world.client(attacker);
    client.send(...wrong());
    world.clock.turn();
    client.connection.onClosed();
    world.clock.advance(10 * GUESS_INTERVAL_MS);
    assert.deepEqual(client.takeStory(), []);
  });

  test("each wrong one is logged: where it came from and for whom, never what was tried; a flood of them is counted", () => {
    const world = guarded();
    const client = world.client(attacker);
    client.call(...ask.auth("digest", "root:hunter2"));
    client.call(...ask.auth("digest", "root:hunter3"));
    const lines = world.log.filter((line) => line.includes("authentication failed"));
    assert.match(
      lines[0]!,
      /client 203\.0\.113\.7:5000.*wrong password for the super user, the first from this address/,
    );
    assert.match(lines[1]!, /wrong password for the super user, 2 from this address lately/);
    assert.doesNotMatch(world.log.join("\n"), /hunter/);
    assert.equal(world.service.counters.authFailures, 2);

    world.clock.advance(60_000);
    world.log.length = 0;
    for (let i = 0; i < 5 * FAILED_PROOF_LINES_PER_TICK_MAX; i++)
      world.client(attacker).send(...ask.auth("no\nsuch", "x"));
    world.clock.advance(1000);
    const told = world.log.filter((line) => line.includes("authentication failed"));
    assert.equal(told.length, FAILED_PROOF_LINES_PER_TICK_MAX);
    assert.ok(
      told.every((line) => !line.includes("\n")),
      "a line is a line",
    );
    assert.match(
      world.log.join("\n"),
      new RegExp(`${4 * FAILED_PROOF_LINES_PER_TICK_MAX} more authentications failed`),
    );
  });
});

describe("SASL", () => {
  const users = new Map([
    ["bob", "bobsecret"],
    ["eve", "evesecret"],
  ]);
  const hashes = {
    md5: (bytes: Uint8Array) => createHash("md5").update(bytes).digest(),
    randomBytes: (n: number) => new Uint8Array(n),
  };

  /** The reply to the proof, or null while there is none. */
  function prove(world: World, user: string, password: string): TestClient {
    const client = world.client(attacker);
    const challenge = readBuffer(client.call(...ask.sasl(new Uint8Array(0))).body)!;
    const response = new DigestMd5Client({ username: user, password }, hashes).respond(challenge);
    client.send(...ask.sasl(response));
    world.clock.turn();
    return client;
  }

  test("guessing one user's password is as slow, over all connections; others of the same address prove theirs at once", () => {
    const world = new World({ sasl: { users } });
    for (let i = 0; i < GUESSES_FREE; i++) assert.equal(prove(world, "bob", `${i}`).takeReply()?.error, -115);
    const next = prove(world, "bob", "bobsecret");
    assert.deepEqual(next.takeStory(), [], "not looked at yet");
    assert.equal(prove(world, "eve", "evesecret").takeReply()?.error, 0);
    world.clock.advance(GUESS_INTERVAL_MS);
    assert.deepEqual(next.takeStory(), ["reply 2"]);
    assert.match(
      world.log.join("\n"),
      /203\.0\.113\.7:5000.*the password of "bob" is wrong, 10 from this address lately/,
    );
    assert.doesNotMatch(world.log.join("\n"), /bobsecret/);
  });

  test("trying users that there are not is guessing too, and looks like a wrong password", () => {
    const world = new World({ sasl: { users } });
    for (let i = 0; i < GUESSES_FREE; i++) assert.equal(prove(world, `nobody-${i}`, "x").takeReply()?.error, -115);
    assert.deepEqual(prove(world, "another", "x").takeStory(), []);
  });
});

describe("the count of wrong passwords", () => {
  test("takes bounded memory, whoever comes; what finds no room shares one count", () => {
    const guesses = new Guesses();
    for (let i = 0; i < 5 * GUESSERS_MAX; i++)
      guesses.noteWrong({ address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, user: "super" }, i / 1000);
    assert.ok(guesses.size <= GUESSERS_MAX + 1);
    assert.ok(guesses.waitMs({ address: "192.0.2.1", user: "super" }, 50) > 0);
    assert.equal(guesses.waitMs({ address: "10.0.0.1", user: "super" }, 50), 0, "who was known before keeps his own");
    const later = 1e9;
    assert.equal(guesses.waitMs({ address: "192.0.2.1", user: "super" }, later), 0);
    guesses.noteWrong({ address: "192.0.2.1", user: "super" }, later);
    assert.ok(guesses.size <= 2, "the others are forgotten");
  });

  test("an IPv6 network counts as one address", () => {
    const guesses = new Guesses();
    for (let i = 0; i < GUESSES_FREE; i++) guesses.noteWrong({ address: `2001:db8:1:2::${i}`, user: "super" }, 0);
    assert.ok(guesses.waitMs({ address: "2001:db8:1:2:ffff::1", user: "super" }, 0) > 0);
    assert.equal(guesses.waitMs({ address: "2001:db8:1:3::1", user: "super" }, 0), 0);
  });
});
