// How long a session lives, whatever befalls the member that keeps its time.

import assert from "node:assert/strict";
import type { SimulatedMember } from "../../src/sim/kernel/member.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { type Story, scenario } from "./story.ts";

const TIMEOUT_MS = 4000;
/** What the leader's buckets, a tick and an entry's way may add. */
const AT_MOST_MS = 1000;

/** The client of a session on this member is heard from, for so long. */
async function heard(
  { ensemble }: Pick<Story, "ensemble">,
  member: SimulatedMember,
  session: number,
  milliseconds: number,
): Promise<void> {
  const until = ensemble.time.now + milliseconds;
  while (ensemble.time.now < until) {
    member.replica!.renew(session);
    await ensemble.time.run(200);
  }
}

scenario("a leader that was cut off ends nobody once it is back, who was heard by the others", {}, async (story) => {
  const { ensemble, open, until } = story;
  const old = ensemble.leader()!;
  const [member, other] = ensemble.followers();
  const session = await open(member!, TIMEOUT_MS);
  const { machine } = member!.replica!;
  await ensemble.time.run(TIMEOUT_MS - 150);
  ensemble.partition([old.id], [member!.id, other!.id]);
  await heard(story, member!, session, 2 * TIMEOUT_MS);
  assert.notEqual(machine.model(Leases).get(session), undefined);
  ensemble.heal();
  await until(() => ensemble.isSettled());
  await heard(story, member!, session, TIMEOUT_MS);
  assert.notEqual(machine.model(Leases).get(session), undefined);
});

scenario("who is heard by a member that led before is told to the one that leads now", {}, async (story) => {
  const { ensemble, open, until } = story;
  const old = ensemble.leader()!;
  const others = ensemble.followers().map(({ id }) => id);
  const session = await open(old, TIMEOUT_MS);
  ensemble.partition([old.id], others);
  await until(() => others.some((id) => ensemble.member(id).replica!.status.role === "leader"));
  ensemble.heal();
  await heard(story, old, session, 3 * TIMEOUT_MS);
  assert.notEqual(old.replica!.machine.model(Leases).get(session), undefined);
});

scenario("while the leader's disk is stalled no session's time passes; afterwards it does", {}, async (story) => {
  const { ensemble, open, until } = story;
  const leader = ensemble.leader()!;
  const [member] = ensemble.followers();
  const session = await open(member!, TIMEOUT_MS);
  const { machine } = member!.replica!;
  await ensemble.time.run(TIMEOUT_MS - 1000);
  leader.disk.stalledUntil = ensemble.time.now + 3 * TIMEOUT_MS;
  await open(member!, 10 * TIMEOUT_MS); // something for the disk to do
  await ensemble.time.run(2 * TIMEOUT_MS);
  assert.equal(ensemble.leader(), leader);
  assert.notEqual(machine.model(Leases).get(session), undefined);
  await until(() => machine.model(Leases).get(session) === undefined, TIMEOUT_MS + 1000 + AT_MOST_MS);
});

scenario("when all members stand still for longer than a session, nobody ends by it", {}, async (story) => {
  const { ensemble, open } = story;
  const [member] = ensemble.followers();
  const session = await open(member!, TIMEOUT_MS);
  const { machine } = member!.replica!;
  for (const { clock } of ensemble.members) clock.pause(5 * TIMEOUT_MS);
  await ensemble.time.run(5 * TIMEOUT_MS + 200);
  await heard(story, member!, session, 2 * TIMEOUT_MS);
  assert.notEqual(machine.model(Leases).get(session), undefined);
});

scenario("whatever is done to the wall clock, a session has its time, and no more", {}, async (story) => {
  const { ensemble, open, until } = story;
  const [member] = ensemble.followers();
  const { machine } = member!.replica!;
  for (const jumpMs of [3_600_000, -7_200_000]) {
    const session = await open(member!, TIMEOUT_MS);
    const begun = ensemble.time.now;
    await ensemble.time.run(TIMEOUT_MS / 2);
    for (const { clock } of ensemble.members) clock.wallOffsetMs += jumpMs;
    await until(() => machine.model(Leases).get(session) === undefined, TIMEOUT_MS);
    const lived = ensemble.time.now - begun;
    assert.ok(lived >= TIMEOUT_MS && lived < TIMEOUT_MS + AT_MOST_MS, `it lived ${lived} ms`);
  }
});
