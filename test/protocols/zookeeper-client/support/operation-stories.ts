// The client's operations on real servers: nodes, transactions, access lists, SASL, chroots, reconfiguration.

import assert from "node:assert/strict";
import {
  ACL,
  CoordinationError,
  MultiError,
  type NodeEvent,
  op,
  PERMISSION,
  read,
  SessionLostError,
  type Stat,
} from "../../../../src/protocols/zookeeper/client/index.ts";
import { quick, type Scene } from "./scene.ts";
import { failureOf, refusalOf, textOf, until } from "./story.ts";
import { first } from "./watch-stories.ts";

export async function createModes(scene: Scene): Promise<void> {
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

export async function nodes(scene: Scene): Promise<void> {
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

export async function transactions(scene: Scene): Promise<void> {
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

export async function groupedReads(scene: Scene): Promise<void> {
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

export async function access(scene: Scene): Promise<void> {
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

export async function sasl(scene: Scene): Promise<void> {
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

export async function chroot(scene: Scene): Promise<void> {
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
  await outside.sync(root); // it may be served by another member
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

export async function reconfiguration(scene: Scene): Promise<void> {
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
