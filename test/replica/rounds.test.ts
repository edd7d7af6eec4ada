// How writes travel: in rounds of the ensemble, sent again where their way was cut, once each.

import assert from "node:assert/strict";
import { RAFT, type SimulatedEnsemble } from "../../src/sim/kernel/ensemble.ts";
import type { SimulatedMember } from "../../src/sim/kernel/member.ts";
import { type Attempt, assertEqualStates, dataOf, leadAgain, scenario } from "./story.ts";

function outsideOf(ensemble: SimulatedEnsemble, member: SimulatedMember): number[] {
  return ensemble.members.filter((other) => other !== member).map(({ id }) => id);
}

scenario("what gathers while a round is under way is proposed when it is over", {}, async (story) => {
  const { ensemble, create, until } = story;
  const [one, other] = ensemble.followers();
  for (let round = 0; round < 20; round++) {
    const attempts = [create(one!, `/one-${round}`)];
    await ensemble.time.run(0.3 + round / 10);
    attempts.push(create(other!, `/other-${round}`));
    await until(() => attempts.every(({ outcome }) => outcome === "created"), 20);
  }
});

scenario("a leader that lost a long tail leads again, and proposes at once", {}, async (story) => {
  const { ensemble, create, until, start } = story;
  const old = ensemble.leader()!;
  const [passing, third] = ensemble.followers();
  // 1. While a round is under way, many batches of another member gather at the leader: the next round is a long one.
  create(old, "/first");
  const { commitIndex } = old.replica!.status;
  for (let i = 0; old.replica!.status.lastIndex < commitIndex + 20; i++) {
    assert.ok(i < 10_000, "no long round came about");
    create(passing!, `/passed-on-${i}`);
    await ensemble.time.run(0.02);
  }
  // 2. It reaches nobody, and whose batches they were has forgotten them.
  ensemble.partition([old.id], outsideOf(ensemble, old));
  passing!.kill();
  await start(passing!);
  await until(() => [passing, third].some((member) => member!.replica?.status.role === "leader"));
  ensemble.heal();
  await until(() => ensemble.isSettled());
  // 3. Its log is shorter than what it once proposed when it leads again.
  await leadAgain(story, old);
  const attempt = create(old, "/again");
  await until(() => attempt.outcome === "created", 500);
});

scenario("what stands in the log keeps its bytes when it is sent again", {}, async (story) => {
  const { ensemble, create, until } = story;
  const leader = ensemble.leader()!;
  const [holder, other] = ensemble.followers();
  // 1. One follower gets the entry, with the time of that moment, and cannot say so.
  ensemble.partition([leader.id, holder!.id], [other!.id]);
  ensemble.network.cut(holder!.id, leader.id);
  const attempt = create(leader, "/a");
  await ensemble.time.run(5);
  assert.equal(holder!.replica!.status.lastIndex, leader.replica!.status.lastIndex);
  // 2. The leader falls, leads again by the other's vote, and sends its batch again.
  await until(() => leader.replica!.status.role !== "leader");
  await ensemble.time.run(100);
  ensemble.heal();
  ensemble.partition([leader.id, other!.id], [holder!.id]);
  await until(() => attempt.outcome === "created");
  assert.equal(ensemble.leader(), leader);
  // 3. The entry is the same for all.
  ensemble.heal();
  await until(() => ensemble.isSettled());
  assert.notEqual(dataOf(holder!, "/a"), undefined);
  assertEqualStates(ensemble);
});

scenario(
  "who waits for a batch that came applied inside a leader's snapshot hears that nobody knows",
  { replica: { snapshotCommands: 20, raft: { ...RAFT, tailBytesMax: 0 } }, segmentBytes: 8 * 1024 },
  async (story) => {
    const { ensemble, create, set, until } = story;
    const leader = ensemble.leader()!;
    const [member, other] = ensemble.followers();
    create(other!, "/a");
    await until(() => dataOf(other!, "/a") !== undefined && ensemble.isSettled());
    // What it says still arrives; what is said to it does not, until the log has moved on.
    for (const from of [leader.id, other!.id]) ensemble.network.cut(from, member!.id);
    const attempt = create(member!, "/mine");
    await until(() => dataOf(other!, "/mine") !== undefined);
    await ensemble.time.run(6000); // by then its leader does not count on it any more, and keeps no log for it
    const { snapshotIndex } = leader.replica!.status;
    while (leader.replica!.status.snapshotIndex < snapshotIndex + 100) {
      const value = set(leader, "/a", "x".repeat(500));
      await until(() => value.outcome === "updated");
    }
    assert.equal(attempt.outcome, "pending");
    ensemble.heal();
    await until(() => ensemble.isSettled() && attempt.outcome !== "pending");
    assert.equal(attempt.outcome, "unknown");
    const next: Attempt = create(member!, "/next");
    await until(() => next.outcome === "created" && ensemble.isSettled());
    assertEqualStates(ensemble);
  },
);
