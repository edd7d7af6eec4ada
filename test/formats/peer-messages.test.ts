// The bytes of what members say to each other on the log's channel, and of a configuration in the log. Messages up to "renewals" are
// those of wire version 2; questions about leases came with version 3.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeConfiguration, encodeConfiguration } from "../../src/consensus/raft/configuration.ts";
import type { Configuration, Message } from "../../src/consensus/raft/types.ts";
import {
  decodePeerMessage,
  encodeLeaseAnswer,
  encodeLeaseQuestion,
  encodePropose,
  encodeRaft,
  encodeRenew,
  type PeerMessage,
} from "../../src/replica/peer-messages.ts";
import { describe, memberDescribed } from "../../src/state/membership/description.ts";
import { compareWithGolden, type GoldenEntry, goldenBytes } from "./golden.ts";

const description = "host1:2888:3888:participant;2181";
const configuration: Configuration = {
  cluster: 2 ** 45 + 7,
  members: [
    { id: 1, role: "voter", incarnation: 2 ** 47 + 1, description },
    { id: 2, role: "learner", incarnation: 0, description: "" },
  ],
  outgoing: [],
};
const described: Configuration = {
  ...configuration,
  members: configuration.members.map((member) => {
    return { ...member, description: describe(memberDescribed(member.id, member.description), 1) };
  }),
};
const joint: Configuration = { ...configuration, outgoing: [configuration.members[0]!], isReconfigured: true };
const last = { index: 2 ** 40 + 4, term: 3 };
const payload = Uint8Array.of(1, 2, 3);
const incarnation = 2 ** 47 + 1;
const founding = { voters: [1, 2, 300], cluster: 0 };

const RAFT: readonly (readonly [title: string, message: Message])[] = [
  [
    "request for a pre-vote",
    { kind: "request-vote", term: 4, pre: true, last, transfer: false, founding: null, incarnation },
  ],
  [
    "request for a founder's vote",
    { kind: "request-vote", term: 1, pre: false, last, transfer: true, founding, incarnation },
  ],
  ["vote", { kind: "vote", term: 4, pre: false, granted: true, standing: null, incarnation }],
  ["vote of a founder", { kind: "vote", term: 4, pre: true, granted: true, standing: "same-log", incarnation }],
  ["append without entries", { kind: "append", term: 4, previous: last, entries: [], commitIndex: 9, round: 2 }],
  [
    "append with an entry of each kind",
    {
      kind: "append",
      term: 4,
      previous: last,
      entries: [
        { index: last.index + 1, term: 4, kind: "commands", payload },
        { index: last.index + 2, term: 4, kind: "configuration", payload: encodeConfiguration(configuration) },
        { index: last.index + 3, term: 4, kind: "noop", payload: new Uint8Array(0) },
      ],
      commitIndex: 9,
      round: 2,
    },
  ],
  [
    "reply to an append",
    { kind: "append-reply", term: 4, matched: false, index: 8, conflictTerm: -1, round: 2, incarnation },
  ],
  [
    "chunk of a snapshot",
    {
      kind: "snapshot",
      term: 4,
      snapshot: { ...last, configuration },
      offset: 70,
      done: true,
      round: 2,
      data: payload,
    },
  ],
  ["reply to a chunk", { kind: "snapshot-reply", term: 4, index: 8, offset: 73, done: true, round: 2, incarnation }],
  ["time out now", { kind: "timeout-now", term: 4 }],
  ["request to follow", { kind: "follow-request", term: 4 }],
  ["read request", { kind: "read-request", term: 4, context: 9 }],
  ["read reply", { kind: "read-reply", term: 4, context: 9, index: 11 }],
  ["read reply of one that does not lead", { kind: "read-reply", term: 4, context: 9, index: null }],
];

const MESSAGES: readonly (readonly [title: string, bytes: Uint8Array, message: PeerMessage])[] = [
  ...RAFT.map(([title, message]) => [title, encodeRaft(message), { kind: "raft", message }] as const),
  ["proposal", encodePropose(payload), { kind: "propose", batch: payload }],
  ["renewals", encodeRenew([1, 2 ** 52]), { kind: "renew", leases: [1, 2 ** 52] }],
  ["question about a lease", encodeLeaseQuestion(9, 2 ** 52), { kind: "lease-question", context: 9, lease: 2 ** 52 }],
  ...(
    [
      ["answer about a lease", { kind: "remaining", remainingMs: 4000 }],
      ["answer about a lease without a clock", { kind: "remaining", remainingMs: null }],
      ["answer of one that does not lead", { kind: "not-leader" }],
    ] as const
  ).map(
    ([title, answer]) => [title, encodeLeaseAnswer(9, answer), { kind: "lease-answer", context: 9, answer }] as const,
  ),
];

test("messages between members: their bytes, and what is read from them", () => {
  const entries = MESSAGES.map(([title, bytes]): GoldenEntry => {
    const said = decodePeerMessage(bytes);
    return { title, bytes, meaning: textOf(said.kind === "raft" ? said.message : said) };
  });
  compareWithGolden("peer-messages.txt", entries);
});

test("messages of the golden file are read, whatever is written now", () => {
  const golden = goldenBytes("peer-messages.txt");
  for (const [title, , message] of MESSAGES) {
    const bytes = golden.get(title);
    assert.ok(bytes !== undefined, `${title} is not in the golden file`);
    assert.deepEqual(plain(decodePeerMessage(bytes)), plain(message), title);
  }
});

test("configurations: their bytes in the log, and what is read from them", () => {
  const cases = [
    ["configuration", configuration],
    ["joint configuration of a reconfigured ensemble", joint],
    ["configuration with descriptions of form 1", described],
  ] as const;
  compareWithGolden(
    "configuration.txt",
    cases.map(([title, value]) => {
      const bytes = encodeConfiguration(value);
      return { title, bytes, meaning: textOf(decodeConfiguration(bytes)) };
    }),
  );
  const golden = goldenBytes("configuration.txt");
  for (const [title, value] of cases) assert.deepEqual(decodeConfiguration(golden.get(title)!), value, title);
});

/** Views of one buffer and buffers of their own are the same here. */
function plain(message: unknown): unknown {
  return JSON.parse(JSON.stringify(message, hex));
}

function textOf(value: object): readonly string[] {
  return Object.entries(value).map(([name, field]) => `${name}: ${JSON.stringify(field, hex)}`);
}

function hex(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? `bytes ${Buffer.from(value).toString("hex")}` : value;
}
