// What members count and measure of themselves, in virtual time: the metrics tell it under ZooKeeper's names.

import assert from "node:assert/strict";
import { scenario } from "./story.ts";

scenario(
  "a change of leaders is measured by all who waited for it, a write by those who had part in it",
  {},
  async (story) => {
    const { ensemble, create, until } = story;
    const old = ensemble.leader()!;
    const followers = ensemble.followers();
    const statsOf = (member: typeof old) => member.replica!.stats;
    // 1. Rounds of the leader: counted where they were proposed, received where they were not.
    const { proposals } = statsOf(old);
    for (let i = 0; i < 5; i++) {
      const attempt = create(old, `/n${i}`);
      await until(() => attempt.outcome === "created" && ensemble.isSettled());
    }
    assert.equal(statsOf(old).proposals, proposals + 5);
    assert.ok(statsOf(old).commits >= 5 && statsOf(old).quorumAckLatency.count >= 5);
    assert.ok(statsOf(old).quorumAckLatency.max > 0);
    for (const follower of followers) {
      const stats = statsOf(follower);
      assert.equal(stats.proposals, 0);
      assert.ok(stats.proposalsReceived >= 5 && stats.commitsReceived >= 5, "a follower receives them");
      assert.ok(stats.propagationLatency.count >= 5);
      assert.equal(stats.leadingMs, null);
    }
    // 2. The leader dies: the others look for another, and have no quorum until they have found it.
    const before = followers.map((follower) => statsOf(follower).electionTime.count);
    old.kill();
    await until(() => ensemble.leader() !== undefined && ensemble.leader() !== old);
    await until(() => followers.every(({ replica }) => replica!.status.hasQuorum));
    const next = ensemble.leader()!;
    followers.forEach((follower, i) => {
      const stats = statsOf(follower);
      assert.ok(stats.electionTime.count > before[i]!, `member ${follower.id} counts the election`);
      assert.ok(stats.elections >= stats.electionTime.count);
      assert.ok(stats.unavailableTime.max > 0);
    });
    assert.ok(statsOf(next).leadingMs! >= 0);
    assert.ok(statsOf(next).leaderUnavailableTime.count > 0);
    // 3. A snapshot is measured where it is taken.
    const { count } = statsOf(next).snapshotTime;
    let isTaken = false;
    void next.replica!.takeSnapshotNow().then(() => {
      isTaken = true;
    });
    await until(() => isTaken);
    assert.equal(statsOf(next).snapshotTime.count, count + 1);
  },
);
