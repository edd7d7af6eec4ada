import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedError } from "../../../src/base/bytes.ts";
import {
  type Configuration,
  decodeConfiguration,
  encodeConfiguration,
  type MemberRecord,
} from "../../../src/consensus/index.ts";
import {
  changeTo,
  leaveJoint,
  nameIncarnations,
  namesVoter,
  peersOf,
} from "../../../src/consensus/raft/configuration.ts";

const voter = (id: number, incarnation = id * 11): MemberRecord => ({
  id,
  role: "voter",
  incarnation,
  description: `h${id}`,
});
const learner = (id: number, incarnation = id * 11): MemberRecord => ({ ...voter(id, incarnation), role: "learner" });
const of = (...members: MemberRecord[]): Configuration => ({ cluster: 7, members, outgoing: [] });
const three = of(voter(1), voter(2), voter(3));

test("what is encoded is decoded, to the last bit", () => {
  const cases: Configuration[] = [
    three,
    {
      cluster: 2 ** 52 + 12345,
      members: [voter(0, 5), learner(4, 0), voter(255), voter(2 ** 31 - 1, 2 ** 53 - 1)],
      outgoing: [voter(1), voter(2)],
    },
    { ...three, isReconfigured: true },
    { ...three, members: [{ ...voter(1), description: "café.example:2888:3888:participant;[::1]:2181" }] },
  ];
  for (const configuration of cases)
    assert.deepEqual(decodeConfiguration(encodeConfiguration(configuration)), configuration);
});

test("bytes that are no configuration are refused, wherever they end", () => {
  const bytes = encodeConfiguration(three);
  for (let end = 0; end < bytes.length; end++) {
    assert.throws(() => decodeConfiguration(bytes.subarray(0, end)), MalformedError);
  }
  assert.throws(() => decodeConfiguration(Uint8Array.from([...bytes, 0])), MalformedError);
  assert.throws(() => decodeConfiguration(Uint8Array.from([9, ...bytes.subarray(1)])), MalformedError);
});

test("a change of voters takes a joint phase, one of learners or addresses does not", () => {
  assert.deepEqual(changeTo(three, [...three.members, voter(4)])?.outgoing, three.members);
  assert.deepEqual(changeTo(three, [...three.members, learner(4)])?.outgoing, []);
  assert.deepEqual(changeTo(three, [voter(1), voter(2), { ...voter(3), description: "elsewhere" }])?.outgoing, []);
  assert.deepEqual(
    changeTo(three, [voter(3), voter(1)])?.members.map(({ id }) => id),
    [1, 3],
    "sorted",
  );
});

test("a change that could split or stop the ensemble is not allowed", () => {
  const joint = changeTo(three, [voter(1), voter(2)])!;
  assert.equal(changeTo(joint, [voter(1)]), null, "one at a time");
  assert.equal(changeTo(three, [learner(1), learner(2)]), null, "no voter is left");
  assert.equal(changeTo(three, [voter(1), voter(1)]), null, "named twice");
  assert.equal(changeTo(three, [voter(0), voter(1)]), null, "no such number");
  assert.equal(changeTo(three, [voter(1), voter(2), voter(3, 999)]), null, "another disk takes over a vote");
  assert.notEqual(changeTo(three, [voter(1), voter(2), learner(3, 999)]), null);
  assert.notEqual(changeTo(of(voter(1), voter(2), voter(3, 0)), three.members), null, "nobody had it before");
  const unnamed = of(voter(1), voter(2), voter(3, 0));
  assert.equal(changeTo(unnamed, [voter(1), voter(3, 0)]), null, "no majority of those who stay counts");
  assert.notEqual(changeTo(unnamed, [voter(1), voter(2)]), null);
});

test("in the joint phase the voters being left are still reached, and still vote", () => {
  const joint = changeTo(three, [voter(1), voter(4)])!;
  assert.deepEqual(peersOf(joint, 1), [2, 3, 4]);
  assert.ok(namesVoter(joint, 3, 33));
  assert.ok(!namesVoter(joint, 3, 34));
  assert.ok(!namesVoter(leaveJoint(joint), 3, 33));
  assert.ok(!namesVoter(of(voter(1, 0)), 1, 0), "an unknown incarnation is nobody's");
});

test("only voters not known yet are named", () => {
  const partly = of(voter(1), voter(2, 0), voter(3, 0), learner(4, 0));
  const named = nameIncarnations(partly, (id) => (id === 3 ? 0 : id * 100));
  assert.deepEqual(
    named?.members.map(({ incarnation }) => incarnation),
    [11, 200, 0, 0],
  );
  assert.equal(
    nameIncarnations(three, () => 5),
    null,
  );
});
