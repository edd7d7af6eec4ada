// Where the client looks for servers: in rounds, each in an order of its own, names resolved anew, pauses that grow.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CoordinationError } from "../../../src/protocols/zookeeper/client/index.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { outcomeOf, storyOf, World } from "./support/stage.ts";
import { failureOf } from "./support/story.ts";

function dials(world: World): number {
  return world.servers.reduce((sum, server) => sum + server.dials, 0);
}

test("clients spread over the servers", async () => {
  const hosts = new Set<string>();
  const world = new World();
  const { ports } = world;
  Object.defineProperty(world, "ports", { value: ports }); // one source of chance for all
  for (let i = 0; i < 20; i++) {
    const client = await world.connected();
    const { state } = client;
    if (state.kind === "connected") hosts.add(state.server);
  }
  assert.equal(hosts.size, 3);
  await world.end();
});

test("rounds in which nobody answers follow each other more and more slowly, each over all servers", async () => {
  const world = new World();
  for (const server of world.servers) server.behaviour = "refuse";
  world.client();
  const counts: number[] = [];
  for (let second = 0; second < 60; second++) {
    await world.clock.run(1000);
    counts.push(dials(world));
  }
  assert.ok(counts[0]! >= 9 && counts[0]! <= 24, `${counts[0]} dials in the first second`);
  assert.ok(counts[59]! - counts[29]! <= 40, `${counts[59]! - counts[29]!} dials in the last 30 seconds`);
  assert.ok(counts[59]! - counts[29]! >= 15);
  const each = world.servers.map((server) => server.dials);
  assert.ok(Math.max(...each) - Math.min(...each) <= 1, each.join());
  await world.end();
});

test("a server that hangs up on everyone is not called in a tight loop", async () => {
  const world = new World(["a"]);
  await world.connected();
  const { sessions } = world;
  world.script((peer) => {
    peer.hangUp();
    return true;
  });
  const client = world.clients[0]!;
  outcomeOf(client.create("/poison"));
  for (let i = 0; i < 100; i++) {
    await world.clock.run(10);
    if (client.state.kind === "connected") outcomeOf(client.create("/poison"));
  }
  assert.ok(dials(world) < 15, `${dials(world)} dials in a second`);
  assert.equal(sessions.size, 1);
  await world.end();
});

test("while servers are away the log has a warning when it begins, one every half minute, and a line when it is over", async () => {
  const world = new World();
  await world.connected();
  for (const server of world.servers) server.die();
  await world.clock.run(100_000);
  const { logged } = world;
  const attempts = world.servers.reduce((sum, { dials }) => sum + dials, 0);
  assert.ok(attempts > 60, `${attempts} attempts`);
  assert.match(logged[0]!, /^.:2181 was cut off: read ECONNRESET; not connected$/);
  assert.match(logged[1]!, /^session 0x7f00000000000001 was not confirmed/);
  const reminders = logged.slice(2);
  assert.equal(reminders.length, 3);
  for (const line of reminders) {
    assert.match(
      line,
      /^not connected for \d+\.\d s, \d+ connections that ended or could not be made: .*c:2181 cannot be reached/,
    );
  }
  for (const server of world.servers) server.behaviour = "serve";
  await world.clock.run(10_000);
  assert.match(logged.at(-1)!, /^connected to .:2181 again, after 10\d\.\d s, \d+ connections/);
  assert.equal(logged.length, 6);
  await world.end();
});

test("connections that come and go are told a few times, then twice a minute", async () => {
  const world = new World();
  await world.connected();
  for (let i = 0; i < 600; i++) {
    for (const peer of world.peers) peer.hangUp();
    await world.clock.run(500);
  }
  const minutes = (600 * 0.5) / 60;
  const warnings = world.logged.filter((line) => line.endsWith("not connected"));
  assert.ok(warnings.length >= 10 && warnings.length <= 5 + minutes * 2 + 1, `${warnings.length} warnings`);
  await world.end();
});

test("while a session can be saved, rounds are quick: a cluster that comes back before the deadline has it again", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session;
  for (const server of world.servers) server.die();
  await world.clock.run(8000);
  for (const server of world.servers) server.behaviour = "serve";
  await world.clock.run(600);
  assert.equal(client.state.kind, "connected");
  assert.equal(client.session, session);
  await world.end();
});

test("a server that takes calls and says nothing costs a share of the time that is left, not all", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const story = storyOf(client);
  const alive = world.servers.find((server) => server !== world.serving)!;
  for (const server of world.servers) if (server !== alive) server.behaviour = "silent";
  await world.clock.run(9000);
  assert.deepEqual(story.slice(1), ["connected"]);
  assert.equal(world.serving, alive);
  assert.equal(session.signal.aborted, false);
  await world.end();
});

test("names are resolved anew each round: a cluster that has moved is found", async () => {
  const world = new World(["10.0.0.1", "10.0.0.2"]);
  world.names.set("zoo", ["10.0.0.1"]);
  const client = await world.connected({}, "zoo:2181");
  assert.equal(world.serving.host, "10.0.0.1");
  const story = storyOf(client);
  world.names.set("zoo", ["10.0.0.2"]);
  world.serving.die();
  await world.clock.run(1000);
  assert.equal(world.serving.host, "10.0.0.2");
  assert.deepEqual(story, ["unsure: zoo:2181 (10.0.0.1) was cut off: read ECONNRESET", "connected"]);
  await world.end();
});

test("every address of a name is tried, the one just lost last", async () => {
  const world = new World(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  world.names.set("zoo", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  for (let i = 0; i < 5; i++) {
    const client = await world.connected({}, "zoo");
    const lost = world.servers.find(({ peers }) => peers.some((peer) => peer.isOpen))!;
    const before = lost.dials;
    await world.clock.run(1500);
    lost.peer.hangUp();
    await world.clock.run(100);
    assert.equal(client.state.kind, "connected");
    assert.equal(lost.dials, before);
    const closing = client.close();
    await world.clock.run(100);
    await closing;
  }
  await world.end();
});

test("names that lead nowhere are said, and do not keep the others waiting", async () => {
  const world = new World(["a"]);
  const client = world.client({}, "nowhere,a");
  await world.clock.run(20);
  assert.equal(client.state.kind, "connected");
  const lost = world.client({}, "nowhere,elsewhere:99");
  const error = failureOf(lost.connected({ timeoutMs: 500 }));
  await world.clock.run(500);
  const { message } = await error;
  assert.match(message, /nowhere:2181 its name is not resolved: getaddrinfo ENOTFOUND nowhere/);
  assert.match(message, /elsewhere:99 its name is not resolved/);
  await world.end();
});

test("a name service that never answers is asked again, and the wait for a connection ends all the same", async () => {
  const world = new World(["a"]);
  world.isNameServiceDeaf = true;
  const client = world.client({ attemptTimeoutMs: 200 });
  const early = failureOf(client.connected({ timeoutMs: 100 }));
  await world.clock.run(100);
  const error = await early;
  assert.ok(error instanceof CoordinationError && error.code === "deadline");
  await world.clock.run(5000);
  assert.ok(world.resolutions > 5);
  world.isNameServiceDeaf = false;
  await world.clock.run(5000);
  assert.equal(client.state.kind, "connected");
  await world.end();
});

test("a server that would not have the session is passed over", async () => {
  const world = new World();
  world.servers[0]!.behaviour = "hang-up";
  world.servers[1]!.behaviour = "deaf";
  const client = world.client();
  await world.clock.run(7000);
  assert.equal(client.state.kind, "connected");
  assert.equal(world.serving, world.servers[2]);
  await world.end();
});

for (const how of ["names", "addresses"]) {
  test(`served without a quorum, a client finds the server that has one, and goes there (by ${how})`, async () => {
    const world = new World();
    world.isResolvedAtOnce = how === "addresses";
    for (const server of world.servers) server.isReadOnly = true;
    const client = await world.connected({ readOnly: true });
    const session = client.session!;
    assert.equal(session.isReadOnly, true);
    const story = storyOf(client);
    await world.clock.run(120_000);
    assert.deepEqual(story, []);
    assert.ok(dials(world) < 12, `${dials(world)} questions in two minutes`);
    const whole = world.servers.find((server) => server !== world.serving)!;
    whole.isReadOnly = false;
    await world.clock.run(200_000);
    assert.equal(world.serving, whole);
    assert.equal(session.isReadOnly, false);
    assert.match(story[0]!, new RegExp(`has no quorum, and ${whole.host}:2181 has$`));
    assert.deepEqual(story.slice(1), ["connected"]);
    const asked = dials(world);
    await world.clock.run(200_000);
    assert.equal(dials(world), asked, "it looks no further");
    await world.end();
  });
}

test("proofs of identity are given again first; one that is refused later ends it for good", async () => {
  const world = new World();
  const client = await world.connected();
  const proof = outcomeOf(client.addAuth("digest", "bob:secret"));
  await world.clock.run(5);
  assert.equal(proof.isSettled, true);
  world.serving.peer.hangUp();
  await world.clock.run(500);
  assert.deepEqual(world.serving.peer.opcodes, [OPCODE.auth]);

  const story = storyOf(client);
  world.script((peer, { opcode, xid }) => {
    if (opcode !== OPCODE.auth) return false;
    peer.reply(xid, -115);
    peer.hangUp();
    return true;
  });
  world.serving.peer.hangUp();
  await world.clock.run(500);
  assert.deepEqual(story.slice(1), ["connected", "lost: auth-failed"]);
  const error = await failureOf(client.exists("/"));
  assert.match(error.message, /was refused its proof of identity \(digest\)/);
  assert.equal(world.links, 0);
  await world.end();
});

test("a proof that is refused when it is offered costs the connection, not the session, and is not offered again", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session;
  world.script((peer, { opcode, xid }) => {
    if (opcode !== OPCODE.auth) return false;
    peer.reply(xid, -115);
    peer.hangUp();
    return true;
  });
  const proof = client.addAuth("digest", "bob:guess");
  const next = outcomeOf(proof.catch(() => client.create("/next"))); // at once, while the server is hanging up
  await world.clock.run(1000);
  const refusal = await failureOf(proof);
  assert.ok(refusal instanceof CoordinationError && refusal.code === "rejected");
  assert.equal(next.value, "/next");
  assert.equal(client.session, session);
  assert.equal(client.state.kind, "connected");
  assert.ok(!world.serving.peer.opcodes.includes(OPCODE.auth));
  await world.end();
});
