// Bytes that somebody else may send a member, 100,000 of them from a seed: real messages, mutated where it hurts. Each is
// read or refused with the decoder's own error; nothing else is thrown, and an announced length takes no memory.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeHello, encodeHello, HELLO_BYTES, NONCE_BYTES } from "../../src/adapters/peers/hello.ts";
import { MalformedError } from "../../src/base/bytes.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { encodeConfiguration } from "../../src/consensus/raft/configuration.ts";
import type { Configuration, Message } from "../../src/consensus/raft/types.ts";
import {
  decodePeerMessage,
  encodeLeaseAnswer,
  encodeLeaseQuestion,
  encodePropose,
  encodeRaft,
  encodeRenew,
} from "../../src/replica/peer-messages.ts";

const INPUTS = 100_000;
const SEED = 9;
const GROWTH_MAX_MB = 64;

const configuration: Configuration = {
  cluster: 7,
  members: [1, 2, 3].map((id) => ({ id, role: "voter", incarnation: id, description: `host${id}:2888:3888` })),
  outgoing: [],
};
const at = { index: 4, term: 2 };
const payload = new Uint8Array(40).fill(7);

const messages: readonly Message[] = [
  { kind: "request-vote", term: 3, pre: true, last: at, transfer: false, founding: null, incarnation: 5 },
  {
    kind: "request-vote",
    term: 3,
    pre: false,
    last: at,
    transfer: true,
    founding: { voters: [1, 2, 3], cluster: 7 },
    incarnation: 5,
  },
  { kind: "vote", term: 3, pre: true, granted: true, standing: null, incarnation: 5 },
  { kind: "append", term: 3, previous: at, entries: [], commitIndex: 4, round: 2 },
  {
    kind: "append",
    term: 3,
    previous: at,
    entries: [
      { index: 5, term: 3, kind: "commands", payload },
      { index: 6, term: 3, kind: "configuration", payload: encodeConfiguration(configuration) },
      { index: 7, term: 3, kind: "noop", payload: new Uint8Array(0) },
    ],
    commitIndex: 4,
    round: 2,
  },
  { kind: "append-reply", term: 3, matched: false, index: 4, conflictTerm: -1, round: 2, incarnation: 5 },
  {
    kind: "snapshot",
    term: 3,
    snapshot: { ...at, configuration },
    offset: 8,
    done: true,
    round: 2,
    data: new Uint8Array(30),
  },
  { kind: "snapshot-reply", term: 3, index: 4, offset: 8, done: false, round: 2, incarnation: 5 },
  { kind: "timeout-now", term: 3 },
  { kind: "follow-request", term: 3 },
  { kind: "read-request", term: 3, context: 9 },
  { kind: "read-reply", term: 3, context: 9, index: null },
];
const frames = [
  ...messages.map(encodeRaft),
  encodePropose(payload),
  encodeRenew([1, 2, 2 ** 52]),
  encodeLeaseQuestion(9, 2 ** 52),
  encodeLeaseAnswer(9, { kind: "remaining", remainingMs: 4000 }),
  encodeLeaseAnswer(9, { kind: "remaining", remainingMs: null }),
  encodeLeaseAnswer(9, { kind: "not-leader" }),
].map((frame) => frame.slice());

/** What a number in the middle of a message may be turned into. */
const EDGES = ["0000000000000000", "ffffffffffffffff", "4000000000000000", "7fffffffffffffff", "8000000000000000"].map(
  (hex) => Buffer.from(hex, "hex"),
);

function mutated(random: Random, frame: Uint8Array): Uint8Array {
  const bytes = Buffer.from(frame);
  const place = () => random.below(bytes.length);
  switch (random.below(8)) {
    case 0:
      return bytes.subarray(0, place());
    case 1:
      bytes[place()]! ^= 1 << random.below(8);
      return bytes;
    case 2:
      EDGES[random.below(EDGES.length)]!.copy(bytes, place());
      return bytes;
    case 3:
      bytes.writeUInt32BE(random.below(2) === 0 ? 0xffff_ffff : random.next(), Math.max(0, place() - 4));
      return bytes;
    case 4:
      return Buffer.concat([bytes, Buffer.alloc(1 + random.below(20), random.below(256))]);
    case 5: {
      const cut = place();
      return Buffer.concat([bytes.subarray(0, cut), bytes.subarray(place())]);
    }
    case 6:
      bytes[0] = random.below(256); // another kind
      return bytes;
    default:
      return mutated(random, mutatedSafely(random, bytes));
  }
}

function mutatedSafely(random: Random, bytes: Buffer): Uint8Array {
  bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
}

test(`${INPUTS} mutated messages of members are read or refused, and nothing else comes of them`, (t) => {
  const random = seededRandom(SEED);
  const before = process.memoryUsage().rss;
  let refused = 0;
  let peak = 0;
  for (let i = 0; i < INPUTS; i++) {
    const frame = new Uint8Array(mutated(random, frames[random.below(frames.length)]!));
    try {
      const read = decodePeerMessage(frame);
      if (read.kind === "raft") assertPlain(read.message);
    } catch (error) {
      if (!(error instanceof MalformedError))
        throw new Error(`input ${i}: ${Buffer.from(frame).toString("hex")}`, { cause: error });
      refused++;
    }
    if (i % 5000 === 0) peak = Math.max(peak, process.memoryUsage().rss);
  }
  assert.ok(refused > INPUTS / 4 && refused < INPUTS, `${refused} refused`);
  assert.ok((peak - before) / 1e6 < GROWTH_MAX_MB, `${((peak - before) / 1e6).toFixed(0)} MB more`);
  t.diagnostic(`${refused} of ${INPUTS} refused`);
});

/** Every number that got through is one that arithmetic is exact with, and what is read can be written again. */
function assertPlain(message: Message): void {
  for (const value of Object.values(message)) {
    if (typeof value === "number") assert.ok(Number.isSafeInteger(value) && value >= -1, `${message.kind} ${value}`);
  }
  if (message.kind === "append") {
    for (const entry of message.entries)
      assert.ok(Number.isSafeInteger(entry.index) && Number.isSafeInteger(entry.term));
  }
  const again = decodePeerMessage(encodeRaft(message));
  assert.deepEqual(again, { kind: "raft", message });
}

test("numbers beyond what is exact are refused wherever they stand", () => {
  for (const frame of frames.slice(0, messages.length)) {
    for (const number of ["4000000000000000", "0020000000000000", "fffffffffffffffe"]) {
      const bytes = Buffer.from(frame);
      bytes.write(number, 1, "hex"); // the term of every message
      assert.throws(() => decodePeerMessage(bytes), MalformedError);
    }
  }
});

test("100,000 mutated greetings are read or taken for a stranger's", () => {
  const random = seededRandom(SEED + 1);
  const hello = encodeHello({
    version: 1,
    versionOldest: 1,
    reply: "welcome",
    from: 1,
    to: 2,
    cluster: 7,
    incarnation: 9,
    proof: "offered",
    nonce: new Uint8Array(NONCE_BYTES).fill(5),
  });
  for (let i = 0; i < INPUTS; i++) {
    const bytes = mutated(random, hello);
    const read = decodeHello(bytes);
    if (read === null) continue;
    assert.equal(bytes.length, HELLO_BYTES);
    assert.ok(Number.isSafeInteger(read.cluster) && read.cluster >= 0);
    assert.ok(Number.isSafeInteger(read.incarnation) && read.incarnation >= 0);
  }
});
