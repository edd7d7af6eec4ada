// The log grows by what is asked for, once, however long it takes to be committed and however often it is sent.

import assert from "node:assert/strict";
import type { SimulatedMember } from "../../src/sim/kernel/member.ts";
import type { Observer } from "../../src/sim/kernel/observer.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { type Attempt, assertEqualStates, scenario } from "./story.ts";

const STALL_MS = 30_000;
const VALUE_BYTES = 10_000;

function stallDisks(members: readonly SimulatedMember[], until: number): void {
  for (const { disk } of members) disk.stalledUntil = until;
}

scenario("while the disks of a majority stand still, nothing is added to the log twice", {}, async (story) => {
  const { ensemble, create, set, until } = story;
  const { time, members } = ensemble;
  const leader = ensemble.leader()!;
  const created = members.map(({ id }) => create(leader, `/n${id}`));
  await until(() => created.every(({ outcome }) => outcome === "created") && ensemble.isSettled());
  const before = leader.replica!.status.logBytes;
  const indexBefore = leader.replica!.status.lastIndex;
  // 1. Every member asks for writes, some 2 MB together, while two disks of three stand still.
  stallDisks(ensemble.followers(), time.now + STALL_MS);
  const attempts: Attempt[] = [];
  for (let round = 0; round < 70; round++) {
    for (const member of members) attempts.push(set(member, `/n${member.id}`, `${round}`.padEnd(VALUE_BYTES)));
    await time.run(20);
  }
  await time.run(STALL_MS);
  // 2. Once they go on, all is done, and the log holds each write once.
  await until(() => attempts.every(({ outcome }) => outcome === "updated"), 60_000);
  await until(() => ensemble.isSettled());
  const grown = leader.replica!.status.logBytes - before;
  const asked = attempts.length * VALUE_BYTES;
  assert.ok(grown < 1.5 * asked, `${asked} bytes were asked for, the log has grown by ${grown}`);
  assert.ok(leader.replica!.status.lastIndex - indexBefore <= attempts.length + 5, "an entry a batch, at most");
  assertEqualStates(ensemble);
});

/** Which members have come, in their logs, to an entry that holds a value. */
const holders: number[] = [];
const observer: Observer = {
  onApply: ({ id }, _index, _kind, payload) => {
    if (payload.length > VALUE_BYTES) holders.push(id);
  },
};

scenario(
  "a new leader takes what its log holds already for said, whoever says it again",
  { observer },
  async ({ ensemble, create, set, until }) => {
    const { time, members } = ensemble;
    const leader = ensemble.leader()!;
    const followers = ensemble.followers();
    const created = create(leader, "/n");
    await until(() => created.outcome === "created" && ensemble.isSettled());
    holders.length = 0;
    // 1. All logs hold a follower's write, and nobody knows that anything is committed.
    const { lastIndex } = leader.replica!.status;
    stallDisks(members, time.now + 3000);
    const attempt = set(followers[0]!, "/n", "x".repeat(VALUE_BYTES));
    await until(() => members.every(({ replica }) => replica!.status.lastIndex > lastIndex));
    // 2. Whoever leads next hears of it again, from the follower or by leading itself.
    leader.kill();
    await until(() => attempt.outcome === "updated" && ensemble.isSettled());
    assert.deepEqual(holders.toSorted(), followers.map(({ id }) => id).toSorted(), "once in each log");
  },
);

scenario("sessions that ran out are ended by one command, however long it takes", {}, async (story) => {
  const { ensemble, open, until } = story;
  const { time } = ensemble;
  const leader = ensemble.leader()!;
  for (let i = 0; i < 20; i++) await open(leader, 4000);
  await until(() => ensemble.isSettled());
  const { lastIndex } = leader.replica!.status;
  stallDisks(ensemble.followers(), time.now + STALL_MS);
  await time.run(STALL_MS - 1000);
  const grown = leader.replica!.status.lastIndex - lastIndex;
  assert.ok(grown >= 1 && grown <= 20, `${grown} entries for 20 sessions`);
  await until(() => leader.replica!.machine.model(Leases).size === 0, 10_000);
});
