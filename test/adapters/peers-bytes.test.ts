import assert from "node:assert/strict";
import { test } from "node:test";
import { peerAddresses, showAddress } from "../../src/adapters/peers/addresses.ts";
import { FRAME_BYTES_MAX, frameReader, readFrames } from "../../src/adapters/peers/framing.ts";
import {
  decodeHello,
  encodeHello,
  guessSpeaker,
  HELLO_BYTES,
  mayBeHello,
  NONCE_BYTES,
  WIRE_VERSION_OLDEST,
} from "../../src/adapters/peers/hello.ts";
import { seededRandom } from "../../src/base/random.ts";
import { helloFrom } from "./support/peers.ts";

test("addresses are ZooKeeper's, in all their forms", () => {
  const forms: [string, string[]][] = [
    ["zoo1:2888:3888", ["zoo1:2888"]],
    ["zoo1:2888:3888:observer;2181", ["zoo1:2888"]],
    ["10.0.0.1:2888:3888:participant;0.0.0.0:2181", ["10.0.0.1:2888"]],
    ["[2001:db8::1]:2888:3888;[::]:2181", ["[2001:db8::1]:2888"]],
    ["zoo1-a:2888:3888|zoo1-b:2889:3889|[::1]:2890:3890;2181", ["zoo1-a:2888", "zoo1-b:2889", "[::1]:2890"]],
    ["zoo1:2888", []],
    ["", []],
    ["zoo1", []],
    [":2888:3888", []],
    ["zoo1:0:3888", []],
    ["zoo1:70000:3888", []],
    ["zoo1:28x8:3888", []],
  ];
  for (const [address, expected] of forms)
    assert.deepEqual(peerAddresses(1, address).map(showAddress), expected, address);
});

test("a hello comes back as it was sent, and nothing else is taken for one", () => {
  const nonce = Uint8Array.from({ length: NONCE_BYTES }, (_, i) => 7 * i);
  const numbers = { cluster: 2 ** 52 + 1, incarnation: 2 ** 47 };
  const bytes = helloFrom(3, 2, { ...numbers, reply: "cluster", version: 7, proof: "offered", nonce });
  assert.equal(bytes.length, HELLO_BYTES);
  assert.deepEqual(decodeHello(bytes), {
    version: 7,
    versionOldest: WIRE_VERSION_OLDEST,
    reply: "cluster",
    proof: "offered",
    nonce,
    from: 3,
    to: 2,
    cluster: 2 ** 52 + 1,
    incarnation: 2 ** 47,
  });
  assert.deepEqual(encodeHello(decodeHello(bytes)!), bytes);
  const far = decodeHello(helloFrom(0, 2 ** 31 - 1));
  assert.deepEqual([far?.from, far?.to], [0, 2 ** 31 - 1]);
  assert.equal(decodeHello(helloFrom(1, 2 ** 31)), null);
  for (let at = 0; at < 8; at++) {
    const changed = bytes.slice();
    changed[at]! ^= 1;
    assert.equal(decodeHello(changed), null);
  }
  assert.equal(decodeHello(bytes.subarray(0, HELLO_BYTES - 1)), null);
  assert.equal(mayBeHello(bytes.subarray(0, 3)), true);
  assert.match(guessSpeaker(Uint8Array.of(0, 0, 0, 45, 0, 0, 0, 0)), /ZooKeeper/);
  assert.match(guessSpeaker(Buffer.from("ruok")), /four-letter word ruok/);
  assert.match(guessSpeaker(Uint8Array.of(0x16, 3, 1, 2)), /TLS/);
});

test("frames come out the same however the stream is cut", () => {
  const random = seededRandom(7);
  const frames = Array.from({ length: 60 }, (_, i) => Buffer.alloc([0, 1, 3, 4, 5, 100, 70_000][i % 7]!, i));
  const header = (length: number) => Buffer.from([length >>> 24, length >>> 16, length >>> 8, length]);
  const stream = Buffer.concat(frames.flatMap((frame) => [header(frame.length), frame]));
  for (const pieceMax of [1, 2, 3, 7, 100, 5000, 66_000, stream.length]) {
    const seen: Uint8Array[] = [];
    const reader = frameReader();
    for (let at = 0; at < stream.length; ) {
      const size = pieceMax <= 3 || pieceMax === stream.length ? pieceMax : 1 + random.below(pieceMax);
      readFrames(reader, stream.subarray(at, at + size), (frame) => seen.push(frame));
      at += size;
    }
    assert.equal(seen.length, frames.length, `in pieces of ${pieceMax}`);
    for (const [i, frame] of seen.entries()) assert.ok(frames[i]!.equals(frame));
  }
});

test("a frame longer than the limit is refused before a byte of it is waited for", () => {
  for (const length of [FRAME_BYTES_MAX + 1, 0x7fffffff, 0xffffffff]) {
    const header = Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length);
    assert.throws(() => readFrames(frameReader(), header, () => {}), /is announced/);
    const reader = frameReader();
    readFrames(reader, header.subarray(0, 2), () => {});
    assert.throws(() => readFrames(reader, header.subarray(2), () => {}), /is announced/);
  }
});

test("what comes byte by byte takes little more than its size until it is whole", () => {
  const reader = frameReader();
  const length = 3_000_000;
  const push = (bytes: Uint8Array) => readFrames(reader, bytes, () => {});
  push(Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length));
  assert.ok(reader.reserved < 10_000, "nothing is taken on its word");
  globalThis.gc?.();
  const before = process.memoryUsage();
  for (let i = 0; i < length - 1; i++) push(Uint8Array.of(i));
  globalThis.gc?.();
  const after = process.memoryUsage();
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  assert.equal(reader.pending, length + 3);
  assert.ok(grown < 60_000_000, `${(grown / 1e6).toFixed(0)} MB`);
});
