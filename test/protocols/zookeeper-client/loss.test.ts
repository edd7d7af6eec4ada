// When a session is lost, and when it is not: by the client's own clock, whatever the sockets say, and once.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CoordinationError,
  type Session,
  SessionLostError,
  type ZooKeeperClient,
} from "../../../src/protocols/zookeeper/client/index.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { outcomeOf, storyOf, World } from "./support/stage.ts";
import { failureOf } from "./support/story.ts";

const T = 9000;

function assertLost(error: unknown, cause: SessionLostError["lossCause"]): void {
  assert.ok(error instanceof SessionLostError, String(error));
  assert.equal(error.lossCause, cause);
}

function sessionOf(client: ZooKeeperClient): Session | null {
  return client.session;
}

test("a client connects, and shows its session", async () => {
  const world = new World();
  const client = world.client();
  assert.deepEqual(client.state, { kind: "connecting" });
  assert.equal(sessionOf(client), null);
  const connecting = client.connected();
  await world.clock.run(10);
  const session = await connecting;
  assert.equal(session, sessionOf(client));
  assert.equal(session.id, 0x7f00_0000_0000_0001n);
  assert.equal(session.timeoutMs, T);
  assert.deepEqual(client.state, { kind: "connected", session, server: `${world.serving.host}:2181` });
  assert.equal(session.expiresInMs(), T - 9, "counted from before the handshake was sent");
  assert.deepEqual(world.serving.peer.handshake, { lastZxidSeen: 0n, sessionId: 0n, timeoutMs: T });
  await world.end();
});

test("an idle session is kept by a ping every third of its timeout", async () => {
  const world = new World();
  const client = await world.connected();
  const story = storyOf(client);
  await world.clock.run(10 * T);
  const { asked } = world.serving.peer;
  assert.equal(asked.length, 30);
  assert.ok(asked.every(({ opcode }) => opcode === OPCODE.ping));
  assert.deepEqual(story, []);
  await world.end();
});

test("a black hole: unsure after two thirds of the timeout without a word, lost at its deadline", async () => {
  const world = new World();
  const client = await world.connected();
  const { clock } = world;
  const session = client.session!;
  await clock.run(T); // pings were answered, the last of them sent at `pingAt`
  const pingAt = clock.now() - (T - session.expiresInMs());
  const heardAt = pingAt + 2; // one there, one back
  const times: Record<string, number> = {};
  client.onState(({ kind }) => {
    times[kind] ??= clock.now();
  });
  session.signal.addEventListener("abort", () => {
    times["signal"] = clock.now();
  });
  const story = storyOf(client);
  for (const server of world.servers) server.behaviour = "silent";
  await clock.run(2 * T);
  assert.deepEqual(times, {
    unsure: heardAt + (T * 2) / 3,
    signal: pingAt + T,
    lost: pingAt + T,
    connecting: pingAt + T,
  });
  assert.match(story[0]!, /^unsure: .:2181 was silent for 6000 ms$/);
  assert.deepEqual(story.slice(1), ["lost: deadline", "connecting"]);
  assertLost(session.signal.reason, "deadline");
  assert.equal(session.expiresInMs(), 0);
  await world.end();
});

test("the deadline asks no socket: it comes while dialling never ends, and while names are not resolved", async () => {
  for (const hole of ["deaf", "names"] as const) {
    const world = new World();
    const client = await world.connected();
    const session = client.session!;
    const lostAt = world.clock.now() + session.expiresInMs();
    const story = storyOf(client);
    if (hole === "names") world.isNameServiceDeaf = true;
    for (const server of world.servers) {
      server.die();
      if (hole === "deaf") server.behaviour = "deaf";
    }
    let abortedAt = 0;
    session.signal.addEventListener("abort", () => {
      abortedAt = world.clock.now();
    });
    await world.clock.run(2 * T);
    assert.equal(abortedAt, lostAt, hole);
    assert.deepEqual(story.slice(1), ["lost: deadline", "connecting"]);
    await world.end();
  }
});

const NO_LEADER = "a server that is cut off from its leader goes on to answer reads and answers no ping";

test("only what the leader has confirmed moves the deadline: no read, no write and no sync does, a ping does", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const startedAt = world.clock.now();
  const left = session.expiresInMs();
  for (const ask of [
    () => client.exists("/a"),
    () => client.getData("/a"),
    () => client.getChildren("/a"),
    () => client.setData("/a", "x"),
    () => client.sync("/a"),
  ]) {
    await world.clock.run(100);
    const asked = outcomeOf<unknown>(ask());
    await world.clock.run(10);
    assert.equal(asked.isSettled && asked.error === undefined, true);
    assert.equal(session.expiresInMs(), left - (world.clock.now() - startedAt));
  }
  const sentAt = world.clock.now();
  const ping = outcomeOf(client.ping());
  await world.clock.run(10);
  assert.equal(ping.isSettled, true);
  assert.equal(session.expiresInMs(), T - (world.clock.now() - sentAt));
  await world.end();
});

test("a ping leaves every third of the timeout, whatever else is sent", async () => {
  const world = new World();
  const client = await world.connected();
  const story = storyOf(client);
  readAllTheTime(world, client);
  await world.clock.run(10 * T);
  const pings = world.serving.peer.asked.filter(({ opcode }) => opcode === OPCODE.ping);
  assert.equal(pings.length, 30);
  assert.deepEqual(story, []);
  await world.end();
});

test(`${NO_LEADER}: it is left in time, and the session goes on elsewhere`, async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const story = storyOf(client);
  const cutOff = world.serving;
  world.script(({ server }, { opcode }) => server === cutOff && opcode === OPCODE.ping);
  readAllTheTime(world, client);
  await world.clock.run(T);
  assert.deepEqual(story, [
    `unsure: ${cutOff.host}:2181 answered no ping for 6000 ms, as a server does that is cut off from its leader`,
    "connected",
  ]);
  assert.equal(session.signal.aborted, false);
  await world.end();
});

test(`${NO_LEADER}: where there is no other, the session ends at the deadline of its last ping`, async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const lostAt = world.clock.now() + session.expiresInMs();
  for (const server of world.servers) server.isCutOff = true;
  readAllTheTime(world, client);
  let abortedAt = 0;
  session.signal.addEventListener("abort", () => {
    abortedAt = world.clock.now();
  });
  await world.clock.run(2 * T);
  assert.equal(abortedAt, lostAt);
  assertLost(session.signal.reason, "deadline");
  await world.end();
});

test("a server without a quorum serves a session that was begun with one, and cannot prolong it", async () => {
  const world = new World();
  const client = await world.connected({ readOnly: true });
  const session = client.session!;
  const lostAt = world.clock.now() + session.expiresInMs();
  const { serving } = world;
  for (const server of world.servers) server.isReadOnly = true;
  serving.peer.hangUp();
  await world.clock.run(T / 2);
  assert.equal(client.state.kind, "connected");
  assert.equal(session.isReadOnly, true);
  let abortedAt = 0;
  session.signal.addEventListener("abort", () => {
    abortedAt = world.clock.now();
  });
  await world.clock.run(T);
  assert.equal(abortedAt, lostAt);
  assertLost(session.signal.reason, "deadline");
  assert.equal(client.session?.isReadOnly, true, "the next one is begun without a quorum");
  const next = client.session!;
  await world.clock.run(3 * T);
  assert.equal(next.signal.aborted, false, "and lives by the word of the server that opened it");
  await world.end();
});

test("a process that was blocked asks for a sign of life before it leaves a server that owes it nothing", async () => {
  const world = new World();
  const client = await world.connected();
  const story = storyOf(client);
  world.clock.block(T * 0.8);
  await world.clock.run(100);
  assert.deepEqual(story, []);
  assert.ok(client.session!.expiresInMs() > T * 0.9);
  await world.end();
});

/** As long as the world lasts. */
function readAllTheTime(world: World, client: ZooKeeperClient): void {
  const read = (): void => {
    if (client.state.kind === "closed") return;
    outcomeOf(client.exists("/a"));
    world.clock.after(50, read);
  };
  read();
}

test("a slow answer proves less: the deadline counts from when its question was sent", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  world.delayMs = 1000;
  const sentAt = world.clock.now();
  const ping = outcomeOf(client.ping());
  await world.clock.run(1999);
  assert.equal(ping.isSettled, false);
  await world.clock.run(1);
  assert.equal(ping.isSettled, true);
  assert.equal(session.expiresInMs(), T - (world.clock.now() - sentAt));
  await world.end();
});

test("a margin for clocks that run apart shortens the deadline", async () => {
  const world = new World();
  const client = await world.connected({ clockRateMargin: 0.5 });
  assert.equal(client.session!.expiresInMs(), T / 2 - 9);
  for (const server of world.servers) server.behaviour = "silent";
  let lostAfter = 0;
  const startedAt = world.clock.now();
  client.session!.signal.addEventListener("abort", () => {
    lostAfter = world.clock.now() - startedAt;
  });
  await world.clock.run(T);
  assert.ok(lostAfter > 0 && lostAfter <= T / 2, `${lostAfter}`);
  await world.end();
});

test("a server that dies costs the connection: the session goes on at another, that one last", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const story = storyOf(client);
  outcomeOf(client.create("/a"));
  const dead = world.serving;
  await world.clock.run(2000);
  const zxid = world.zxid;
  const { dials } = dead;
  dead.die();
  await world.clock.run(20);
  assert.equal(client.session, session);
  assert.deepEqual(story, [`unsure: ${dead.host}:2181 was cut off: read ECONNRESET`, "connected"]);
  assert.deepEqual(world.serving.peer.handshake, { lastZxidSeen: zxid, sessionId: session.id, timeoutMs: T });
  assert.equal(dead.dials, dials, "it was not asked again");
  assert.equal(session.signal.aborted, false);
  await world.end();
});

test("a session that expired while it was away is lost, once, with what waited for it", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const seen = outcomeOf(client.exists("/a"));
  await world.clock.run(5);
  assert.ok(seen.isSettled);
  const story = storyOf(client);
  let aborts = 0;
  session.signal.addEventListener("abort", () => aborts++);
  for (const server of world.servers) server.die();
  await world.clock.run(5);
  const waiting = outcomeOf(client.create("/ephemeral", "", { mode: "ephemeral" }));
  const reading = outcomeOf(client.getData("/a"));
  world.sessions.clear();
  for (const server of world.servers) server.behaviour = "serve";
  await world.clock.run(1000);
  assert.deepEqual(story.slice(1), ["lost: expired", "connecting", "connected"]);
  assert.equal(aborts, 1);
  assertLost(session.signal.reason, "expired");
  for (const { error } of [waiting, reading]) {
    assert.ok(error instanceof CoordinationError);
    assert.deepEqual([error.code, error.outcome], ["session-expired", "not-applied"]);
    assert.equal(error.cause, session.signal.reason);
  }
  assert.notEqual(client.session!.id, session.id);
  assert.deepEqual(world.serving.peer.handshake?.lastZxidSeen, 0n, "a new session has seen nothing");
  assert.ok(
    !world.peers.some(({ opcodes }) => opcodes.includes(OPCODE.create)),
    "nothing of the old one is sent in it",
  );
  await world.end();
});

test("told to stop, the client opens no other session, and every call says why", async () => {
  const world = new World();
  const client = await world.connected({ onLoss: "stop" });
  const story = storyOf(client);
  world.sessions.clear();
  for (const { peer } of world.servers.filter(({ peers }) => peers.length > 0)) peer.hangUp();
  await world.clock.run(1000);
  assert.deepEqual(story.slice(1), ["lost: expired"]);
  assert.equal(client.session, null);
  const error = await failureOf(client.exists("/a"));
  assert.ok(error instanceof CoordinationError && error.code === "session-expired" && error.outcome === "not-applied");
  const waiting = await failureOf(client.connected());
  assert.ok(waiting instanceof CoordinationError && waiting.code === "session-expired");
  const dials = world.servers.reduce((sum, server) => sum + server.dials, 0);
  assert.equal(world.links + world.clock.pending, 0, "it holds nothing any more");
  await world.clock.run(60_000);
  assert.equal(
    world.servers.reduce((sum, server) => sum + server.dials, 0),
    dials,
  );
  await client.close();
  assert.equal(client.state.kind, "closed");
});

test("a server that opens another session instead of re-attaching has lost ours", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const story = storyOf(client);
  const dead = world.serving;
  dead.die();
  for (const server of world.servers) {
    server.onHandshake = (peer) => {
      peer.handshake = { ...peer.handshake!, sessionId: 0n };
      Object.getPrototypeOf(server).onHandshake.call(server, peer, new Uint8Array(16));
    };
  }
  await world.clock.run(1000);
  assert.deepEqual(story.slice(1), ["lost: expired", "connecting", "connected"]);
  assertLost(session.signal.reason, "expired");
  assert.match(session.signal.reason.message, /opened another instead/);
  await world.end();
});

test("a session moved elsewhere: the answer costs the connection, not the session", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const story = storyOf(client);
  let isMoved = true;
  world.script((peer, { opcode, xid }) => {
    if (opcode !== OPCODE.setData || !isMoved) return false;
    isMoved = false;
    peer.reply(xid, -118);
    return true;
  });
  const write = outcomeOf(client.setData("/a", "x"));
  await world.clock.run(1000);
  assert.ok(write.error instanceof CoordinationError && write.error.outcome === "not-applied");
  assert.equal(client.session, session);
  assert.deepEqual(story.slice(1), ["connected"]);
  await world.end();
});

test("an answer that says the session is expired is its loss", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const story = storyOf(client);
  world.script((peer, { opcode, xid }) => {
    if (opcode !== OPCODE.setData) return false;
    peer.reply(xid, -112);
    return true;
  });
  const write = outcomeOf(client.setData("/a", "x"));
  const behind = outcomeOf(client.setData("/b", "x"));
  await world.clock.run(1000);
  assert.ok(write.error instanceof CoordinationError && write.error.outcome === "not-applied");
  assert.ok(behind.error instanceof CoordinationError && behind.error.outcome === "unknown");
  assertLost(session.signal.reason, "expired");
  assert.deepEqual(story, ["lost: expired", "connecting", "connected"]);
  await world.end();
});

test("a blocked process reads what has arrived before it thinks a server silent", async () => {
  const world = new World();
  const client = await world.connected();
  const story = storyOf(client);
  const { peer } = world.serving;
  peer.isHeld = true;
  const reading = outcomeOf(client.exists("/a"));
  await world.clock.run(5);
  world.clock.block(T * 0.8); // the reply came in the meantime; timers run first all the same
  await world.clock.run(0);
  peer.release();
  await world.clock.run(1);
  assert.deepEqual(story.length, 1, "with nothing arrived it is silent");
  await world.end();

  const second = new World();
  const other = await second.connected();
  const otherStory = storyOf(other);
  second.delayMs = 0;
  const answered = outcomeOf(other.exists("/a"));
  await second.clock.run(0);
  assert.equal(answered.isSettled, true);
  const { peer: link } = second.serving;
  second.clock.block(T * 0.8);
  const defer = second.clock.defer.bind(second.clock);
  let isFirst = true;
  second.clock.defer = (task) => {
    if (isFirst) link.event(1, "/x"); // what the loop brings before a deferred task
    isFirst = false;
    defer(() => defer(task));
  };
  await second.clock.run(0);
  assert.deepEqual(otherStory, []);
  await second.end();
  assert.equal(reading.isSettled, true);
});

test("a process blocked beyond the deadline finds its session lost before anything else", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  world.clock.block(T + 1);
  assert.equal(session.expiresInMs(), 0, "no timer has run");
  const write = outcomeOf(client.setData("/a", "x", { session }));
  assert.equal(session.signal.aborted, true);
  await world.clock.run(20);
  assert.ok(write.error instanceof CoordinationError);
  assert.deepEqual([write.error.code, write.error.outcome], ["session-expired", "not-applied"]);
  await world.end();
});

const looks: Readonly<Record<string, (client: ZooKeeperClient, session: Session) => unknown>> = {
  "session.signal": (_client, session) => assert.equal(session.signal.aborted, true),
  "session.expiresInMs()": (_client, session) => assert.equal(session.expiresInMs(), 0),
  "client.state": (client) => assert.equal(client.state.kind, "connecting", "the next one is begun"),
  "client.session": (client) => assert.equal(client.session, null),
};
for (const [what, look] of Object.entries(looks)) {
  test(`a process blocked beyond the deadline looks at ${what} first: all else says the same, and why`, async () => {
    const world = new World();
    const client = await world.connected();
    const session = client.session!;
    const { signal } = session;
    const story = storyOf(client);
    world.clock.block(T + 100);
    assert.equal(signal.aborted, false, "no timer has run");
    look(client, session);
    assert.equal(signal.aborted, true);
    assertLost(signal.reason, "deadline");
    assert.match(
      signal.reason.message,
      /in the last 9109 ms.* this process's event loop was blocked for at least 6\d{3} ms$/,
    );
    for (const other of Object.values(looks)) other(client, session);
    assert.deepEqual(story, ["lost: deadline", "connecting"]);
    await world.end();
  });
}

test("servers that are silent are not excused with this process: it ran all the time", async () => {
  const world = new World();
  const client = await world.connected();
  const { signal } = client.session!;
  world.clock.block(T * 0.8); // long ago
  await world.clock.run(T);
  for (const server of world.servers) server.behaviour = "silent";
  await world.clock.run(2 * T);
  assertLost(signal.reason, "deadline");
  assert.match(
    signal.reason.message,
    /was not confirmed by any server in the last 9000 ms, and its timeout is 9000 ms$/,
  );
  await world.end();
});

test("an answer that proves the session alive beyond its known deadline counts", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const { peer } = world.serving;
  await world.clock.run(2000);
  peer.isHeld = true;
  const ping = outcomeOf(client.ping());
  await world.clock.run(3);
  world.clock.block(session.expiresInMs() + 1); // the deadline known so far has passed, no timer has run
  peer.events.onData(new Uint8Array(Buffer.concat(takeHeld(peer))));
  assert.equal(session.signal.aborted, false);
  await world.clock.run(1);
  assert.equal(ping.isSettled, true);
  assert.equal(session.signal.aborted, false);
  await world.end();
});

test("an answer that comes after the deadline it could have moved is seen by nobody before the loss is", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const { peer } = world.serving;
  peer.isHeld = true;
  let wasAborted: boolean | null = null;
  const reading = client.exists("/a").then(() => {
    wasAborted = session.signal.aborted;
  });
  await world.clock.run(3);
  world.clock.block(T + 10); // no timer has run
  peer.events.onData(new Uint8Array(Buffer.concat(takeHeld(peer))));
  await reading;
  assert.equal(wasAborted, true);
  assertLost(session.signal.reason, "deadline");
  await world.end();
});

function takeHeld(peer: {
  isHeld: boolean;
  events: { onData(chunk: Uint8Array): void };
  release(): void;
}): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const { onData } = peer.events;
  const server = (peer as unknown as { server: { world: World } }).server;
  const after = server.world.clock.after.bind(server.world.clock);
  server.world.clock.after = (_milliseconds, task) => {
    peer.events.onData = (chunk) => void chunks.push(chunk);
    task();
    peer.events.onData = onData;
    return () => {};
  };
  peer.release();
  server.world.clock.after = after;
  return chunks;
}

test("whoever hears of a change may close the client in the middle of it", async () => {
  for (const kind of ["connected", "unsure", "lost", "connecting", "signal"] as const) {
    const world = new World();
    const client = kind === "connected" ? world.client() : await world.connected();
    const story = storyOf(client);
    let closing: Promise<void> | null = null;
    const close = () => {
      closing ??= client.close();
    };
    client.onState((state) => {
      if (state.kind === kind) close();
    });
    client.session?.signal.addEventListener("abort", () => {
      if (kind === "signal") close();
    });
    if (kind === "lost" || kind === "connecting" || kind === "signal") world.sessions.clear();
    if (kind !== "connected") world.serving.peer.hangUp();
    await world.clock.run(2000);
    assert.ok(closing !== null, kind);
    await closing;
    assert.equal(client.state.kind, "closed");
    assert.equal(story.filter((line) => line.startsWith("lost")).length <= 1, true);
    assert.equal(story.at(-1), "closed", kind);
    assert.equal(story.filter((line) => line === "closed").length, 1);
    await world.end();
  }
});

test("close ends the session politely: its signal first, then what was asked, then the server's word", async () => {
  const world = new World();
  const client = await world.connected();
  const session = client.session!;
  const { peer } = world.serving;
  const write = outcomeOf(client.create("/last"));
  const closing = outcomeOf(client.close());
  assertLost(session.signal.reason, "closed");
  assert.equal(peer.asked.length, 0, "no server has heard of it yet");
  const late = outcomeOf(client.exists("/late"));
  await world.clock.run(10);
  assert.equal(write.value, "/last");
  assert.equal(closing.isSettled, true);
  assert.ok(late.error instanceof CoordinationError && late.error.code === "closed");
  assert.deepEqual(peer.opcodes, [OPCODE.create, OPCODE.closeSession]);
  assert.equal(world.sessions.size, 0);
  await world.end();
});

test("close waits for no server: not for one that is silent, nor for one that is gone", async () => {
  const world = new World();
  const silent = await world.connected();
  world.script(() => true);
  const write = outcomeOf(silent.create("/a"));
  const closing = outcomeOf(silent.close({ timeoutMs: 700 }));
  await world.clock.run(699);
  assert.equal(closing.isSettled, false);
  await world.clock.run(2);
  assert.equal(closing.isSettled, true);
  assert.ok(write.error instanceof CoordinationError && write.error.outcome === "unknown");

  const second = new World();
  const unsure = await second.connected();
  for (const server of second.servers) server.die();
  await second.clock.run(5);
  const queued = outcomeOf(unsure.create("/a"));
  const gone = outcomeOf(unsure.close());
  await second.clock.run(0);
  assert.equal(gone.isSettled, true);
  assert.ok(queued.error instanceof CoordinationError && queued.error.outcome === "not-applied");
  await second.end();
  await world.end();
});

test("a server that hangs up instead of answering close has closed as well", async () => {
  const world = new World();
  const client = await world.connected();
  const story = storyOf(client);
  world.script((peer, { opcode }) => {
    if (opcode === OPCODE.closeSession) peer.hangUp();
    return opcode === OPCODE.closeSession;
  });
  const closing = outcomeOf(client.close());
  await world.clock.run(10);
  assert.equal(closing.isSettled, true);
  assert.deepEqual(story, ["closed"]);
  await world.end();
});

test("a session that another client had is resumed, or found lost", async () => {
  const world = new World();
  const first = await world.connected();
  const { id, password, timeoutMs } = first.session!;
  const second = await world.connected({ resume: { id, password, timeoutMs } });
  assert.equal(second.session?.id, id);
  const closing = outcomeOf(second.close());
  await world.clock.run(10);
  assert.equal(closing.isSettled, true);

  const third = world.client({ resume: { id, password, timeoutMs }, onLoss: "stop" });
  const error = failureOf(third.connected());
  await world.clock.run(2000);
  assert.match((await error).message, /is expired, says/);
  await world.end();
});
