// What the client promises on real servers, the same on ours and on the reference: played against three processes that are
// killed, stopped and restarted.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  ACL,
  type ConnectOptions,
  CoordinationError,
  connectZooKeeper,
  MultiError,
  type NodeEvent,
  op,
  PERMISSION,
  read,
  SessionLostError,
  type Stat,
  type WatchItem,
  type ZooKeeperClient,
} from "../../../../src/protocols/zookeeper/client/index.ts";
import { Authority } from "../../../support/certificates.ts";
import { type Ensemble, type Flavour, type Member, startEnsemble } from "../../../support/ensemble.ts";
import { freePort } from "../../../support/ports.ts";
import { Stalls } from "../../../support/stalls.ts";
import { ZooKeeperClient as Witness } from "../../../support/zookeeper-client.ts";
import { failureOf, refusalOf, statesOf, textOf, until } from "./story.ts";

const sessionTimeoutMs = 4000;
const quick: ConnectOptions = { sessionTimeoutMs };

export async function clientLaws(flavour: Flavour): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cabildo-client-"));
  const ensemble = await startEnsemble({ flavour, members: 3, ...configuration(folder, flavour) });
  after(async () => {
    await ensemble.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const scene = new Scene(ensemble);
  const law = (title: string, play: (scene: Scene) => Promise<void>) =>
    test(`${flavour}: ${title}`, async () => {
      try {
        await play(scene);
      } catch (error) {
        console.error(`${title}: ${(error as Error).stack}\n${ensemble.lastWords()}`);
        throw error;
      } finally {
        await scene.tidy();
      }
    });

  law("every way to make a node, and what it leaves", createModes);
  law("data, versions, stats and children, as they are", nodes);
  law("a transaction is all or nothing, and names the operation at fault", transactions);
  law("reads come in groups, each for itself", groupedReads);
  law("access lists bind, and proofs of identity are given again after a reconnection", access);
  law("SASL proves both sides, before anything else is asked", sasl);
  law("below a chroot every path is relative to it, in answers and in events", chroot);
  law("one-shot watches tell once what they were set for", onceWatches);
  law("persistent watches tell everything, until they are left", persistentWatches);
  law("watches can be taken away, and looked for", removedWatches);
  law("a killed server costs a connection, not the session, nor what was watched", killedServer);
  law("a server that stops answering is left before the session is lost", stoppedServer);
  law("without any server the session is lost at its deadline, once; then another begins", allStopped);
  law("a session that was expired elsewhere is lost, once", expiredElsewhere);
  law("thousands of watches are set again in portions", manyWatches);
  law("writes under way when a server is killed end as unknown, applied at most once", writesInFlight);
  law("after close nothing is left", nothingLeft);
  law("the ensemble's configuration is read, watched and changed", reconfiguration);
  test(`${flavour}: without a quorum there are reads, for who is content with them`, () => readOnly(flavour));
  test(`${flavour}: TLS proves the server, and the client by its certificate`, () => tls(flavour));
}

function configuration(folder: string, flavour: Flavour) {
  const jaas = join(folder, "jaas.conf");
  const users = 'org.apache.zookeeper.server.auth.DigestLoginModule required\n  user_ana="ana \\"secret\\"";';
  writeFileSync(jaas, `Server {\n  ${users.replaceAll('\\"', "'")}\n};\n`);
  const superDigest = `super:${createHash("sha1").update("super:secret").digest("base64")}`;
  const login = `java.security.auth.login.config=${jaas}`;
  return {
    config: [
      "tickTime=500",
      "minSessionTimeout=1000",
      "initLimit=40",
      "syncLimit=20",
      "reconfigEnabled=true",
      "extendedTypesEnabled=true",
      `DigestAuthenticationProvider.superDigest=${superDigest}`,
      "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
      login,
    ],
    runtimeOptions: flavour === "zookeeper" ? [`-D${login}`] : [],
  };
}

class Scene {
  readonly ensemble: Ensemble;
  readonly #clients: ZooKeeperClient[] = [];
  #roots = 0;

  constructor(ensemble: Ensemble) {
    this.ensemble = ensemble;
  }

  async client(options: ConnectOptions = quick, chroot = ""): Promise<ZooKeeperClient> {
    const client = await connectZooKeeper(this.ensemble.connectString + chroot, options);
    this.#clients.push(client);
    return client;
  }

  /** A client that this member serves, and that knows the others too. */
  async clientOf(member: Member, options: ConnectOptions = quick): Promise<ZooKeeperClient> {
    for (;;) {
      const client = await this.client(options);
      if (this.serverOf(client) === member) return client;
      await client.close();
    }
  }

  serverOf(client: ZooKeeperClient): Member {
    const { state } = client;
    assert.equal(state.kind, "connected");
    return this.ensemble.members.find(({ address }) => state.kind === "connected" && state.server === address)!;
  }

  /** A node of this law's own. */
  async root(client: ZooKeeperClient): Promise<string> {
    return client.create(`/law-${++this.#roots}`);
  }

  async tidy(): Promise<void> {
    for (const member of this.ensemble.members) {
      await member.kill("SIGCONT");
      if (member.pid === undefined) await member.restart();
    }
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
    await this.ensemble.waitReady();
  }
}

async function createModes(scene: Scene): Promise<void> {
  const client = await scene.client();
  const root = await scene.root(client);
  assert.equal(await client.create(`${root}/plain`, "a"), `${root}/plain`);
  assert.equal(await client.create(`${root}/own`, new Uint8Array([0, 255]), { mode: "ephemeral" }), `${root}/own`);
  assert.equal(await client.create(`${root}/s-`, null, { mode: "persistent-sequential" }), `${root}/s-0000000002`);
  assert.equal(await client.create(`${root}/`, "", { mode: "ephemeral-sequential" }), `${root}/0000000003`);
  const container = await client.createWithStat(`${root}/container`, "", { mode: "container" });
  assert.deepEqual([container.path, container.stat.dataLength], [`${root}/container`, 0]);
  assert.equal(await client.create(`${root}/ttl`, "x", { mode: "persistent-with-ttl", ttlMs: 60_000 }), `${root}/ttl`);
  const sequential = { mode: "persistent-sequential-with-ttl", ttlMs: 60_000 } as const;
  assert.equal(await client.create(`${root}/t-`, "", sequential), `${root}/t-0000000006`);

  assert.deepEqual([...(await client.getEphemerals(root))].sort(), [`${root}/0000000003`, `${root}/own`]);
  assert.equal(await client.getAllChildrenNumber(root), 7);
  const { data, stat } = await client.getData(`${root}/own`);
  assert.deepEqual([...data!], [0, 255]);
  assert.equal(stat.ephemeralOwner, client.session!.id, "all 64 bits of it");
  assert.equal((await client.getData(`${root}/s-0000000002`)).data, null, "null is not the same as empty");
  assert.equal((await client.getData(`${root}/container`)).data?.length, 0);

  await client.close();
  const other = await scene.client();
  await other.sync();
  assert.equal(await other.exists(`${root}/own`), null, "an ephemeral node ends with its session");
}

async function nodes(scene: Scene): Promise<void> {
  const client = await scene.client();
  const root = await scene.root(client);
  const { path, stat } = await client.createWithStat(`${root}/añb`, "ü");
  assert.equal(path, `${root}/añb`);
  assert.equal(stat.czxid, stat.mzxid);
  assert.ok(stat.czxid > 0n);
  const changed = await client.setData(path, "new", { version: 0 });
  assert.equal(changed.version, 1);
  assert.ok(changed.mzxid > stat.mzxid);
  assert.equal(textOf((await client.getData(path)).data), "new");
  assert.deepEqual(await client.getChildren(root), ["añb"]);
  const { children, stat: parent } = await client.getChildrenWithStat(root);
  assert.deepEqual([children, parent.numChildren, parent.pzxid], [["añb"], 1, stat.czxid]);

  assert.equal(await refusalOf(client.setData(path, "x", { version: 0 })), "bad-version");
  assert.equal(await refusalOf(client.delete(path, { version: 7 })), "bad-version");
  assert.equal(await refusalOf(client.delete(root)), "not-empty");
  assert.equal(await refusalOf(client.create(path)), "node-exists");
  assert.equal(await refusalOf(client.getData(`${root}/none`)), "no-node");
  assert.equal(await refusalOf(client.create(`${root}/none/deeper`)), "no-node");
  await client.create(`${root}/own`, "", { mode: "ephemeral" });
  assert.equal(await refusalOf(client.create(`${root}/own/child`)), "no-children-for-ephemerals");
  await client.delete(path, { version: 1 });
  assert.equal(await client.exists(path), null);
  await client.sync(root);
  await client.ping();
}

async function transactions(scene: Scene): Promise<void> {
  const client = await scene.client();
  const root = await scene.root(client);
  const [made, numbered, , set, gone] = await client.multi([
    op.create(`${root}/a`, "1", { withStat: true }),
    op.create(`${root}/n-`, "", { mode: "persistent-sequential" }),
    op.check(`${root}/a`, 0),
    op.setData(`${root}/a`, "2", 0),
    op.delete(`${root}/n-0000000001`),
  ]);
  assert.equal(made.path, `${root}/a`);
  assert.equal(made.stat?.version, 0);
  assert.deepEqual(numbered, { op: "create", path: `${root}/n-0000000001`, stat: null });
  assert.equal(set.stat.version, 1);
  assert.deepEqual(gone, { op: "delete" });

  const failed = await failureOf(
    client.multi([op.setData(`${root}/a`, "3"), op.check(`${root}/none`), op.delete(`${root}/a`)]),
  );
  assert.ok(failed instanceof MultiError);
  assert.deepEqual([failed.failedIndex, failed.reason, failed.path], [1, "no-node", `${root}/none`]);
  assert.equal(failed.outcome, "not-applied");
  assert.equal(textOf((await client.getData(`${root}/a`)).data), "2");
  assert.deepEqual(await client.multi([]), []);
}

async function groupedReads(scene: Scene): Promise<void> {
  const client = await scene.client();
  const root = await scene.root(client);
  await client.create(`${root}/a`, "1");
  const [data, children, none] = await client.multiRead([
    read.data(`${root}/a`),
    read.children(root),
    read.data(`${root}/none`),
  ]);
  assert.ok(data.ok && children.ok && !none.ok);
  assert.equal(textOf(data.data), "1");
  assert.equal(data.stat.dataLength, 1);
  assert.deepEqual(children.children, ["a"]);
  assert.equal(none.error.reason, "no-node");
}

async function access(scene: Scene): Promise<void> {
  const client = await scene.client();
  const root = await scene.root(client);
  await client.addAuth("digest", "bob:his secret");
  await client.create(`${root}/bobs`, "1", { acl: ACL.creator });
  assert.ok((await client.whoAmI()).some(({ scheme, user }) => scheme === "digest" && user === "bob"));
  const { acl, stat } = await client.getAcl(`${root}/bobs`);
  assert.deepEqual([acl[0]?.scheme, acl[0]?.perms, stat.aversion], ["digest", PERMISSION.all, 0]);
  const stranger = await scene.client();
  await stranger.sync();
  assert.equal(await refusalOf(stranger.getData(`${root}/bobs`)), "no-auth");
  assert.equal((await client.setAcl(`${root}/bobs`, [...ACL.readable, ...acl], { version: 0 })).aversion, 1);
  await stranger.sync();
  assert.equal(textOf((await stranger.getData(`${root}/bobs`)).data), "1");
  assert.equal(await refusalOf(stranger.setData(`${root}/bobs`, "x")), "no-auth");
  assert.equal(await refusalOf(stranger.setAcl(root, [])), "invalid-acl");

  const server = scene.serverOf(client);
  await server.kill();
  await until(
    "it is connected elsewhere",
    () => client.state.kind === "connected" && scene.serverOf(client) !== server,
  );
  await client.setData(`${root}/bobs`, "2");

  const known = await scene.client({ ...quick, auth: [{ scheme: "digest", auth: "bob:his secret" }] });
  await known.setData(`${root}/bobs`, "3");
  assert.equal(await refusalOf(known.addAuth("no-such-scheme", "x")), "auth-failed");
  await until("it is connected again", () => known.state.kind === "connected");
  await known.setData(`${root}/bobs`, "4");
}

async function sasl(scene: Scene): Promise<void> {
  const ana = { username: "ana", password: "ana 'secret'" };
  const client = await scene.client({ ...quick, sasl: ana });
  const root = await scene.root(client);
  await client.create(`${root}/anas`, "", { acl: [{ perms: PERMISSION.all, scheme: "sasl", id: "ana" }] });
  await client.setData(`${root}/anas`, "1");
  assert.ok((await client.whoAmI()).some(({ scheme, user }) => scheme === "sasl" && user === "ana"));
  const stranger = await scene.client();
  await stranger.sync();
  assert.equal(await refusalOf(stranger.getData(`${root}/anas`)), "no-auth");

  const server = scene.serverOf(client);
  await server.kill();
  await until(
    "it is connected elsewhere",
    () => client.state.kind === "connected" && scene.serverOf(client) !== server,
  );
  await client.setData(`${root}/anas`, "2");

  const wrong = await failureOf(scene.client({ ...quick, sasl: { ...ana, password: "guessed" } }));
  assert.ok(wrong instanceof CoordinationError);
  assert.ok(wrong.cause instanceof SessionLostError, String(wrong));
  assert.equal(wrong.cause.lossCause, "auth-failed", "for good: every server would say the same");
}

async function chroot(scene: Scene): Promise<void> {
  const outside = await scene.client();
  const root = await scene.root(outside);
  const client = await scene.client(quick, root);
  assert.equal(await client.create("/a", "1"), "/a");
  assert.equal(await client.create("/s-", "", { mode: "ephemeral-sequential" }), "/s-0000000001");
  await outside.create(`${root}0`, "a sibling whose name begins alike");
  assert.deepEqual([...(await client.getChildren("/"))].sort(), ["a", "s-0000000001"]);
  assert.deepEqual(await client.getEphemerals(), ["/s-0000000001"]);
  const [created] = await client.multi([op.create("/m", "", { withStat: true })]);
  assert.equal(created.path, "/m");
  assert.equal(await client.create("/", "", { mode: "ephemeral-sequential" }), "/0000000003");
  const [numbered] = await client.multi([op.create("/", "", { mode: "persistent-sequential" })]);
  assert.equal(numbered.path, "/0000000004");
  assert.ok((await outside.exists(`${root}/0000000004`)) !== null, "in the chroot, not beside it");
  assert.deepEqual([...(await client.getEphemerals())].sort(), ["/0000000003", "/s-0000000001"]);
  const events: NodeEvent[] = [];
  await client.getChildren("/", { watch: (event) => events.push(event) });
  await client.getData("/a", { watch: (event) => events.push(event) });
  await using below = await client.addWatch("/", { recursive: true });
  await outside.setData(`${root}/a`, "2");
  await outside.create(`${root}/b`);
  await until("both have told", () => events.length === 2);
  assert.deepEqual(
    events.map(({ type, path }) => `${type} ${path}`),
    ["data-changed /a", "children-changed /"],
  );
  assert.deepEqual(await first(below, 2), ["data-changed /a", "created /b"]);
  assert.equal((await failureOf(client.getData("/none"))).message, "getData /none: no-node (-101)");
}

async function onceWatches(scene: Scene): Promise<void> {
  const client = await scene.client();
  const writer = await scene.client();
  const root = await scene.root(client);
  const told: string[] = [];
  const note = (who: string) => (event: NodeEvent) => told.push(`${who}: ${event.type} ${event.path}`);
  const one = note("one");
  await client.exists(`${root}/a`, { watch: one });
  await client.exists(`${root}/a`, { watch: one });
  await client.exists(`${root}/a`, { watch: note("two") });
  assert.equal(await refusalOf(client.getData(`${root}/a`, { watch: note("nobody") })), "no-node");
  await client.getChildren(root, { watch: note("list") });
  await writer.create(`${root}/a`, "1");
  await until("three have told", () => told.length >= 3);
  assert.deepEqual(told.splice(0), [
    `one: created ${root}/a`,
    `two: created ${root}/a`,
    `list: children-changed ${root}`,
  ]);

  const all = note("all");
  await client.getData(`${root}/a`, { watch: all });
  await client.getChildren(`${root}/a`, { watch: all });
  await writer.delete(`${root}/a`);
  await until("the end is told", () => told.length >= 1);
  await client.sync();
  assert.deepEqual(told.splice(0), [`all: deleted ${root}/a`], "once, though it watched twice");
}

async function first(items: AsyncIterator<WatchItem>, count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) {
    const { value: item, done } = await items.next();
    if (done === true) break;
    lines.push(item.type === "missed" ? `missed: ${item.because}` : `${item.type} ${item.path}`);
  }
  return lines;
}

async function persistentWatches(scene: Scene): Promise<void> {
  const client = await scene.client();
  const writer = await scene.client();
  const root = await scene.root(client);
  await using node = await client.addWatch(root);
  await using twin = await client.addWatch(root);
  await using tree = await client.addWatch(root, { recursive: true });
  await writer.create(`${root}/a`, "1");
  await writer.setData(`${root}/a`, "2");
  await writer.setData(root, "2");
  await writer.delete(`${root}/a`);
  await writer.delete(root);
  const ofNode = ["children-changed", "data-changed", "children-changed", "deleted"].map((type) => `${type} ${root}`);
  assert.deepEqual(await first(node, 4), ofNode);
  assert.deepEqual(await first(twin, 4), ofNode);
  assert.deepEqual(await first(tree, 5), [
    `created ${root}/a`,
    `data-changed ${root}/a`,
    `data-changed ${root}`,
    `deleted ${root}/a`,
    `deleted ${root}`,
  ]);
  await twin.close();
  assert.equal(await client.checkWatches(root, "persistent"), true, "its twin still watches");
  await node.close();
  assert.equal(await client.checkWatches(root, "persistent"), false);
  assert.equal(await client.checkWatches(root, "persistent-recursive"), true);

  const ending = new AbortController();
  const aborted = await client.addWatch(root, { signal: ending.signal });
  const waiting = failureOf(aborted.next());
  ending.abort(new Error("enough"));
  const error = await waiting;
  assert.ok(error instanceof CoordinationError && error.code === "aborted");
  assert.equal((await aborted.next()).done, true);
}

async function removedWatches(scene: Scene): Promise<void> {
  const client = await scene.client();
  const root = await scene.root(client);
  const told: string[] = [];
  const one = () => told.push("one");
  const two = () => told.push("two");
  await client.getData(root, { watch: one });
  await client.getData(root, { watch: two });
  await client.getChildren(root, { watch: one });
  await client.removeWatches(root, "data", { watcher: one });
  assert.equal(await client.checkWatches(root, "data"), true, "the other still watches");
  await client.setData(root, "1");
  await client.sync();
  await until("the other is told", () => told.length > 0);
  assert.deepEqual(told.splice(0), ["two"]);
  await client.removeWatches(root, "any");
  assert.equal(await client.checkWatches(root, "children"), false);
  await client.create(`${root}/a`);
  await client.sync();
  assert.deepEqual(told, []);
  assert.equal(await refusalOf(client.removeWatches(root, "children")), "no-watcher");
}

async function killedServer(scene: Scene): Promise<void> {
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

async function stoppedServer(scene: Scene): Promise<void> {
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

async function allStopped(scene: Scene): Promise<void> {
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

async function expiredElsewhere(scene: Scene): Promise<void> {
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

async function manyWatches(scene: Scene): Promise<void> {
  const victim = scene.ensemble.members[0]!;
  const client = await scene.clientOf(victim);
  const other = await scene.clientOf(scene.ensemble.members[1]!);
  const root = await scene.root(client);
  const count = 6000; // of 200 bytes: more than a server takes in one frame
  const name = (i: number) => `${root}/${String(i).padStart(200, "n")}`;
  const events = new Set<string>();
  const watch = ({ path }: NodeEvent) => events.add(path);
  await Promise.all(Array.from({ length: count }, (_, i) => client.exists(name(i), { watch })));
  await victim.kill();
  for (const i of [0, count / 2, count - 1]) await other.create(name(i));
  await until("it is connected elsewhere", () => client.state.kind === "connected");
  await client.sync();
  await until("those missed are told", () => events.size === 3);
  for (const i of [1, count - 2]) await other.create(name(i));
  await until("the others watch again", () => events.size === 5);
}

/** By all writers together. */
const WRITES_BETWEEN_KILLS = 500;

async function writesInFlight(scene: Scene): Promise<void> {
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

async function nothingLeft(scene: Scene): Promise<void> {
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

async function reconfiguration(scene: Scene): Promise<void> {
  const leader = await scene.ensemble.leader(); // who leaves hangs up on its clients
  const client = await scene.clientOf(leader, { ...quick, auth: [{ scheme: "digest", auth: "super:secret" }] });
  const events: NodeEvent[] = [];
  const { config, stat } = await client.getConfig({ watch: (event) => events.push(event) });
  for (const { id } of scene.ensemble.members) assert.match(config, new RegExp(`server\\.${id}=127\\.0\\.0\\.1:`));
  assert.equal(stat.ephemeralOwner, 0n);
  assert.equal(await refusalOf(client.reconfig({ leaving: [3], fromVersion: 12_345n })), "bad-version");
  const leaving = scene.ensemble.members.find(({ id }) => id !== leader.id)!;
  const changed = await client.reconfig({ leaving: [leaving.id], timeoutMs: 20_000 });
  assert.doesNotMatch(changed.config, new RegExp(`server\\.${leaving.id}=`));
  await until("the watch has told", () => events.length === 1);
  assert.deepEqual([events[0]?.type, events[0]?.path], ["data-changed", "/zookeeper/config"]);
  const joining = [`server.${leaving.id}=${leaving.peerAddress}:participant;127.0.0.1:${leaving.clientPort}`];
  const restored = await client.reconfig({ joining, timeoutMs: 20_000 });
  assert.match(restored.config, new RegExp(`server\\.${leaving.id}=`));
  assert.ok((restored.stat satisfies Stat).mzxid > changed.stat.mzxid);
}

async function readOnly(flavour: Flavour): Promise<void> {
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

async function tls(flavour: Flavour): Promise<void> {
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
