// The order of one session: what it asked first is answered first, and every answer shows exactly what came before it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CoordinationError } from "../../../src/base/errors.ts";
import { fromByteString } from "../../../src/base/text.ts";
import { readData } from "../../../src/protocols/zookeeper/codec/replies.ts";
import { describe } from "../../../src/state/membership/description.ts";
import { MembershipModel } from "../../../src/state/membership/model.ts";
import { encodeEndReconfig, encodeSetData } from "../../../src/state/tree/commands.ts";
import { TreeModel } from "../../../src/state/tree/model.ts";
import * as ask from "./support/requests.ts";
import type { ReplyFrame } from "./support/test-client.ts";
import { World } from "./support/world.ts";

function dataOf({ body }: ReplyFrame): string {
  const { data } = readData(body);
  return fromByteString(String.fromCharCode(...data!));
}

test("a read behind a write waits for it and sees it; the write behind the read is not seen yet", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.create("/a", { data: ask.text("0") }));
  world.member.isHeld = true;
  client.send(...ask.setData("/a", ask.text("1")));
  client.send(...ask.getData("/a"));
  client.send(...ask.setData("/a", ask.text("2")));
  client.send(...ask.getData("/a"));
  world.clock.turn();
  assert.deepEqual(client.takeReplies(), [], "nothing is answered before the writes are agreed on");
  assert.equal(world.member.proposed, 2, "both writes were proposed at once");
  world.member.agree();
  const replies = client.takeReplies();
  assert.deepEqual(
    replies.map(({ xid }) => xid),
    [2, 3, 4, 5],
  );
  assert.equal(dataOf(replies[1]!), "1");
  assert.equal(dataOf(replies[3]!), "2");
});

test("a read with no write before it is answered at once, whatever other sessions wait for", () => {
  const world = new World();
  const writer = world.client();
  const reader = world.client();
  writer.call(...ask.create("/a"));
  world.member.isHeld = true;
  writer.send(...ask.setData("/a"));
  reader.send(...ask.getData("/a"));
  assert.deepEqual(reader.takeStory(), ["reply 1"]);
  assert.deepEqual(writer.takeStory(), []);
});

test("pings, errors and authentication keep their place in the order too", () => {
  const world = new World();
  const client = world.client();
  world.member.isHeld = true;
  client.send(...ask.create("/a"));
  client.send(...ask.ping);
  client.send(...ask.auth("digest", "joe:secret"));
  client.send(1, (w) => w.int32(77));
  client.send(...ask.exists("/b"));
  world.clock.turn();
  assert.deepEqual(client.takeStory(), []);
  world.member.agree();
  assert.deepEqual(client.takeStory(), ["reply 1"], "the ping is not answered before the leader has heard it");
  world.member.pass();
  assert.deepEqual(client.takeStory(), ["reply -2", "reply -4", "reply 2 error -5", "reply 3 error -101"]);
});

test("a ping is answered once its session's time has begun anew at the leader", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.exists("/a")); // what this tick renews by itself
  world.member.isHeld = true;
  world.member.renewed = [];
  client.send(...ask.ping);
  world.clock.turn();
  assert.deepEqual(world.member.renewed, [client.sessionId]);
  assert.deepEqual(client.takeStory(), []);
  world.member.pass();
  assert.deepEqual(client.takeStory(), ["reply -2"]);
});

test("a notification leaves before the reply that shows its change, to the writer and to others", () => {
  const world = new World();
  const writer = world.client();
  const other = world.client();
  for (const client of [writer, other]) client.call(...ask.exists("/a", true));
  writer.send(...ask.create("/a"));
  writer.send(...ask.getData("/a"));
  other.send(...ask.getData("/a"));
  assert.deepEqual(writer.takeStory(), ["event 1 /a", "reply 2", "reply 3"]);
  assert.deepEqual(other.takeStory(), ["reply 2 error -101", "event 1 /a"]);
});

test("the notification of another member's write comes before any read that sees it", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.create("/a"));
  client.call(...ask.getData("/a", true));
  world.member.agreeFrom(2, 1, (w) => encodeSetData(w, 0, client.connection.credentials, "/a", ask.text("z"), -1));
  client.send(...ask.getData("/a"));
  assert.deepEqual(client.takeStory(), ["event 3 /a", "reply 3"]);
});

test("a notification carries the revision of its change, and a reply the latest that its member has applied", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.exists("/a", true));
  client.send(...ask.create("/a"));
  const [event, reply] = client.takeReplies();
  assert.equal(event?.zxid, 2);
  assert.equal(reply?.zxid, 2);
  assert.equal(client.call(...ask.remove("/nope")).zxid, 3, "a failed write consumes a revision too");
  assert.equal(client.call(...ask.ping).zxid, 3);
});

test("no write passes a sync, so that a read between them sees what was there, and no reply goes back in time", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.create("/a"));
  world.member.isHeld = true;
  client.send(...ask.sync("/a"));
  client.send(...ask.getData("/a"));
  client.send(...ask.setData("/a", ask.text("1")));
  world.clock.turn();
  assert.equal(world.member.proposed, 0, "the write waits for the sync");
  world.member.agreeFrom(2, 1, (w) => encodeSetData(w, 0, client.connection.credentials, "/a", ask.text("22"), -1));
  world.member.pass();
  world.clock.turn();
  world.member.agree();
  const [sync, get, set] = client.takeReplies();
  assert.deepEqual([sync?.xid, get?.xid, set?.xid], [2, 3, 4]);
  assert.deepEqual([sync?.zxid, get?.zxid, set?.zxid], [3, 3, 4]);
  assert.equal(dataOf(get!), "22");
});

test("a sync that is passed before its turn shows what the writes before it led to", () => {
  const world = new World();
  const client = world.client();
  world.member.isHeld = true;
  client.send(...ask.create("/a"));
  client.send(...ask.sync("/a"));
  client.send(1, (w) => w.int32(77));
  world.clock.turn();
  world.member.pass();
  assert.deepEqual(client.takeStory(), []);
  world.member.agree();
  assert.deepEqual(
    client.takeReplies().map(({ zxid }) => zxid),
    [2, 2, 2],
  );
});

test("a sync that cannot be had closes the connection: its client asks elsewhere", () => {
  const world = new World();
  const client = world.client();
  world.member.isHeld = true;
  client.send(...ask.sync("/a"));
  world.member.pass(new CoordinationError("no-quorum", "unknown", "no leader"));
  assert.equal(client.isClosed, true);
  assert.equal(world.service.outstanding, 0);
});

test("a reconfiguration is answered when it has ended, and what follows waits for it", () => {
  const world = new World({ policy: { reconfig: true, skipAcl: true } });
  const client = world.client();
  world.member.machine.applyConfiguration(
    world.member.nextIndex(),
    [1, 2].map((id) => ({ id, role: "voter" as const, description: `h${id}:1:2:participant;${2180 + id}` })),
    false,
  );
  client.send(...ask.reconfig({ joining: "server.3=h3:1:2:participant;2183" }));
  client.send(...ask.exists("/zookeeper"));
  world.clock.turn();
  assert.deepEqual(client.takeStory(), []);
  const pendingReconfiguration = world.member.machine.model(MembershipModel).pending;
  assert(pendingReconfiguration !== null);
  world.member.agreeFrom(2, 1, (w) => encodeEndReconfig(w, pendingReconfiguration.id, "new-configuration-no-quorum"));
  assert.deepEqual(client.takeStory(), ["reply 1 error -13", "reply 2"]);
  client.send(...ask.reconfig({ joining: "server.3=h3:1:2:participant;2183" }));
  world.clock.turn();
  const wanted = world.member.machine.model(MembershipModel).pending!.members;
  world.member.machine.applyConfiguration(
    world.member.nextIndex(),
    wanted.map((member) => ({ id: member.id, role: "voter", description: describe(member, 0) })),
    false,
  );
  const reply = client.takeReply();
  assert.equal(reply?.error, 0);
  assert.match(dataOf(reply!), /server\.3=h3:1:2:participant/);
});

test("a reconfiguration whose end was never told, because the state was replaced, leaves nothing behind", () => {
  const world = new World({ policy: { reconfig: true, skipAcl: true } });
  const client = world.client();
  const members = [1, 2].map((id) => ({
    id,
    role: "voter" as const,
    description: `h${id}:1:2:participant;${2180 + id}`,
  }));
  world.member.machine.applyConfiguration(world.member.nextIndex(), members, false);
  client.send(...ask.reconfig({ joining: "server.3=h3:1:2:participant;2183" }));
  world.clock.turn();
  assert.equal(world.service.outstanding, 1);
  world.service.onRestored();
  assert.deepEqual(client.takeStory(), []);
  assert.equal(client.port.isEnded, true);
  assert.equal(world.service.outstanding, 0);
});

test("a write that the member refuses is answered with an error if it certainly was not applied; else the connection ends", () => {
  const world = new World();
  const first = world.client();
  const second = world.client();
  world.member.isHeld = true;
  first.send(...ask.create("/a"));
  first.send(...ask.exists("/a"));
  world.member.refuseAll(new CoordinationError("no-space", "not-applied", "the disk is full"));
  assert.deepEqual(first.takeStory(), ["reply 1 error -1", "reply 2 error -101"]);
  second.send(...ask.create("/a"));
  world.member.refuseAll(new CoordinationError("closed", "unknown", "the member stops"));
  assert.deepEqual(second.takeStory(), []);
  assert.equal(second.isClosed, true);
});

test("closing a session answers everything before it, says so, and closes; nothing after it is heard", () => {
  const world = new World();
  const client = world.client();
  client.send(...ask.create("/e", { flags: 1 }));
  client.send(...ask.closeSession);
  client.send(...ask.create("/after"));
  assert.deepEqual(client.takeStory(), ["reply 1", "reply 2"]);
  assert.equal(client.port.isEnded, true);
  assert.equal(world.member.machine.model(TreeModel).tree.node("/e"), undefined);
  assert.equal(world.member.machine.model(TreeModel).tree.node("/after"), undefined);
});

test("an operation that nobody knows is answered with -6 in its place, then the connection ends", () => {
  const world = new World();
  const client = world.client();
  world.member.isHeld = true;
  client.send(...ask.create("/a"));
  client.send(99);
  client.send(...ask.exists("/a"));
  world.clock.turn();
  assert.equal(client.isClosed, false);
  world.member.agree();
  assert.deepEqual(client.takeStory(), ["reply 1", "reply 2 error -6"]);
  assert.equal(client.port.isEnded, true);
});

test("a connection that goes leaves nothing behind: its requests in flight end without it", () => {
  const world = new World();
  const client = world.client();
  client.call(...ask.exists("/a", true));
  world.member.isHeld = true;
  for (let i = 0; i < 10; i++) {
    client.send(...ask.create(`/n${i}`));
    client.send(...ask.exists("/n"));
  }
  client.send(...ask.sync("/a"));
  client.connection.onClosed();
  world.member.agree();
  world.member.pass();
  assert.equal(world.service.outstanding, 0);
  assert.equal(world.service.connectionCount, 0);
  assert.equal(world.service.watches.size, 0);
  assert.notEqual(
    world.member.machine.model(TreeModel).tree.node("/n9"),
    undefined,
    "what was proposed is applied nonetheless",
  );
});

test("the replies of a turn leave with one write", () => {
  const world = new World();
  const client = world.client();
  client.port.received = [];
  for (let i = 0; i < 20; i++) client.send(...ask.create(`/n${i}`));
  world.clock.turn();
  assert.equal(client.port.received.length, 1);
});
