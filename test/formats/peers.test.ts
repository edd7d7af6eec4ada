// The bytes between members: hello, proof and frames, in each wire version that is spoken.

import assert from "node:assert/strict";
import { test } from "node:test";
import { frameLayout, frameReader, readFrames, writeFrameHeader } from "../../src/adapters/peers/framing.ts";
import { decodeHello, encodeHello, HELLO_REPLIES, type Hello, NONCE_BYTES } from "../../src/adapters/peers/hello.ts";
import { RecordAuthenticator } from "../../src/adapters/peers/record-authenticator.ts";
import { Initiator, Responder } from "../../src/adapters/peers/shared-secret.ts";
import { bytesOf } from "../../src/base/text.ts";
import { compareWithGolden, type GoldenEntry, goldenBytes } from "./golden.ts";

const nonce = (first: number) => Uint8Array.from({ length: NONCE_BYTES }, (_, i) => first + i);
const CALLER: Hello = {
  version: 2,
  versionOldest: 2,
  reply: "welcome",
  proof: "none",
  from: 1,
  to: 2,
  cluster: 2 ** 45 + 1,
  incarnation: 2 ** 47 + 3,
  nonce: nonce(0),
};
const HELLOS: readonly (readonly [title: string, hello: Hello])[] = [
  ["hello of a caller, wire version 2", CALLER],
  ["hello of a caller, wire version 3", { ...CALLER, version: 3 }],
  [
    "hello of one called that asks for a proof, wire version 3",
    { ...CALLER, version: 3, reply: "prove", proof: "demanded", from: 2, to: 1, cluster: 0, incarnation: 0 },
  ],
  ["hello of a caller, wire version 4", { ...CALLER, version: 4 }],
];

function meaningOf(bytes: Uint8Array): readonly string[] {
  const hello = decodeHello(bytes)!;
  return [
    `versions ${hello.versionOldest} to ${hello.version}, ${hello.reply}, proof ${hello.proof}`,
    `from ${hello.from} to ${hello.to}, cluster ${hello.cluster}, incarnation ${hello.incarnation}`,
    `nonce ${Buffer.from(hello.nonce).toString("hex")}`,
  ];
}

test("hellos: their bytes, and what they say; what is replied, by number", () => {
  const entries = HELLOS.map(([title, hello]): GoldenEntry => {
    const bytes = encodeHello(hello);
    return { title, bytes, meaning: meaningOf(bytes) };
  });
  const replies = { title: "replies, by number", bytes: Uint8Array.from(HELLO_REPLIES.keys()), meaning: HELLO_REPLIES };
  compareWithGolden("peer-hello.txt", [...entries, replies]);
});

test("hellos of the golden file are read, whatever is written now", () => {
  const golden = goldenBytes("peer-hello.txt");
  for (const [title, hello] of HELLOS) assert.deepEqual(decodeHello(golden.get(title)!), hello, title);
});

test("the proof by the secret: proof, verdict and an authenticated record", () => {
  const secret = bytesOf("the secret of this ensemble");
  const [own, other] = [encodeHello({ ...CALLER, proof: "demanded" }), encodeHello(HELLOS[2]![1])];
  const initiator = new Initiator(secret, own, other);
  const responder = new Responder([secret], own, other);
  const proof = initiator.proof({ cluster: 0, incarnation: 5 });
  assert.deepEqual(responder.accept(proof), { cluster: 0, incarnation: 5 });
  const verdict = responder.verdict({ reply: "welcome", cluster: 7, incarnation: 6 });
  assert.deepEqual(initiator.verify(verdict), { reply: "welcome", cluster: 7, incarnation: 6 });
  const body = frame(2, 0, bytesOf("frame"));
  const record = Buffer.concat([body, initiator.authenticators().outgoing.codeOf(body)]);
  assert.deepEqual(responder.authenticators().incoming.verify(record), Buffer.from(body));
  const second = new RecordAuthenticator(bytesOf("key"));
  second.codeOf(body);
  compareWithGolden("peer-proof.txt", [
    { title: "proof of the caller", bytes: proof, meaning: ["cluster 0, incarnation 5, and a code of 32 bytes"] },
    { title: "verdict of the one called", bytes: verdict, meaning: ["welcome, cluster 7, incarnation 6, and a code"] },
    { title: "the caller's first record", bytes: record, meaning: ["a frame of the log, and a code of 16 bytes"] },
    { title: "the code of a second record, its key known", bytes: second.codeOf(body), meaning: ["by its number, 1"] },
  ]);
});

function frame(version: number, channel: number, payload: Uint8Array): Uint8Array {
  const layout = frameLayout(version);
  const bytes = new Uint8Array(layout.headerBytes + payload.length);
  const at = writeFrameHeader(bytes, 0, layout, channel, payload.length);
  bytes.set(payload, at);
  return bytes.subarray(0, at + payload.length);
}

test("frames: with and without a channel", () => {
  const cases = [
    ["of the log, wire version 2", 2, 0, bytesOf("payload")],
    ["of the log, wire version 3", 3, 0, bytesOf("payload")],
    ["of channel 1, wire version 3", 3, 1, bytesOf("payload")],
    ["that says: alive", 3, 0, new Uint8Array(0)],
  ] as const;
  const entries = cases.map(([title, version, channel, payload]): GoldenEntry => {
    const bytes = frame(version, channel, payload);
    const read: string[] = [];
    const hasChannel = frameLayout(version).hasChannel && payload.length > 0;
    readFrames(frameReader(), bytes, (body) =>
      read.push(
        hasChannel ? `channel ${body[0]}: ${Buffer.from(body.subarray(1))}` : `no channel: ${Buffer.from(body)}`,
      ),
    );
    return { title: `frame ${title}`, bytes, meaning: read };
  });
  compareWithGolden("peer-frames.txt", entries);
});
