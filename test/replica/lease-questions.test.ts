// How much time a lease has left: any member can be asked, and the leader's clock answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../src/base/clock.ts";
import type { CoordinationError } from "../../src/base/errors.ts";
import type { ConsensusLoop } from "../../src/replica/consensus-loop.ts";
import { LeaseQuestions } from "../../src/replica/lease-questions.ts";
import type { LeaseTracker } from "../../src/replica/lease-tracker.ts";
import type { PeerLink } from "../../src/replica/peer-link.ts";
import type { SimulatedMember } from "../../src/sim/kernel/member.ts";
import type { Machine } from "../../src/state/machine.ts";
import { scenario } from "./story.ts";

const TIMEOUT_MS = 6000;

interface Answer {
  error: CoordinationError | null;
  remainingMs: number | null;
}

function ask(member: SimulatedMember, lease: number): { answer: Answer | null } {
  const asked: { answer: Answer | null } = { answer: null };
  member.replica!.leaseRemaining(lease, (error, remainingMs) => {
    assert.equal(asked.answer, null, "a question was answered twice");
    asked.answer = { error, remainingMs };
  });
  return asked;
}

scenario("each member is told by the leader how long a lease has left", {}, async ({ ensemble, open, until }) => {
  const [follower] = ensemble.followers();
  const lease = await open(follower!, TIMEOUT_MS);
  await ensemble.time.run(2000);
  for (const member of ensemble.members) {
    const asked = ask(member, lease);
    await until(() => asked.answer !== null, 1000);
    const { error, remainingMs } = asked.answer!;
    assert.equal(error, null);
    assert.ok(remainingMs! > TIMEOUT_MS - 3000 && remainingMs! <= TIMEOUT_MS - 1500, `${remainingMs} ms are left`);
  }
});

scenario("a lease that is not there has no time left", {}, async ({ ensemble, until }) => {
  const [follower] = ensemble.followers();
  const asked = ask(follower!, 4711);
  await until(() => asked.answer !== null, 1000);
  assert.deepEqual(asked.answer, { error: null, remainingMs: null });
});

scenario("what the dead leader was asked, the next one answers", {}, async ({ ensemble, open, until }) => {
  const [follower] = ensemble.followers();
  const lease = await open(follower!, TIMEOUT_MS);
  const leader = ensemble.leader()!;
  ensemble.network.clog(follower!.id, leader.id, 60_000);
  const asked = ask(follower!, lease);
  leader.crash();
  await until(() => asked.answer !== null, 5000);
  assert.equal(asked.answer!.error, null);
  assert.ok(asked.answer!.remainingMs! > 0);
});

scenario("a leader that no quorum hears answers nobody, and no question stays open", {}, async (story) => {
  const { ensemble, open, until } = story;
  const leader = ensemble.leader()!;
  const lease = await open(leader, 60_000);
  ensemble.partition([1], [2], [3]);
  await until(() => !leader.replica!.status.hasQuorum);
  const asked = ask(leader, lease);
  await until(() => asked.answer !== null, 6000);
  assert.match(asked.answer!.error!.message, /no leader said in time/);
});

scenario(
  "a leader that has yet to apply what its log held answers once it has",
  {},
  async ({ ensemble, open, until }) => {
    const leader = ensemble.leader()!;
    const opening = open(leader, 60_000);
    let lease: number | null = null;
    void opening.then((id) => {
      lease = id;
    });
    while (lease === null) await ensemble.time.run(0.01);
    leader.crash(); // the others hold the lease, and may not know that it is committed
    const next = () => ensemble.members.find((member) => member !== leader && member.replica?.status.role === "leader");
    while (next() === undefined) await ensemble.time.run(0.05);
    const asked = ask(next()!, lease);
    await until(() => asked.answer !== null, 2000);
    assert.equal(asked.answer!.error, null);
    assert.ok(asked.answer!.remainingMs !== null, "it was acknowledged");
  },
);

scenario("who asks a member that has ended is told so", {}, async ({ ensemble }) => {
  const [member] = ensemble.members;
  const replica = member!.replica!;
  void replica.stop({ transferLeadership: false, graceMs: 0 });
  await ensemble.time.run(1000);
  const told: string[] = [];
  replica.leaseRemaining(1, (error) => told.push(error?.code ?? "answered"));
  replica.readBarrier((error) => told.push(error?.code ?? "answered"));
  assert.deepEqual(told, ["closed", "closed"]);
});

test("a leader of an older version is not asked: its members would hang up", () => {
  const said: string[] = [];
  const link = {
    versionOf: () => 2,
    unsentBytes: () => 0,
    sendLeaseQuestion: () => said.push("asked"),
  } as unknown as PeerLink;
  const loop = { raft: { leader: 2 } } as unknown as ConsensusLoop;
  const questions = new LeaseQuestions(1, {} as Machine, loop, {} as LeaseTracker, link, { now: () => 0 } as Clock);
  questions.ask(7, (error) => said.push(error?.message ?? "answered"));
  assert.equal(said.length, 1);
  assert.match(said[0]!, /member 2, which leads, runs a version that cannot be asked/);
});
