// Channels of the connections between members, and members of different wire versions: the one before this knew no channels.

import assert from "node:assert/strict";
import net, { type AddressInfo } from "node:net";
import { test } from "node:test";
import { LOG_CHANNEL } from "../../src/adapters/peers/channels.ts";
import { decodeHello, HELLO_BYTES, WIRE_VERSION, WIRE_VERSION_OLDEST } from "../../src/adapters/peers/hello.ts";
import { Initiator, VERDICT_BYTES } from "../../src/adapters/peers/shared-secret.ts";
import { call, closeAll, firstBytes, framed, helloFrom, mesh, TestPeers, untilClosed } from "./support/peers.ts";

const CHANNEL = 1;
/** What a member of version 2 says of itself. */
const VERSION_2 = { version: 2, versionOldest: 2 };
const pair = async (more = {}) => (await mesh(2, undefined, more)) as [TestPeers, TestPeers];

function received(one: TestPeers, channel = CHANNEL) {
  const frames: string[] = [];
  const opened = one.peers.openChannel(channel, (from, frame) => frames.push(`${from}: ${Buffer.from(frame)}`));
  return { frames, channel: opened };
}

for (const [how, more] of [
  ["in the open", {}],
  ["by a secret", { secrets: [Buffer.from("the secret")] }],
] as const) {
  test(`frames of each channel reach that channel alone, in order, among those of the log (${how})`, async () => {
    const [one, two] = await pair(more);
    const [ours, other] = [received(one), received(one, 255)];
    const [its] = [received(two), received(two, 255)];
    const large = "x".repeat(1_000_000);
    two.send(1, "log 1");
    its.channel.send(1, Buffer.from("channel 1"));
    its.channel.send(1, Buffer.from(large));
    two.send(1, "log 2");
    its.channel.send(1, Buffer.from("channel 2"));
    ours.channel.send(2, Buffer.from("back"));
    await one.until("all", () => ours.frames.length === 3 && one.frames.length === 2);
    await two.until("the answer", () => its.frames.length === 1);
    assert.deepEqual(ours.frames, ["2: channel 1", `2: ${large}`, "2: channel 2"]);
    assert.deepEqual(one.texts(2), ["log 1", "log 2"]);
    assert.deepEqual([its.frames, other.frames], [["1: back"], []]);
    assert.equal(one.peers.versionOf(2), WIRE_VERSION);
    assert.equal(one.peers.versionOf(1), WIRE_VERSION, "its own");
    await closeAll([one, two]);
  });
}

test("a frame of a channel that nobody here knows is left out, and the connection stays", async () => {
  const [one, two] = await pair();
  const its = received(two, 9);
  its.channel.send(1, Buffer.from("for a newer member"));
  two.send(1, "after it");
  await one.until("the log's frame", () => one.texts(2).length === 1);
  assert.ok(one.peers.isConnected(2));
  await closeAll([one, two]);
});

test("a channel reaches whom there is a connection to, and what is sent otherwise is dropped", async () => {
  const [one, two] = await pair();
  const { channel } = received(one);
  assert.deepEqual([channel.reaches(2), channel.reaches(3)], [true, false]);
  channel.send(3, Buffer.from("nobody"));
  await two.peers.close();
  await one.until("gone", () => !one.peers.isConnected(2));
  assert.equal(channel.reaches(2), false);
  assert.equal(one.peers.versionOf(2), null);
  channel.send(2, Buffer.from("nobody"));
  await one.peers.close();
});

test("a stranger's frames are received on the log's channel alone", async () => {
  const one = await new TestPeers(1).open();
  const { frames } = received(one);
  const stranger = await call(one.port);
  stranger.write(Buffer.concat([helloFrom(2, 1), framed("to a channel", CHANNEL), framed("to the log")]));
  await one.until("the log's frame", () => one.texts(2).length === 1);
  assert.deepEqual(frames, []);
  one.peers.reconcile(0, [{ id: 2, description: "" }]);
  stranger.write(framed("to a channel again", CHANNEL));
  await one.until("listed, it is heard", () => frames.length === 1);
  stranger.destroy();
  await one.peers.close();
});

test("a member of wire version 2 that calls is spoken with as before: frames without a channel", async () => {
  const one = await new TestPeers(1).open();
  one.peers.reconcile(0, [{ id: 2, description: "" }]);
  const { frames, channel } = received(one);
  const old = await call(one.port);
  old.write(helloFrom(2, 1, VERSION_2));
  const hello = decodeHello(await firstBytes(old))!;
  assert.deepEqual([hello.reply, hello.version, hello.versionOldest], ["welcome", WIRE_VERSION, WIRE_VERSION_OLDEST]);
  assert.equal(WIRE_VERSION_OLDEST, 2, "it reads this hello, for 2 is a version that it speaks");
  await one.until("connected", () => one.peers.isConnected(2));
  assert.equal(one.peers.versionOf(2), 2);
  assert.equal(channel.reaches(2), false);

  old.write(framed("\u0001 the first byte is no channel", null));
  await one.until("its frame", () => one.frames.length === 1);
  assert.deepEqual(one.texts(2), ["\u0001 the first byte is no channel"]);
  channel.send(2, Buffer.from("dropped"));
  one.send(2, "to it");
  const large = "y".repeat(300_000); // larger than what is copied together
  one.send(2, large);
  const expected = Buffer.concat([framed("to it", null), framed(large, null)]);
  const came: Buffer[] = [];
  old.on("data", (chunk: Buffer) => came.push(chunk));
  await one.until("all of it", () => Buffer.concat(came).length >= expected.length);
  assert.ok(Buffer.concat(came).subarray(0, expected.length).equals(expected), "without a channel");
  assert.deepEqual(frames, []);
  old.destroy();
  await one.peers.close();
});

test("a member of wire version 2 that is called is spoken with as before", async () => {
  const one = await new TestPeers(1).open();
  const old = net.createServer();
  const calls = new Promise<net.Socket>((resolve) => old.once("connection", resolve));
  await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
  one.peers.reconcile(0, [{ id: 2, description: `127.0.0.1:${(old.address() as AddressInfo).port}:1` }]);
  const socket = await calls;
  socket.on("error", () => {});
  const hello = decodeHello(await firstBytes(socket))!;
  assert.ok(hello.versionOldest <= 2 && hello.version >= 2, "the rule by which version 2 takes a caller");
  socket.write(Buffer.concat([helloFrom(2, 1, VERSION_2), framed("hello", null)]));
  await one.until("its frame", () => one.texts(2).length === 1);
  assert.deepEqual(one.texts(2), ["hello"]);
  assert.equal(one.peers.versionOf(2), 2);
  one.send(2, "to it");
  assert.ok((await firstBytes(socket, 9)).equals(Buffer.from(framed("to it", null))));
  socket.destroy();
  old.close();
  await one.peers.close();
});

test("a member of wire version 2 that proves itself is spoken with as before", async () => {
  const secret = Buffer.from("the secret");
  const one = await new TestPeers(1).open(0, undefined, { secrets: [secret] });
  const old = await call(one.port);
  const own = helloFrom(2, 1, { ...VERSION_2, proof: "demanded", incarnation: 0 });
  old.write(own);
  const initiator = new Initiator(secret, own, new Uint8Array(await firstBytes(old, HELLO_BYTES)));
  old.write(initiator.proof({ cluster: 0, incarnation: 5 }));
  assert.equal(initiator.verify(new Uint8Array(await firstBytes(old, VERDICT_BYTES)))?.reply, "welcome");
  const { outgoing } = initiator.authenticators();
  const frame = framed("in a record", null);
  old.write(framed(Buffer.concat([frame, outgoing.codeOf(frame)]), null));
  await one.until("its frame", () => one.texts(2).length === 1);
  assert.deepEqual(one.texts(2), ["in a record"]);
  old.destroy();
  await one.peers.close();
});

test("no version in common: a caller and one called are told so", async () => {
  const one = await new TestPeers(1).open();
  for (const versions of [
    { version: 1, versionOldest: 1 },
    { version: 9, versionOldest: WIRE_VERSION + 1 },
  ]) {
    const socket = await call(one.port);
    socket.write(helloFrom(2, 1, versions));
    assert.equal(decodeHello((await untilClosed(socket)).subarray(0, HELLO_BYTES))?.reply, "version");
  }
  const later = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.write(helloFrom(2, 1, { version: 9, versionOldest: 9 }));
  });
  await new Promise<void>((resolve) => later.listen(0, "127.0.0.1", resolve));
  one.peers.reconcile(0, [{ id: 2, description: `127.0.0.1:${(later.address() as AddressInfo).port}:1` }]);
  await one.until("told", () => one.lines.some((line) => /no version of the protocol is common to both/.test(line)));
  assert.deepEqual(one.events, []);
  later.close();
  await one.peers.close();
});

test("the log's channel cannot be opened by another, nor one twice", async () => {
  const one = await new TestPeers(1).open();
  for (const number of [LOG_CHANNEL, -1, 256]) {
    assert.throws(() => one.peers.openChannel(number, () => {}), /a number from 1 to 255/);
  }
  one.peers.openChannel(CHANNEL, () => {});
  assert.throws(() => one.peers.openChannel(CHANNEL, () => {}), /one receiver/);
  await one.peers.close();
});

test("once the ensemble needs a later version, members of an older one are cut, and told so when they come again", async () => {
  const one = await new TestPeers(1).open();
  one.peers.reconcile(0, [{ id: 2, description: "" }]);
  const old = await call(one.port);
  old.write(helloFrom(2, 1, VERSION_2));
  await one.until("connected", () => one.peers.isConnected(2));
  one.peers.requireVersion(3);
  await one.until("cut", () => !one.peers.isConnected(2));
  assert.ok(one.lines.some((line) => /it speaks version 2 at most, and the ensemble needs 3 by now/.test(line)));
  one.peers.requireVersion(2); // it never goes back
  const again = await call(one.port);
  again.write(helloFrom(2, 1, VERSION_2));
  const hello = decodeHello((await untilClosed(again)).subarray(0, HELLO_BYTES));
  assert.deepEqual([hello?.reply, hello?.versionOldest], ["version", 3]);
  await one.peers.close();
});
