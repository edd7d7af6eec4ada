// What the client does while servers are killed, stopped and out of reach, and what it leaves behind.

import assert from "node:assert/strict";
import {
  CoordinationError,
  connectZooKeeper,
  SessionLostError,
} from "../../../../src/protocols/zookeeper/client/index.ts";
import { freePort } from "../../../support/ports.ts";
import { Stalls } from "../../../support/stalls.ts";
import { ZooKeeperClient as Witness } from "../../../support/zookeeper-client.ts";
import { quick, type Scene, sessionTimeoutMs } from "./scene.ts";
import { failureOf, statesOf, until } from "./story.ts";
import { first } from "./watch-stories.ts";

export async function killedServer(scene: Scene): Promise<void> {
  const victim = scene.ensemble.members[0]!;
  const client = await scene.clientOf(victim);
  const other = await scene.clientOf(scene.ensemble.members[1]!);
  const root = await scene.root(client);
  const session = client.session!;
  const states = statesOf(client);
  await client.create(`${root}/own`, "", { mode: "ephemeral" });
  const events: string[] = [];
  await client.getData(root, { watch: ({ type, path }) => events.push(`${type} ${path}`) });
  await client.exists(`${root}/none`, { watch: ({ type, path }) => events.push(`${type} ${path}`) });
  await using tree = await client.addWatch(root, { recursive: true });

  await victim.kill();
  await other.setData(root, "meanwhile");
  await until("it is connected elsewhere", () => client.state.kind === "connected");
  await client.sync();
  await until("it hears what it missed", () => events.length === 1);
  assert.deepEqual(events, [`data-changed ${root}`]);
  assert.deepEqual(await first(tree, 2), ["missed: disconnected", `data-changed ${root}`], "told because of the other");
  assert.deepEqual(states, ["unsure", "connected"]);
  assert.equal(client.session, session);
  assert.equal(session.signal.aborted, false);
  await other.sync();
  assert.equal((await other.exists(`${root}/own`))?.ephemeralOwner, session.id);
  await other.create(`${root}/none`);
  await until("the other watch was set again", () => events.length === 2);
  assert.deepEqual(events[1], `created ${root}/none`);
  assert.deepEqual(await first(tree, 1), [`created ${root}/none`]);
}

export async function stoppedServer(scene: Scene): Promise<void> {
  const victim = scene.ensemble.members.find((_, i) => i === 0)!;
  const client = await scene.clientOf(victim);
  const session = client.session!;
  const states = statesOf(client);
  const root = await scene.root(client);
  using stalls = new Stalls();
  const stoppedAt = performance.now();
  let unsureAfter = 0;
  client.onState(({ kind }) => {
    if (kind === "unsure") unsureAfter = performance.now() - stoppedAt;
  });
  await victim.kill("SIGSTOP");
  await until("it is unsure", () => unsureAfter > 0);
  assert.ok(unsureAfter < (sessionTimeoutMs * 2) / 3 + 500 + stalls.allowanceMs, `unsure after ${unsureAfter} ms`);
  await until("it is connected elsewhere", () => client.state.kind === "connected");
  assert.ok(performance.now() - stoppedAt < sessionTimeoutMs + stalls.allowanceMs);
  assert.equal(client.session, session);
  assert.deepEqual(states, ["unsure", "connected"]);
  await client.create(`${root}/after`);
}

export async function allStopped(scene: Scene): Promise<void> {
  const client = await scene.client();
  const root = await scene.root(client);
  const session = client.session!;
  const states = statesOf(client);
  let lostAt = 0;
  session.signal.addEventListener("abort", () => {
    lostAt = performance.now();
  });
  await client.create(`${root}/own`, "", { mode: "ephemeral" });
  await using watch = await client.addWatch(root);
  using stalls = new Stalls();
  const before = performance.now();
  for (const member of scene.ensemble.members) await member.kill("SIGSTOP");
  const write = failureOf(client.setData(root, "into the void"));
  await until("it is lost", () => lostAt > 0);
  const after = lostAt - before;
  assert.ok(
    after > sessionTimeoutMs * 0.9 - 100 && after < sessionTimeoutMs + 300 + stalls.allowanceMs,
    `lost after ${after} ms`,
  );
  const { reason } = session.signal;
  assert.ok(reason instanceof SessionLostError);
  assert.equal(reason.lossCause, "deadline");
  assert.equal(session.expiresInMs(), 0);
  const lost = await write;
  assert.ok(lost instanceof CoordinationError && lost.outcome === "unknown");
  assert.equal(await failureOf(watch.next()), reason, "a watch ends with its session");

  for (const member of scene.ensemble.members) await member.kill("SIGCONT");
  await scene.ensemble.waitReady();
  const next = await client.connected({ timeoutMs: 20_000 });
  assert.notEqual(next.id, session.id);
  assert.equal(next.signal.aborted, false);
  assert.deepEqual(states, ["unsure", "lost", "connecting", "connected"]);
  const stale = await failureOf(client.setData(root, "x", { session }));
  assert.ok(stale instanceof CoordinationError && stale.code === "session-expired" && stale.outcome === "not-applied");
  await until("the servers expire the old one", async () => (await client.exists(`${root}/own`)) === null);
}

export async function expiredElsewhere(scene: Scene): Promise<void> {
  const client = await scene.client();
  const session = client.session!;
  const states = statesOf(client);
  const thief = await Witness.connect(scene.ensemble.members[2]!.address, {
    session: { id: session.id, password: session.password, timeoutMs: session.timeoutMs },
  });
  await thief.close();
  await until("another session has begun", () => client.session !== null && client.session !== session);
  assert.ok(session.signal.reason instanceof SessionLostError);
  assert.equal(session.signal.reason.lossCause, "expired");
  assert.deepEqual(
    states.filter((kind) => kind === "lost"),
    ["lost"],
  );
  assert.deepEqual(states.slice(-3), ["lost", "connecting", "connected"]);

  const dead = await scene.client({ ...quick, onLoss: "stop" });
  const second = dead.session!;
  const thief2 = await Witness.connect(scene.ensemble.members[2]!.address, {
    session: { id: second.id, password: second.password, timeoutMs: second.timeoutMs },
  });
  await thief2.close();
  await until("it is lost", () => dead.state.kind === "lost");
  const error = await failureOf(dead.exists("/"));
  assert.ok(error instanceof CoordinationError && error.code === "session-expired" && error.outcome === "not-applied");
}

/** By all writers together. */
const WRITES_BETWEEN_KILLS = 500;

export async function writesInFlight(scene: Scene): Promise<void> {
  const client = await scene.client();
  const root = await scene.root(client);
  const outcomes = new Map<string, "applied" | "not-applied" | "unknown">();
  let isOver = false;
  const writer = async (w: number) => {
    for (let i = 0; !isOver; i++) {
      const path = `${root}/w${w}-${i}`;
      try {
        await client.create(path, "", { timeoutMs: 20_000 });
        outcomes.set(path, "applied");
      } catch (error) {
        assert.ok(error instanceof CoordinationError, String(error));
        assert.equal(error.code, "connection-lost", String(error));
        outcomes.set(path, error.outcome);
      }
    }
  };
  const writers = Array.from({ length: 20 }, (_, w) => writer(w));
  const moreWrites = async () => {
    const enough = outcomes.size + WRITES_BETWEEN_KILLS;
    await until("the writers go on", () => outcomes.size >= enough);
  };
  for (let kill = 0; kill < 2; kill++) {
    await moreWrites();
    const victim = scene.serverOf(client);
    await victim.kill();
    await until("it is connected elsewhere", () => client.state.kind === "connected");
    await moreWrites();
    await victim.restart();
    await scene.ensemble.waitReady();
  }
  isOver = true;
  await Promise.all(writers);
  await client.sync();
  const present = new Set((await client.getChildren(root)).map((name) => `${root}/${name}`));
  for (const [path, outcome] of outcomes) {
    if (outcome === "applied") assert.ok(present.has(path), `${path} was acknowledged`);
    if (outcome === "not-applied") assert.ok(!present.has(path), `${path} was said not to be applied`);
  }
  assert.ok([...outcomes.values()].includes("unknown"), "the kills met writes under way");
}

export async function nothingLeft(scene: Scene): Promise<void> {
  const before = resources();
  const client = await connectZooKeeper(scene.ensemble.connectString, quick);
  const root = await scene.root(client);
  const watch = await client.addWatch(root);
  const unanswered = failureOf(watch.next());
  const pending = Promise.allSettled([client.create(`${root}/a`), client.getData(root, { watch: () => {} })]);
  const { signal } = client.session!;
  const closing = client.close();
  assert.equal(signal.aborted, true, "before the servers hear of it");
  await Promise.all([closing, client.close()]);
  assert.deepEqual(
    (await pending).map(({ status }) => status),
    ["fulfilled", "fulfilled"],
    "what was asked before is answered",
  );
  assert.ok((await unanswered) instanceof SessionLostError);
  assert.deepEqual(resources(), before);
  const error = await failureOf(client.exists("/"));
  assert.ok(error instanceof CoordinationError && error.code === "closed" && error.outcome === "not-applied");

  const nowhere = await failureOf(
    connectZooKeeper(`127.0.0.1:${await freePort()}`, { ...quick, connectTimeoutMs: 300 }),
  );
  assert.match(
    nowhere.message,
    /no server gave a session within 300 ms \(127\.0\.0\.1:\d+ cannot be reached: .*REFUSED/,
  );
  assert.deepEqual(resources(), before);
}

/** What keeps this process alive, but for what tests themselves have running. */
function resources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|TLS|Timeout|Immediate|GetAddrInfo/.test(name))
    .sort();
}
