// A leader's snapshot on its way to a follower: broken off, asked for at a bad moment, or too slow for the leader's pace.

import assert from "node:assert/strict";
import { RAFT } from "../../src/sim/kernel/ensemble.ts";
import type { SimulatedMember } from "../../src/sim/kernel/member.ts";
import { assertEqualStates, dataOf, type Story, scenario } from "./story.ts";

const NODES = 20;
const SMALL_TAIL = { ...RAFT, tailBytesMax: 0 };

/** The log before this goes into a snapshot of 200 kB. */
async function outgrowLog({ create, set, until }: Story, member: SimulatedMember): Promise<void> {
  for (let i = 0; i < NODES; i++) create(member, `/n${i}`);
  const written = Array.from({ length: NODES }, (_, i) => set(member, `/n${i}`, "x".repeat(10_000)));
  await until(() => written.every(({ outcome }) => outcome === "updated"));
  for (let round = 0; round < 2; round++) {
    const last = set(member, "/n0", `${round}`);
    await until(() => last.outcome === "updated");
    await takeSnapshot(until, member);
  }
}

async function takeSnapshot(until: Story["until"], member: SimulatedMember): Promise<void> {
  let isTaken = false;
  void member.replica!.takeSnapshotNow().then(() => {
    isTaken = true;
  });
  await until(() => isTaken);
}

/** A follower that was away while its leader's log moved on, is back, and has got some chunks of a snapshot. */
async function halfWay(
  story: Story,
  bytesPerMs: number,
): Promise<{ leader: SimulatedMember; behind: SimulatedMember }> {
  const { ensemble, until } = story;
  const leader = ensemble.leader()!;
  const [behind] = ensemble.followers();
  const there = story.create(leader, "/there");
  await until(() => there.outcome === "created" && ensemble.isSettled());
  for (const { id } of ensemble.members) {
    if (id === behind!.id) continue;
    ensemble.network.cut(id, behind!.id);
    ensemble.network.cut(behind!.id, id);
  }
  await ensemble.time.run(6000); // by then its leader keeps no log for it
  await outgrowLog(story, leader);
  let chunks = 0;
  ensemble.network.onArrival = (_from, to, bytes) => {
    if (to === behind!.id && bytes > RAFT.snapshotChunkBytes) chunks++;
  };
  ensemble.heal();
  ensemble.network.slow(leader.id, behind!.id, bytesPerMs);
  await until(() => chunks > 3, 60_000);
  return { leader, behind: behind! };
}

scenario(
  "a member that got half a snapshot takes its own, when the other half does not come",
  { replica: { raft: SMALL_TAIL, snapshotCommands: 50 } },
  async (story) => {
    const { ensemble, set, until } = story;
    // 1. The leader dies while it sends; the next one has the whole log, and no need to send a snapshot.
    const [spared] = ensemble.followers().slice(1);
    spared!.replica!.takeSnapshotNow = () => Promise.reject(new Error("not asked"));
    const { leader, behind } = await halfWay(story, 10);
    leader.kill();
    await until(() => ensemble.leader() !== undefined && ensemble.isSettled());
    // 2. From here on the member's log grows, and is cut off as everybody's.
    const before = behind.replica!.status.snapshotIndex;
    for (let i = 0; i < 120; i++) {
      const value = set(behind, "/n1", `${i}`);
      await until(() => value.outcome === "updated");
    }
    await until(() => behind.replica!.status.snapshotIndex > before);
    await takeSnapshot(until, behind);
    assertEqualStates(ensemble);
  },
);

scenario(
  "half a snapshot keeps nobody from taking a whole one meanwhile",
  { replica: { raft: SMALL_TAIL } },
  async (story) => {
    const { ensemble, until } = story;
    const { leader, behind } = await halfWay(story, 10);
    ensemble.network.cut(leader.id, behind.id);
    await takeSnapshot(until, behind);
    // The transfer goes on where it was when the link is there again.
    ensemble.heal();
    await until(() => ensemble.isSettled());
    assertEqualStates(ensemble);
  },
);

/** What asking for a snapshot came to, whenever a member's log and state were being replaced. */
const answers: string[] = [];
const ask = ({ replica }: SimulatedMember): void => {
  replica?.takeSnapshotNow().then(
    () => answers.push("taken"),
    (error: { code?: string }) => answers.push(`${error.code}`),
  );
};

scenario(
  "a snapshot asked for while a leader's takes the place of log and state is refused, and does no harm",
  { replica: { raft: SMALL_TAIL }, observer: { onLogRestart: ask, onLogRestarted: ask, onRestored: ask } },
  async (story) => {
    const { ensemble, until } = story;
    answers.length = 0;
    const { leader, behind } = await halfWay(story, 100);
    behind.disk.readMs = 20;
    behind.disk.syncMinMs = 50;
    behind.disk.syncMaxMs = 50;
    await until(() => ensemble.isSettled() && answers.length === 3);
    assert.deepEqual(answers, ["overloaded", "overloaded", "overloaded"]);
    assert.equal(behind.replica!.status.snapshotIndex, leader.replica!.status.snapshotIndex);
    await takeSnapshot(until, behind);
    behind.kill();
    await story.start(behind);
    await until(() => ensemble.isSettled());
    assertEqualStates(ensemble);
  },
);

scenario(
  "a slow follower gets to the end of the snapshot that it is sent, and of the log after it",
  { replica: { raft: SMALL_TAIL, snapshotCommands: 10 }, segmentBytes: 8 * 1024 },
  async (story) => {
    const { ensemble, set, until } = story;
    // The snapshot takes some 20 s on this link. Meanwhile the leader takes one of its own every second or so.
    const { leader, behind } = await halfWay(story, 10);
    let rounds = 0;
    const write = (): void => {
      set(leader, "/n2", `${rounds++}`);
      ensemble.time.after(100, write);
    };
    const began = leader.replica!.status.snapshotIndex;
    write();
    await until(() => Number(dataOf(behind, "/n2")) > Math.max(150, rounds - 10), 60_000);
    assert.ok(leader.replica!.status.snapshotIndex > began + 100, "the leader's snapshots have moved on");
    // What was kept for it goes, once it needs it no more.
    await ensemble.time.run(5000);
    assert.ok(leader.replica!.status.logBytes < 64 * 1024, `${leader.replica!.status.logBytes} bytes of log`);
  },
);

scenario(
  "the log that is kept for a slow follower has a bound",
  { replica: { raft: SMALL_TAIL, snapshotCommands: 10, snapshotLogBytes: 32 * 1024 }, segmentBytes: 8 * 1024 },
  async (story) => {
    const { ensemble, set, until } = story;
    const { leader, behind } = await halfWay(story, 1);
    const bound = 8 * 32 * 1024;
    let largest = 0;
    for (let i = 0; i < 400; i++) {
      const value = set(leader, "/n3", `${i}`.padEnd(2000));
      await until(() => value.outcome === "updated");
      largest = Math.max(largest, leader.replica!.status.logBytes);
    }
    assert.ok(largest > bound / 2, `only ${largest} bytes were kept`);
    assert.ok(largest < 1.5 * bound, `${largest} bytes were kept`);
    ensemble.heal();
    await until(() => ensemble.isSettled());
    assert.equal(dataOf(behind, "/n3"), "399".padEnd(2000));
  },
);
