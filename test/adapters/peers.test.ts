import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { UNSENT_BYTES_MAX } from "../../src/adapters/peers/connection.ts";
import { FRAME_BYTES_MAX } from "../../src/adapters/peers/framing.ts";
import { decodeHello, HELLO_BYTES } from "../../src/adapters/peers/hello.ts";
import {
  call,
  closeAll,
  firstBytes,
  framed,
  helloFrom,
  listed,
  listenSilently,
  ManualTime,
  mesh,
  TestPeers,
  untilClosed,
} from "./support/peers.ts";

test("members connect, each pair once, and what one sends the other gets, whole and in order", async () => {
  const all = await mesh(3);
  for (const one of all) assert.equal(one.events.length, 2, `no connection was made twice: ${one.events}`);
  const sizes = [0, 1, 100, 70_000, 3_000_000];
  for (let i = 0; i < 500; i++) {
    const frame = Buffer.alloc(4 + sizes[i % (i % 100 === 4 ? 5 : 4)]!, i);
    frame.writeUInt32BE(i);
    for (const from of all) for (const to of all) if (to !== from) from.peers.send(to.id, Buffer.from(frame));
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const one of all) await one.until("all frames", () => one.frames.length === 1000);
  for (const one of all) {
    for (const other of all.filter((candidate) => candidate !== one)) {
      const numbers = one.frames
        .filter(({ from }) => from === other.id)
        .map(({ bytes }) => Buffer.from(bytes).readUInt32BE());
      assert.deepEqual(
        numbers,
        Array.from({ length: 500 }, (_, i) => i),
      );
    }
    assert.ok(one.frames.every(({ bytes }) => bytes.subarray(4).every((byte) => byte === (bytes[3]! & 0xff))));
  }
  await closeAll(all);
});

test("many members that call each other at once end with one connection a pair", async () => {
  for (let round = 0; round < 5; round++) {
    const all = await mesh(5);
    for (const one of all) {
      assert.ok(!one.events.some((event) => event.startsWith("-")), `${one.id} lost a connection again: ${one.events}`);
    }
    await closeAll(all);
  }
});

test("a member that was away is connected again, on both sides, and nothing is delivered twice", async () => {
  const [one, two] = (await mesh(2)) as [TestPeers, TestPeers];
  two.send(1, "before");
  await one.until("the frame", () => one.frames.length === 1);
  const { port } = two;
  await two.peers.close();
  await one.until("the loss", () => one.events.includes("-2"));
  assert.equal(one.peers.isConnected(2), false);
  one.send(2, "into the void");
  const again = await new TestPeers(2).open(port);
  again.peers.reconcile(0, listed([one, two]));
  await again.until("connected", () => again.peers.isConnected(1));
  await one.until("connected", () => one.peers.isConnected(2));
  again.send(1, "after");
  one.send(2, "hello again");
  await one.until("the frame", () => one.texts(2).length === 2);
  await again.until("the frame", () => again.texts(1).length === 1);
  assert.deepEqual(one.texts(2), ["before", "after"]);
  assert.deepEqual(again.texts(1), ["hello again"]);
  assert.deepEqual(one.events, ["+2", "-2", "+2"]);
  await closeAll([one, again]);
});

test("a member that comes up late is found by calling on, without a line for every call", async () => {
  const one = await new TestPeers(1).open();
  const place = await listenSilently();
  const { port } = place;
  place.server.close();
  one.peers.reconcile(0, [{ id: 2, description: `127.0.0.1:${port}:1` }]);
  await one.until("a line", () => one.lines.length > 0);
  const began = performance.now();
  await one.until("some calls", () => performance.now() - began > 300);
  assert.equal(one.lines.length, 1);
  assert.match(one.lines[0]!, new RegExp(`member 2 cannot be reached at 127.0.0.1:${port}: .*ECONNREFUSED`));
  const two = await new TestPeers(2).open(port); // it calls nobody
  await two.until("called", () => two.peers.isConnected(1), 3000);
  await closeAll([one, two]);
});

/** A member in a process of its own, to be killed. */
async function memberProcess(id: number, other: TestPeers) {
  const program = `
    import { openPeers } from ${JSON.stringify(fileURLToPath(new URL("../../src/adapters/peers/peers.ts", import.meta.url)))};
    const events = { onFrame() {}, onConnect() {}, onDisconnect() {} };
    const peers = await openPeers({ id: ${id}, incarnation: 1, listen: [{ host: "127.0.0.1", port: 0 }], events });
    ${id > other.id ? `peers.reconcile(0, [{ id: ${other.id}, description: "${other.address}" }]);` : ""}
    console.log(peers.addresses[0].port);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, port: Number(line.toString()) };
}

test("the death of a member's process is noticed at once, whoever called whom", async (t) => {
  for (const id of [1, 3]) {
    const two = await new TestPeers(2).open();
    const { child, port } = await memberProcess(id, two);
    if (id === 1) two.peers.reconcile(0, [{ id: 1, description: `127.0.0.1:${port}:1` }]);
    await two.until("connected", () => two.peers.isConnected(id));
    const killed = performance.now();
    child.kill("SIGKILL");
    let noticed = 0;
    await two.until("noticed", () => {
      if (!two.peers.isConnected(id)) noticed = performance.now();
      return noticed > 0;
    });
    t.diagnostic(`${id === 1 ? "called by us" : "its call"}: noticed after ${(noticed - killed).toFixed(1)} ms`);
    assert.ok(noticed - killed < 500);
    assert.ok(two.events.includes(`-${id}`));
    await two.peers.close();
  }
});

test("frames of one turn leave in one write", async () => {
  const one = await new TestPeers(1).open();
  const two = await call(one.port);
  two.write(helloFrom(2, 1));
  await firstBytes(two);
  const chunks: Buffer[] = [];
  two.on("data", (chunk: Buffer) => chunks.push(chunk));
  for (let i = 0; i < 100; i++) one.send(2, `frame ${i}`);
  await one.until("arrived", () => Buffer.concat(chunks).includes("frame 99"));
  assert.equal(chunks.length, 1);
  two.destroy();
  await one.peers.close();
});

test("bytes that dribble in one by one are understood", async () => {
  const one = await new TestPeers(1).open();
  const two = await call(one.port);
  const bytes = Buffer.concat([helloFrom(2, 1), framed("drops"), Buffer.from([0, 0, 0, 0])]);
  for (const byte of bytes) {
    two.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await one.until("the frame", () => one.frames.length === 1);
  assert.deepEqual(one.texts(2), ["drops"]);
  two.destroy();
  await one.peers.close();
});

test("a frame that comes with the hello is not lost", async () => {
  const one = await new TestPeers(1).open();
  const two = await call(one.port);
  two.write(Buffer.concat([helloFrom(2, 1), framed("hi")]));
  await one.until("the frame", () => one.frames.length === 1);
  assert.deepEqual(one.texts(2), ["hi"]);
  two.destroy();
  await one.peers.close();
});

test("who is no member is closed with one clear line, and the others notice nothing", async () => {
  const [one, two] = (await mesh(2)) as [TestPeers, TestPeers];
  const zooKeeperConnect = Buffer.from(
    "0000002d0000000000000000000000000000271000000000000000000000001000000000000000000000000000000000",
    "hex",
  );
  const cases: [Buffer | Uint8Array, RegExp][] = [[zooKeeperConnect, /a ZooKeeper client or server/]];
  for (const [bytes, line] of cases) {
    for (let i = 0; i < 50; i++) {
      const socket = await call(one.port);
      socket.write(bytes);
      assert.equal((await untilClosed(socket)).length, 0);
    }
    assert.equal(one.lines.filter((told) => line.test(told)).length, 1, "50 callers, one line");
  }
  for (const bytes of [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.from("ruok"),
    Buffer.of(0x16, 3, 1, 0, 200),
    Buffer.of(0xca, 0),
  ]) {
    const socket = await call(one.port);
    socket.write(bytes);
    await untilClosed(socket);
  }
  two.send(1, "still here");
  await one.until("the frame", () => one.texts(2).length === 1);
  assert.deepEqual(one.events, ["+2"]);
  await closeAll([one, two]);
});

test("a caller of another ensemble, for another member, of another version, or with our own number is told why", async () => {
  const cases = [
    [helloFrom(2, 1, { cluster: 8 }), "cluster", /member 2, .* belongs to another ensemble \(cluster 8\)/],
    [helloFrom(2, 3, { cluster: 7 }), "wrong-member", /wanted another member/],
    [helloFrom(1, 1), "same-member", /same `myid`/],
    [helloFrom(2, 1, { version: 9, versionOldest: 9 }), "version", /no version/],
  ] as const;
  const one = await new TestPeers(1).open();
  one.peers.reconcile(7, []);
  for (const [bytes, answer, line] of cases) {
    const socket = await call(one.port);
    socket.write(bytes);
    const reply = await untilClosed(socket);
    assert.equal(decodeHello(reply)?.reply, answer);
    assert.ok(
      one.lines.some((told) => line.test(told)),
      `${line} in ${one.lines}`,
    );
  }
  assert.deepEqual(one.events, []);
  for (const cluster of [0, 7]) {
    const socket = await call(one.port);
    socket.write(helloFrom(2, 1, { cluster, version: 9, versionOldest: 1 }));
    assert.equal(decodeHello(await firstBytes(socket))?.reply, "welcome");
    socket.destroy();
    await one.until("gone", () => !one.peers.isConnected(2));
  }
  await one.peers.close();
});

test("the one that calls is told as well what is wrong", async () => {
  const [one, two] = [await new TestPeers(1).open(), await new TestPeers(2).open()];
  one.peers.reconcile(5, []);
  two.peers.reconcile(6, listed([one]));
  await two.until("told", () =>
    two.lines.some((line) => /member 1 at .* refuses this member: it belongs to another ensemble/.test(line)),
  );
  const three = await new TestPeers(3).open();
  three.peers.reconcile(0, [{ id: 2, description: one.address }]);
  await three.until("told", () => three.lines.some((line) => /the address of member 2, leads to member 1/.test(line)));
  assert.equal(three.peers.isConnected(2), false);
  await closeAll([one, two, three]);
});

test("a peer that announces a frame beyond the limit is cut off, and costs no memory", async () => {
  const one = await new TestPeers(1).open();
  const two = await call(one.port);
  two.write(helloFrom(2, 1));
  await firstBytes(two);
  const length = FRAME_BYTES_MAX + 1;
  two.write(Buffer.of(length >>> 24, length >>> 16, length >>> 8, length));
  await untilClosed(two);
  await one.until("told", () => one.events.includes("-2"));
  assert.ok(one.lines.some((line) => /connection to member 2 closed: it sent what cannot be/.test(line)));
  await one.peers.close();
});

test("a peer that takes nothing is dropped when too much waits for it", async () => {
  const one = await new TestPeers(1).open();
  const two = await call(one.port);
  two.write(helloFrom(2, 1));
  await firstBytes(two);
  two.pause();
  const frame = Buffer.alloc(4 * 1024 * 1024);
  let sent = 0;
  while (one.peers.isConnected(2)) {
    one.peers.send(2, frame);
    sent += frame.length;
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(sent < UNSENT_BYTES_MAX + 64 * 1024 * 1024, "it is dropped in time");
  }
  assert.ok(sent >= UNSENT_BYTES_MAX, `${sent}: ${one.lines}`);
  assert.ok(
    one.lines.some((line) => /bytes wait to be sent/.test(line)),
    `${one.lines}`,
  );
  two.destroy();
  await one.peers.close();
});

test("a new call of a member replaces its old connection: it knows best which is dead", async () => {
  const one = await new TestPeers(1).open();
  const old = await call(one.port);
  old.write(helloFrom(2, 1));
  await firstBytes(old);
  const anew = await call(one.port);
  anew.write(helloFrom(2, 1));
  await firstBytes(anew);
  await untilClosed(old);
  assert.deepEqual(one.events, ["+2", "-2", "+2"]);
  one.send(2, "to the new one");
  assert.ok((await firstBytes(anew, 19)).toString().endsWith("to the new one"));
  anew.destroy();
  await one.peers.close();
});

test("callers that do not say who they are get their time and no more, and never keep a member out", async () => {
  const time = new ManualTime();
  const one = await new TestPeers(1).open(0, undefined, { time });
  const silent = [];
  for (let i = 0; i < 200; i++) silent.push(await call(one.port));
  const [first, last] = [silent[0]!, silent.at(-1)!];
  if (!first.closed) await once(first, "close"); // the longest silent went for the latest
  assert.equal(last.destroyed, false);
  const member = await call(one.port);
  member.write(helloFrom(2, 1));
  assert.equal(decodeHello(await firstBytes(member))?.reply, "welcome");
  const isCutOff = () => one.lines.some((line) => /did not say who it is: cut off/.test(line));
  time.advance(4999);
  assert.equal(isCutOff(), false, "it still has its time");
  time.advance(1);
  assert.equal(isCutOff(), true);
  await untilClosed(last);
  assert.ok(one.peers.isConnected(2));
  for (const socket of [...silent, member]) socket.destroy();
  await one.peers.close();
});

test("a peer that falls silent without a word is given up, one that only pings is not", async (t) => {
  const time = new ManualTime();
  const one = await new TestPeers(1).open(0, undefined, { time });
  const silent = await call(one.port);
  silent.write(helloFrom(2, 1));
  const pinging = await call(one.port);
  pinging.write(helloFrom(3, 1));
  t.after(async () => {
    silent.destroy();
    pinging.destroy();
    await one.peers.close();
  });
  await one.until("connected", () => one.peers.isConnected(2) && one.peers.isConnected(3));
  const received = untilClosed(silent);
  for (let passed = 0; passed < 5000; passed += 1000) {
    time.advance(1000);
    const heard = time.read();
    pinging.write(Buffer.alloc(4));
    await heard;
  }
  assert.ok(one.peers.isConnected(2), "it has been silent for no longer than it may");
  time.advance(500);
  assert.ok(!one.peers.isConnected(2));
  assert.ok(one.peers.isConnected(3));
  assert.ok(
    one.lines.some((line) => /connection to member 2 closed: nothing was heard from it for 5000 ms/.test(line)),
  );
  assert.ok((await received).length >= HELLO_BYTES + 10 * 4, "it was pinged all the while");
  assert.deepEqual(one.frames, [], "a ping is no frame");
});

test("who is not listed any more is not called, but may stay and may call", async () => {
  const [one, two] = (await mesh(2)) as [TestPeers, TestPeers];
  one.peers.reconcile(0, listed([one]));
  assert.ok(one.peers.isConnected(2));
  one.send(2, "you were removed");
  await two.until("the frame", () => two.texts(1).length === 1);
  two.peers.reconcile(0, listed([two]));
  const { port } = two;
  await two.peers.close();
  await one.until("gone", () => !one.peers.isConnected(2));
  const place = await new TestPeers(2).open(port);
  const calm = performance.now();
  await one.until("a while", () => performance.now() - calm > 300);
  assert.deepEqual(place.events, []);
  place.peers.reconcile(0, listed([one]));
  await place.until("connected", () => place.peers.isConnected(1));
  await closeAll([one, place]);
});

test("of several addresses each is tried", async () => {
  const dead = await listenSilently();
  dead.server.close();
  const [one, two] = [await new TestPeers(1).open(), await new TestPeers(2).open()];
  one.peers.reconcile(0, [{ id: 2, description: `127.0.0.1:${dead.port}:1|127.0.0.1:${two.port}:1;2181` }]);
  await one.until("connected", () => one.peers.isConnected(2));
  await closeAll([one, two]);
});

test("a port that is taken is an error, not a silence", async () => {
  const one = await new TestPeers(1).open();
  await assert.rejects(new TestPeers(2).open(one.port), { code: "EADDRINUSE" });
  await one.peers.close();
});

test("closing lets what was sent arrive, and is final", async () => {
  const [one, two] = (await mesh(2)) as [TestPeers, TestPeers];
  for (let i = 0; i < 100; i++) one.peers.send(2, Buffer.alloc(10_000, i));
  await one.peers.close();
  await two.until("all frames", () => two.frames.length === 100);
  await two.until("gone", () => !two.peers.isConnected(1));
  one.send(2, "nobody hears this");
  await two.peers.close();
});
