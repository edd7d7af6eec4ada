// Changes of members that come at a bad moment: whatever an operator asks for, somebody leads, and writes go on.

import assert from "node:assert/strict";
import { RAFT } from "../../src/sim/kernel/ensemble.ts";
import type { SimulatedMember } from "../../src/sim/kernel/member.ts";
import { MembershipModel } from "../../src/state/membership/model.ts";
import { type Story, scenario } from "./story.ts";

/** So long without a leader, or without a write, is too long: ten of the longest election timeouts. */
const SOON_MS = 10 * 20 * 40;

scenario(
  "removing a voter while another, never yet named, is sent a snapshot leaves an ensemble that has a leader",
  { absent: [3], foundWithout: [3], replica: { raft: { ...RAFT, tailBytesMax: 0 } } },
  async (story) => {
    const { ensemble, set, reconfigure, until } = story;
    const leader = ensemble.leader()!;
    const [voter] = ensemble.followers();
    const newcomer = ensemble.member(3);
    // 1. The log that the third founder would need has gone into a snapshot of some size.
    await outgrowLog(story, leader);
    // 2. It comes at last. The configuration does not name its disk yet, and its answers count for nothing.
    ensemble.network.slow(leader.id, newcomer.id, 2);
    void newcomer.start();
    const isActive = (): boolean => leader.replica!.status.followers.some(({ id, active }) => id === 3 && active);
    await until(isActive);
    assert.equal(leader.replica!.status.configuration.members.find(({ id }) => id === 3)?.incarnation, 0);
    // 3. The only other voter that counts is asked to leave: those who stay could decide nothing.
    const asked = reconfigure(leader, { leaving: String(voter!.id) });
    await until(() => asked.outcome === "reconfiguring");
    await ensemble.time.run(SOON_MS);
    assert.equal(ensemble.leader(), leader);
    const write = set(leader, "/n", "after");
    await until(() => write.outcome === "updated", SOON_MS);
    assert.ok(newcomer.replica!.machine.appliedIndex === 0, "the snapshot is still on its way");
    // 4. Once the newcomer holds everything and is named, the same is done.
    ensemble.network.slow(leader.id, newcomer.id, Number.POSITIVE_INFINITY);
    await until(() => ensemble.isSettled());
    const again = reconfigure(leader, { leaving: String(voter!.id) });
    await until(() => leader.replica!.status.configuration.members.length === 2);
    await until(() => again.outcome === "reconfiguring" && !leader.replica!.status.configuration.outgoing.length);
    const last = set(leader, "/n", "without it");
    await until(() => last.outcome === "updated", SOON_MS);
  },
);

scenario(
  "removing a voter while another is sent a snapshot holds no write up",
  { replica: { raft: { ...RAFT, tailBytesMax: 0 } } },
  async (story) => {
    const { ensemble, set, reconfigure, until } = story;
    const leader = ensemble.leader()!;
    const [behind, voter] = ensemble.followers();
    // 1. One of the voters was away for so long that it needs a snapshot, over a slow link.
    behind!.kill();
    await ensemble.time.run(1000); // by then its leader keeps no log for it
    await outgrowLog(story, leader);
    ensemble.network.slow(leader.id, behind!.id, 2);
    void behind!.start();
    const isActive = (): boolean =>
      leader.replica!.status.followers.some(({ id, active }) => id === behind!.id && active);
    await until(isActive);
    // 2. The other is asked to leave: from then on every write would wait for the end of the snapshot.
    const asked = reconfigure(leader, { leaving: String(voter!.id) });
    await until(() => asked.outcome === "reconfiguring");
    await ensemble.time.run(SOON_MS);
    const write = set(leader, "/n", "after");
    await until(() => write.outcome === "updated", SOON_MS);
    assert.equal(leader.replica!.status.configuration.members.length, 3);
    assert.equal(
      leader.replica!.machine.model(MembershipModel).pending,
      null,
      "it was given up, and another may be asked for",
    );
    ensemble.heal();
    await until(() => ensemble.isSettled(), 60_000);
  },
);

scenario("removing a voter while another lags behind over a slow link holds no write up", {}, async (story) => {
  const { ensemble, create, set, reconfigure, until } = story;
  const leader = ensemble.leader()!;
  const [behind, voter] = ensemble.followers();
  const first = create(leader, "/n");
  await until(() => first.outcome === "created" && ensemble.isSettled());
  // 1. All that it lacks is on its way already, and takes two minutes to get there.
  ensemble.network.slow(leader.id, behind!.id, 2);
  const written = Array.from({ length: 20 }, (_, i) => set(leader, "/n", `${i}`.padEnd(10_000)));
  await until(() => written.every(({ outcome }) => outcome === "updated"));
  await ensemble.time.run(1000);
  // 2. The other is asked to leave.
  const asked = reconfigure(leader, { leaving: String(voter!.id) });
  await until(() => asked.outcome === "reconfiguring");
  await ensemble.time.run(SOON_MS);
  const write = set(leader, "/n", "after");
  await until(() => write.outcome === "updated", SOON_MS);
  assert.equal(leader.replica!.status.configuration.members.length, 3);
});

/** The log before this goes into a snapshot of 200 kB. */
async function outgrowLog({ create, set, until }: Story, member: SimulatedMember): Promise<void> {
  const first = create(member, "/n");
  await until(() => first.outcome === "created");
  for (let i = 0; i < 20; i++) create(member, `/n/${i}`);
  const written = Array.from({ length: 20 }, (_, i) => set(member, `/n/${i}`, "x".repeat(10_000)));
  await until(() => written.every(({ outcome }) => outcome === "updated"));
  for (let round = 0; round < 2; round++) {
    const last = set(member, "/n", `${round}`);
    await until(() => last.outcome === "updated");
    let isTaken = false;
    void member.replica!.takeSnapshotNow().then(() => {
      isTaken = true;
    });
    await until(() => isTaken);
  }
}
