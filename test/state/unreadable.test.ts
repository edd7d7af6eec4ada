// A batch that cannot be read, wherever its bytes went wrong: nothing on every machine alike, and no machine's end.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader, ByteWriter } from "../../src/base/bytes.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { bytesOf } from "../../src/base/text.ts";
import { BATCH_HEADER_BYTES, beginCommand, endCommand, stampTime, writeBatchHeader } from "../../src/state/batch.ts";
import { canAllBeRead, flawOfCommand, flawOfProposal } from "../../src/state/flaws.ts";
import {
  encodeAttachLease,
  encodeCloseLease,
  encodeExpireLeases,
  encodeOpenLease,
} from "../../src/state/leases/commands.ts";
import { Machine } from "../../src/state/machine.ts";
import { ModelTable } from "../../src/state/model-table.ts";
import { coordinationModels } from "../../src/state/models.ts";
import {
  encodeCreate,
  encodeDelete,
  encodeEndReconfig,
  encodeIdentities,
  encodeMulti,
  encodeReap,
  encodeReconfig,
  encodeSetAcl,
  encodeSetData,
} from "../../src/state/tree/commands.ts";
import { isReadablePlainCommand } from "../../src/state/tree/plain-commands.ts";

type Encode = (writer: ByteWriter) => void;

const MODELS = new ModelTable(coordinationModels());
const MUTATIONS = 20_000;
const who = encodeIdentities([{ scheme: "ip", id: "10.0.0.1" }], { reconfig: true, extendedTypes: true });
const open = [{ perms: 31, scheme: "world", id: "anyone" }];
const closed = [
  { perms: 31, scheme: "digest", id: "bob:x" },
  { perms: 1, scheme: "world", id: "anyone" },
];
const path = "/a";
const data = bytesOf("data");
const create = (mode: number, acl = open, ttl = -1) => ({ path: `/c${mode}`, data, acl, mode, ttl });

/** One command of each kind, in each form. */
const clients: readonly Encode[] = [
  (w) => encodeCreate(w, 0, who, create(0)),
  (w) => encodeCreate(w, 0, who, create(2, closed)),
  (w) => encodeCreate(w, 0, who, create(5, open, 5000)),
  (w) => encodeCreate(w, 77, who, { ...create(1), data: null }),
  (w) => encodeDelete(w, 0, who, path, -1),
  (w) => encodeSetData(w, 0, who, path, data, 3),
  (w) => encodeSetData(w, 0, who, path, null, -1),
  (w) => encodeSetAcl(w, 0, who, path, closed, -1),
  (w) =>
    encodeMulti(w, 0, who, [
      { kind: "create", ...create(0, closed) },
      { kind: "set-data", path, data, version: -1 },
      { kind: "check", path, version: -1 },
      { kind: "delete", path, version: -1 },
    ]),
  (w) => encodeMulti(w, 0, who, []),
  (w) => encodeReconfig(w, 0, who, { joining: "server.1=a:1:2;3", leaving: null, newMembers: null, version: -1 }),
  (w) => encodeReconfig(w, 0, who, { joining: null, leaving: "3", newMembers: null, version: -7 }),
  (w) => encodeOpenLease(w, 4000, "p".repeat(16)),
  (w) => encodeAttachLease(w, 99, "p".repeat(16), 4000),
  (w) => encodeAttachLease(w, -1, "short", 4000),
  (w) => encodeCloseLease(w, 99),
];
const leaders: readonly Encode[] = [
  (w) => encodeExpireLeases(w, [{ id: 9, generation: 0 }]),
  (w) => encodeReap(w, { path, mzxid: 1, pzxid: 1 }),
  (w) => encodeEndReconfig(w, 5, "new-configuration-no-quorum"),
];

function batchOf(sequence: number, commands: readonly (Encode | Uint8Array)[], member = 2, run = 1): Uint8Array {
  const writer = new ByteWriter(256);
  writeBatchHeader(writer, member, run, sequence);
  for (const command of commands) {
    const mark = beginCommand(writer);
    if (command instanceof Uint8Array) writer.raw(command);
    else command(writer);
    endCommand(writer, mark);
  }
  const batch = writer.copy();
  stampTime(batch, 1_700_000_000_000 + sequence);
  return batch;
}

function encoded(encode: Encode): Uint8Array {
  const writer = new ByteWriter(64);
  encode(writer);
  return writer.copy();
}

function machine(told: string[] = []): Machine {
  const made = new Machine(coordinationModels());
  made.events.add({ onUnreadable: (index, why) => void told.push(`${index}: ${why}`) });
  return made;
}

function mutated(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = random.below(copy.length);
  switch (random.below(5)) {
    case 0:
      return copy.subarray(0, Math.max(1, at));
    case 1:
      copy[at]! ^= 1 << random.below(8);
      return copy;
    case 2:
      copy.fill(random.chance(0.5) ? 0xff : 0x7f, at, at + 4);
      return copy;
    case 3:
      return Uint8Array.of(...copy, ...new Uint8Array(1 + random.below(9)));
    default:
      copy[at] = random.below(256);
      return copy;
  }
}

test("what the encoders write is read, every kind of it; what only a leader commands is taken from no other member", () => {
  for (const encode of clients)
    assert.equal(flawOfProposal(MODELS, batchOf(1, [encode, encode]), 2, 0), null, String(encode));
  for (const encode of leaders) {
    assert.match(flawOfProposal(MODELS, batchOf(1, [encode]), 2, 0)!, /command 0: a command that only a leader gives/);
  }
  const told: string[] = [];
  const one = machine(told);
  for (const [i, encode] of [...clients, ...leaders].entries()) one.apply(i + 1, batchOf(i + 1, [encode]), null);
  assert.deepEqual(told, []);
});

test("the quick check knows the most frequent commands, and accepts nothing that the walk through all fields refuses", () => {
  const frequent: readonly Encode[] = [
    (w) => encodeCreate(w, 0, who, create(0)),
    (w) => encodeCreate(w, 77, who, { ...create(1), data: null }),
    (w) => encodeCreate(w, 0, encodeIdentities([]), create(2)),
    (w) => encodeCreate(w, 2 ** 45 + 1, who, create(3)),
    (w) => encodeDelete(w, 77, who, path, -1),
    (w) => encodeSetData(w, 0, who, path, data, 3),
    (w) => encodeSetData(w, 0, who, path, null, -1),
  ];
  const isQuick = (bytes: Uint8Array) =>
    isReadablePlainCommand(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
  const isAccepted = (bytes: Uint8Array) => flawOfCommand(MODELS, new ByteReader(bytes)) === null;
  for (const encode of frequent) assert.ok(isQuick(encoded(encode)), String(encode));
  const random = seededRandom(7);
  const sources = [...frequent, ...frequent, ...clients, ...leaders].map(encoded);
  const counts = { quick: 0, refused: 0 };
  for (let i = 0; i < MUTATIONS; i++) {
    let bytes = sources[random.below(sources.length)]!;
    for (let left = 1 + random.below(2); left > 0; left--) bytes = mutated(random, bytes);
    const batch = batchOf(1, [frequent[0]!, bytes, clients[8]!]);
    assert.equal(
      canAllBeRead(MODELS, batch, BATCH_HEADER_BYTES, batch.length),
      isAccepted(bytes),
      Buffer.from(bytes).toString("hex"),
    );
    if (isQuick(bytes)) {
      counts.quick++;
      assert.ok(isAccepted(bytes), Buffer.from(bytes).toString("hex"));
    } else if (!isAccepted(bytes)) {
      counts.refused++;
    }
  }
  assert.ok(counts.quick > MUTATIONS / 40 && counts.refused > MUTATIONS / 4, JSON.stringify(counts));
});

test("a batch in another member's name, of an impossible run, or that is none, is not proposed", () => {
  const [encode] = clients;
  assert.match(flawOfProposal(MODELS, batchOf(1, [encode!], 3), 2, 0)!, /in the name of member 3/);
  assert.match(flawOfProposal(MODELS, batchOf(1, [encode!], 2, 2 ** 52), 2, 0)!, /a run of number/);
  assert.equal(
    flawOfProposal(MODELS, batchOf(1, [encode!], 2, 2 ** 52), 2, 2 ** 52 - 1),
    null,
    "unless it follows the last",
  );
  const batch = batchOf(1, [encode!]);
  for (let length = 0; length < batch.length; length++) {
    if (length === BATCH_HEADER_BYTES) continue; // a batch of no commands
    assert.notEqual(
      flawOfProposal(MODELS, batch.subarray(0, length), 2, 0),
      null,
      `${length} bytes of ${batch.length}`,
    );
  }
});

test("a command that cannot be read is turned down, told with its entry's index, and its neighbours are applied", () => {
  const told: string[] = [];
  const one = machine(told);
  const outcomes: string[] = [];
  const commands = [clients[0]!, Uint8Array.of(1, 99), (w: ByteWriter) => encodeCreate(w, 0, who, create(2))];
  one.apply(1, batchOf(1, commands), (outcome) => void outcomes.push((outcome as { kind: string }).kind));
  assert.deepEqual(outcomes, ["created", "rejected", "created"]);
  assert.equal(told.length, 1);
  assert.match(told[0]!, /^1: /);
  assert.equal(one.sequence, 3);
});

test("a batch whose lengths do not fit is nothing, and counts as seen: the member's next one is applied", () => {
  const told: string[] = [];
  const one = machine(told);
  const whole = batchOf(1, [clients[0]!]);
  assert.equal(one.apply(1, whole.subarray(0, whole.length - 1), null), "unreadable");
  assert.equal(one.apply(2, Uint8Array.of(1, 2, 3), null), "unreadable");
  assert.equal(one.apply(3, batchOf(2, [clients[0]!]), null), "applied");
  assert.equal(told.length, 2);
  assert.deepEqual([one.sequence, one.appliedIndex], [1, 3]);
});

test(`${MUTATIONS} batches with bytes gone wrong end no machine, and leave two of them equal`, () => {
  const random = seededRandom(3);
  const originals = [...clients, ...leaders].map(encoded);
  const told: string[] = [];
  const [one, other] = [machine(told), machine()];
  const setUp = batchOf(1, [
    (w) => encodeOpenLease(w, 4000, "p".repeat(16)),
    (w) => encodeCreate(w, 0, who, { ...create(0), path }),
  ]);
  for (const each of [one, other]) each.apply(1, setUp, null);
  for (let i = 2; i < MUTATIONS + 2; i++) {
    const good = originals[random.below(clients.length)]!;
    const bad = mutated(random, originals[random.below(originals.length)]!);
    const batch = batchOf(i, [good, bad, good]);
    try {
      assert.equal(one.apply(i, batch, null), other.apply(i, batch.slice(), null));
    } catch (error) {
      throw new Error(`entry ${i}: ${Buffer.from(bad).toString("hex")}`, { cause: error });
    }
  }
  assert.equal(one.hash(), other.hash());
  assert.ok(told.length > MUTATIONS / 4, `${told.length} could not be read`);
});

test("an entry that an operator has left out counts as seen, on every machine alike", () => {
  const [one, other] = [machine(), machine()];
  for (const each of [one, other]) {
    each.skip(1, batchOf(1, [clients[0]!]));
    each.skip(2, Uint8Array.of(9));
    assert.equal(each.apply(3, batchOf(1, [clients[0]!]), null), "duplicate");
    assert.equal(each.apply(4, batchOf(2, [clients[0]!]), null), "applied");
  }
  assert.equal(one.sequence, 1);
  assert.equal(one.hash(), other.hash());
});
