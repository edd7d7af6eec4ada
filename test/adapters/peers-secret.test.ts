// The ensemble's secret: who does not know it is no member, whatever it says, hears or has recorded.

import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import { test } from "node:test";
import { decodeHello, encodeHello, HELLO_BYTES, type Hello } from "../../src/adapters/peers/hello.ts";
import {
  freshNonce,
  Initiator,
  PROOF_BYTES,
  Responder,
  VERDICT_BYTES,
} from "../../src/adapters/peers/shared-secret.ts";
import {
  call,
  closeAll,
  firstBytes,
  helloFrom,
  listed,
  listenSilently,
  ManualTime,
  mesh,
  TestPeers,
  untilClosed,
} from "./support/peers.ts";

const secret = Buffer.from("the secret of this ensemble");
const other = Buffer.from("the secret of another ensemble");
const secrets = [secret];

/** A member's greeting that is to be proved. */
function greeting(from: number, to: number, changes: Partial<Hello> = {}): Uint8Array {
  return helloFrom(from, to, { proof: "demanded", incarnation: 0, nonce: freshNonce(), ...changes });
}

/** What a member answers to a caller's greeting: its own. */
async function challenged(port: number, hello: Uint8Array): Promise<{ socket: Socket; reply: Buffer }> {
  const socket = await call(port);
  socket.write(hello);
  return { socket, reply: await firstBytes(socket) };
}

test("members with one secret connect, and what one sends the other gets, whole and in order", async () => {
  const all = await mesh(4, undefined, { secrets });
  for (const one of all) assert.ok(!one.events.some((event) => event.startsWith("-")), `${one.id}: ${one.events}`);
  const [one, two] = all as [TestPeers, TestPeers];
  const sizes = [0, 1, 100, 70_000, 300_000, 3_000_000];
  for (let i = 0; i < 300; i++) {
    const frame = Buffer.alloc(4 + sizes[i % (i % 100 === 5 ? 6 : 4)]!, i);
    frame.writeUInt32BE(i);
    one.peers.send(2, frame);
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await two.until("all frames", () => two.frames.length === 300);
  for (const [i, { bytes }] of two.frames.entries()) {
    assert.equal(Buffer.from(bytes).readUInt32BE(), i);
    assert.ok(bytes.subarray(4).every((byte) => byte === (i & 0xff)));
  }
  await closeAll(all);
});

test("who does not know the secret is refused, called or calling, and both sides say why", async () => {
  const one = await new TestPeers(1).open(0, undefined, { secrets });
  for (const [id, more, own, its] of [
    [2, { secrets: [other] }, /refused: it does not know the ensemble's secret/, /does not know the ensemble's secret/],
    [
      3,
      {},
      /refused: it does not prove that it knows/,
      /it asks for the ensemble's secret, and this member was given none/,
    ],
  ] as const) {
    const stranger = await new TestPeers(id).open(0, undefined, more);
    stranger.peers.reconcile(0, listed([one]));
    await stranger.until("told", () => stranger.lines.some((line) => its.test(line)));
    await one.until("told", () => one.lines.some((line) => own.test(line)));
    await stranger.peers.close();

    const called = await new TestPeers(id + 2).open(0, undefined, more);
    one.peers.reconcile(0, listed([called]));
    await one.until("told", () => one.lines.some((line) => new RegExp(`member ${id + 2} at .*secret`).test(line)));
    one.peers.reconcile(0, []);
    assert.deepEqual([...stranger.events, ...called.events], []);
    await called.peers.close();
  }
  assert.deepEqual(one.events, []);
  await one.peers.close();
});

test("a stranger that says it is a member gets a greeting, and not one byte of what the member would be sent", async () => {
  const one = await new TestPeers(1).open(0, undefined, { secrets });
  one.peers.reconcile(77, [{ id: 3, description: "" }]);
  for (const hello of [greeting(3, 1), greeting(3, 1, { proof: "offered" }), greeting(3, 1, { proof: "none" })]) {
    const socket = await call(one.port);
    socket.write(hello);
    socket.write(Buffer.concat([Buffer.of(0, 0, 0, 5), Buffer.from("frame")]));
    one.send(3, "for member 3 alone");
    setTimeout(() => socket.write(Buffer.alloc(PROOF_BYTES, 7)), 50);
    const received = await untilClosed(socket);
    assert.ok(!received.includes("for member 3"));
    const reply = decodeHello(received.subarray(0, HELLO_BYTES))!;
    assert.deepEqual([reply.cluster, reply.incarnation], [0, 0], "nor which ensemble this is");
    assert.ok(received.length <= HELLO_BYTES + VERDICT_BYTES);
  }
  assert.deepEqual([one.events, one.frames], [[], []]);
  await one.peers.close();
});

test("what was recorded of a real handshake proves nothing later", async () => {
  const [one, two] = [
    await new TestPeers(1).open(0, undefined, { secrets }),
    await new TestPeers(2).open(0, undefined, { secrets }),
  ];
  // A tap between them writes down what the caller says.
  const said: Buffer[] = [];
  const tap = net.createServer((caller) => {
    const on = net.connect(one.port, "127.0.0.1");
    caller.on("data", (chunk) => said.push(chunk));
    caller.pipe(on).pipe(caller);
    for (const socket of [caller, on]) socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => tap.listen(0, "127.0.0.1", resolve));
  const { port } = tap.address() as net.AddressInfo;
  two.peers.reconcile(0, [{ id: 1, description: `127.0.0.1:${port}:1` }]);
  await two.until("connected through the tap", () => two.events.includes("+1"));
  two.send(1, "recorded");
  await one.until("the frame", () => one.texts(2).length === 1);
  tap.close();
  await two.peers.close();
  await one.until("gone", () => one.events.includes("-2"));

  const recorded = Buffer.concat(said);
  for (const bytes of [recorded, recorded.subarray(0, HELLO_BYTES + PROOF_BYTES)]) {
    const socket = await call(one.port);
    socket.write(bytes);
    const received = await untilClosed(socket);
    assert.equal(received.length, HELLO_BYTES + VERDICT_BYTES);
  }
  assert.deepEqual(one.events, ["+2", "-2"]);
  assert.equal(one.frames.length, 1);
  await one.peers.close();
});

test("a member's own words, sent back to it, prove nothing", async () => {
  // 1. It is called by "member 2" and asks for a proof. 2. It is made to call member 2 elsewhere, and proves itself there.
  // 3. What it said there is sent back here.
  const one = await new TestPeers(1).open(0, undefined, { secrets });
  const place = await listenSilently();
  one.peers.reconcile(0, [{ id: 2, description: `127.0.0.1:${place.port}:1` }]);
  while (place.sockets.length === 0) await once(place.server, "connection");
  const outward = place.sockets[0]!;
  const itsHello = await firstBytes(outward);
  const { socket, reply } = await challenged(one.port, greeting(2, 1, { nonce: decodeHello(itsHello)!.nonce }));
  // The nonce that it gave as the called is given to it as the caller.
  outward.write(greeting(2, 1, { reply: "prove", nonce: decodeHello(reply)!.nonce }));
  const itsProof = await firstBytes(outward, PROOF_BYTES);
  socket.write(itsProof);
  assert.equal((await untilClosed(socket)).length, VERDICT_BYTES);
  assert.deepEqual(one.events, []);
  // And as the verdict of the called: a proof of the caller is none.
  outward.write(Buffer.concat([Buffer.of(0), itsProof]));
  await untilClosed(outward);
  assert.deepEqual(one.events, []);
  place.server.close();
  await one.peers.close();
});

test("a proof is for one connection, one pair of members, one direction and one role", () => {
  const hellos = [greeting(1, 2), greeting(2, 1, { reply: "prove" })] as const;
  const identity = { cluster: 5, incarnation: 6 };
  const proofOf = (own: Uint8Array, its: Uint8Array, key = secret) => new Initiator(key, own, its).proof(identity);
  const accepts = (proof: Uint8Array) => new Responder(secrets, ...hellos).accept(proof);
  assert.deepEqual(accepts(proofOf(...hellos)), identity);
  assert.equal(accepts(proofOf(hellos[1], hellos[0])), null);
  assert.equal(accepts(proofOf(greeting(1, 2), hellos[1])), null);
  assert.equal(accepts(proofOf(greeting(3, 2, { nonce: decodeHello(hellos[0])!.nonce }), hellos[1])), null);
  assert.equal(accepts(proofOf(...hellos, other)), null);
  const proof = proofOf(...hellos);
  for (let at = 0; at < proof.length; at++) {
    const changed = Uint8Array.from(proof);
    changed[at]! ^= 1;
    assert.equal(accepts(changed), null, `byte ${at}`);
  }
  assert.equal(accepts(proof.subarray(1)), null);

  const called = new Responder(secrets, ...hellos);
  const caller = new Initiator(secret, ...hellos);
  called.accept(caller.proof(identity));
  const verdict = called.verdict({ reply: "welcome", cluster: 5, incarnation: 9 });
  for (let at = 0; at < verdict.length; at++) {
    const changed = Uint8Array.from(verdict);
    changed[at]! ^= 1;
    assert.equal(caller.verify(changed), null, `byte ${at}`);
  }
  assert.deepEqual(caller.verify(verdict), { reply: "welcome", cluster: 5, incarnation: 9 });
});

test("a member that does not know the secret of the one it is called by cannot say yes in its place", async () => {
  const one = await new TestPeers(1).open(0, undefined, { secrets });
  const place = net.createServer((socket) => {
    socket.on("error", () => {});
    void (async () => {
      const hello = decodeHello(await firstBytes(socket))!;
      socket.write(encodeHello({ ...hello, reply: "welcome", from: 2, to: 1, proof: "none" }));
    })();
  });
  await new Promise<void>((resolve) => place.listen(0, "127.0.0.1", resolve));
  one.peers.reconcile(0, [{ id: 2, description: `127.0.0.1:${(place.address() as net.AddressInfo).port}:1` }]);
  await one.until("told", () =>
    one.lines.some((line) => /does not prove that it knows the ensemble's secret/.test(line)),
  );
  assert.deepEqual(one.events, []);
  place.close();
  await one.peers.close();
});

/** Two members, and in the middle somebody who may change what one sends the other once they are connected. */
async function withMeddler(meddle: (chunk: Buffer) => readonly Buffer[]): Promise<{ one: TestPeers; two: TestPeers }> {
  const one = await new TestPeers(1).open(0, undefined, { secrets });
  const two = await new TestPeers(2).open(0, undefined, { secrets });
  let isMeddling = false;
  const middle = net.createServer((caller) => {
    const on = net.connect(one.port, "127.0.0.1");
    caller.on("data", (chunk) => {
      for (const piece of isMeddling ? meddle(chunk) : [chunk]) on.write(piece);
    });
    on.pipe(caller);
    caller.on("close", () => on.destroy());
    on.on("close", () => caller.destroy());
    for (const socket of [caller, on]) socket.on("error", () => {});
  });
  middle.listen(0, "127.0.0.1");
  await once(middle, "listening");
  two.peers.reconcile(0, [{ id: 1, description: `127.0.0.1:${(middle.address() as net.AddressInfo).port}:1` }]);
  await one.until("connected", () => one.events.includes("+2"));
  await two.until("connected", () => two.events.includes("+1"));
  isMeddling = true;
  middle.close();
  return { one, two };
}

for (const [what, meddle] of [
  ["changed", (chunk: Buffer) => [Buffer.concat([chunk.subarray(0, -1), Buffer.of(chunk.at(-1)! ^ 1)])]],
  ["changed inside", (chunk: Buffer) => [Buffer.from(chunk.toString("latin1").replace("pay", "pax"), "latin1")]],
  ["sent twice", (chunk: Buffer) => [chunk, chunk]],
  ["put in", (chunk: Buffer) => [Buffer.from("000000190000000566726d65", "hex"), Buffer.alloc(17), chunk]],
  ["without its code", () => [Buffer.concat([Buffer.of(0, 0, 0, 5), Buffer.from("frame")])]],
] as const) {
  test(`a record that is ${what} on the way ends the connection, and is not read`, async () => {
    const { one, two } = await withMeddler(meddle);
    two.send(1, "pay 5");
    await one.until("cut", () => one.events.includes("-2"));
    assert.ok(
      one.lines.some((line) => /changed on the way, or are not its own/.test(line)),
      one.lines.join("\n"),
    );
    assert.deepEqual(one.texts(2), what === "sent twice" ? ["pay 5"] : []);
    await closeAll([one, two]);
  });
}

test("a record that is left out is found out by the next", async () => {
  let count = 0;
  const { one, two } = await withMeddler((chunk) => (count++ === 0 ? [] : [chunk]));
  two.send(1, "left out");
  await two.until("a turn", () => count > 0);
  two.send(1, "the next");
  await one.until("cut", () => one.events.includes("-2"));
  assert.deepEqual(one.texts(2), []);
  await closeAll([one, two]);
});

test("a caller that takes its time over its proof is cut off as one that says nothing is", async () => {
  const time = new ManualTime();
  const one = await new TestPeers(1).open(0, undefined, { secrets, time });
  const { socket } = await challenged(one.port, greeting(2, 1));
  socket.write(Buffer.of(0));
  time.advance(5000);
  await untilClosed(socket);
  assert.ok(one.lines.some((line) => /did not say who it is: cut off/.test(line)));
  assert.deepEqual(one.events, []);
  await one.peers.close();
});

test("a crowd that greets and proves nothing does not keep a member out, nor cut one off", async () => {
  const all = await mesh(2, undefined, { secrets });
  const [one] = all as [TestPeers, TestPeers];
  const crowd: Socket[] = [];
  for (let i = 0; i < 300; i++) {
    const socket = await call(one.port);
    socket.write(greeting(2 + (i % 3), 1));
    crowd.push(socket);
  }
  const late = await new TestPeers(3).open(0, undefined, { secrets });
  late.peers.reconcile(0, listed([one]));
  await one.until("the member is let in", () => one.events.includes("+3"));
  assert.deepEqual(one.events, ["+2", "+3"]);
  for (const socket of crowd) socket.destroy();
  await closeAll([...all, late]);
});

test("a secret is introduced, and changed for another, without an interruption", async () => {
  const connects = async (some: object, others: object): Promise<boolean> => {
    const one = await new TestPeers(1).open(0, undefined, some);
    const two = await new TestPeers(2).open(0, undefined, others);
    two.peers.reconcile(0, listed([one]));
    const isDecided = () => two.peers.isConnected(1) || two.lines.some((line) => /secret/.test(line));
    await two.until("decided", isDecided);
    if (two.peers.isConnected(1)) {
      two.send(1, "x");
      await one.until("the frame", () => one.texts(2).length === 1);
    }
    const isConnected = two.peers.isConnected(1);
    await closeAll([one, two]);
    return isConnected;
  };
  const optional = { secrets, isSecretRequired: false };
  for (const [some, others] of [
    [{}, optional],
    [optional, {}],
    [optional, optional],
    [optional, { secrets }],
    [{ secrets }, optional],
    [{ secrets: [secret, other] }, { secrets: [other, secret] }],
    [{ secrets: [other] }, { secrets: [other, secret] }],
    [{ secrets: [secret, other] }, { secrets: [other] }],
  ]) {
    assert.equal(await connects(some!, others!), true, JSON.stringify([some, others]));
  }
  assert.equal(
    await connects({ secrets: [secret] }, { secrets: [other, secret] }),
    false,
    "a call is proved by the first",
  );
  assert.equal(await connects(optional, { secrets: [other], isSecretRequired: false }), false, "a wrong one is wrong");
});

test("whom no configuration names may follow once it has proved itself, or near where nobody has to", async () => {
  const mayFollow = async (some: object, others: object): Promise<boolean> => {
    const one = await new TestPeers(1).open(0, undefined, some);
    const joiner = await new TestPeers(4).open(0, undefined, others);
    one.peers.reconcile(0, []);
    joiner.peers.reconcile(0, listed([one]));
    await one.until("connected", () => one.peers.isConnected(4));
    const answer = one.peers.mayFollow(4);
    await closeAll([one, joiner]);
    return answer;
  };
  const optional = { secrets, isSecretRequired: false };
  assert.equal(await mayFollow({}, {}), true, "nobody has to, and it is on the same machine");
  assert.equal(await mayFollow({ secrets }, { secrets }), true);
  assert.equal(await mayFollow(optional, optional), true);
  assert.equal(await mayFollow(optional, {}), false, "the secret is being introduced, and it does not know it");
});
