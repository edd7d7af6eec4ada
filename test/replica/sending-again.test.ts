// What a member passes on to its leader is sent again where it was lost, and not while it is on its way: copies behind it
// would only make it later, and fill the way for everything else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMAND_BYTES_MAX } from "../../src/replica/outstanding-batches.ts";
import { decodePeerMessage } from "../../src/replica/peer-messages.ts";
import { Retries } from "../../src/replica/retries.ts";
import type { Observer } from "../../src/sim/kernel/observer.ts";
import { type Attempt, assertEqualStates, scenario } from "./story.ts";

const VALUE_BYTES = 100_000;

/** Bytes of batches that were passed on, by any member. */
let passedOn = 0;
const observer: Observer = {
  onSent: (_member, _to, frame) => {
    if (decodePeerMessage(frame).kind === "propose") passedOn += frame.length;
  },
};

scenario("while the way to the leader takes nothing, nothing is sent a second time", { observer }, async (story) => {
  const { ensemble, create, set, until } = story;
  const { time, network } = ensemble;
  const leader = ensemble.leader()!;
  const [follower] = ensemble.followers();
  const created = create(leader, "/a");
  await until(() => created.outcome === "created" && ensemble.isSettled());
  passedOn = 0;
  network.clog(follower!.id, leader.id, 15_000);
  const attempts = Array.from({ length: 20 }, () => set(follower!, "/a", "x".repeat(VALUE_BYTES)));
  await time.run(14_000);
  assert.equal(attempts[0]!.outcome, "pending");
  const asked = attempts.length * VALUE_BYTES;
  // A follower that hears of another leader meanwhile has its reason; none has as many as there were seconds.
  assert.ok(passedOn < 3 * asked, `${asked} bytes were asked for, ${passedOn} sent`);
  await until(() => attempts.every(({ outcome }) => outcome === "updated"), 30_000);
  await until(() => ensemble.isSettled());
  assertEqualStates(ensemble);
});

scenario(
  "while the leader's log takes nothing, what it has is asked for again now and then, not whole",
  { observer },
  async (story) => {
    const { ensemble, create, set, until } = story;
    const { time } = ensemble;
    const leader = ensemble.leader()!;
    const [follower, other] = ensemble.followers();
    const created = create(leader, "/a");
    await until(() => created.outcome === "created" && ensemble.isSettled());
    passedOn = 0;
    for (const { disk } of [follower!, other!]) disk.stalledUntil = time.now + 30_000;
    const attempts: Attempt[] = [];
    for (let i = 0; i < 20; i++) {
      attempts.push(set(follower!, "/a", `${i}`.padEnd(VALUE_BYTES)));
      await time.run(10);
    }
    await time.run(29_000);
    const asked = attempts.length * VALUE_BYTES;
    assert.ok(passedOn < 1.5 * asked, `${asked} bytes were asked for, ${passedOn} sent`);
    await until(() => attempts.every(({ outcome }) => outcome === "updated"), 30_000);
  },
);

scenario(
  "what a dead leader had not put into the log is sent to the next one at once, all of it",
  {},
  async (story) => {
    const { ensemble, create, set, until } = story;
    const { time, network } = ensemble;
    const leader = ensemble.leader()!;
    const [follower] = ensemble.followers();
    const created = create(leader, "/a");
    await until(() => created.outcome === "created" && ensemble.isSettled());
    network.clog(follower!.id, leader.id, 60_000); // so that nothing of it arrives there
    const attempts: Attempt[] = [];
    for (let i = 0; i < 40; i++) {
      attempts.push(set(follower!, "/a", `${i}`));
      await time.run(1);
    }
    leader.crash();
    await until(() => ensemble.leader() !== undefined && ensemble.leader() !== leader);
    await until(() => attempts.every(({ outcome }) => outcome === "updated"), 900); // sooner than a batch is tried again
  },
);

scenario("what was lost without a word is sent again, more at each try that helps", { observer }, async (story) => {
  const { ensemble, create, set, until } = story;
  const { network } = ensemble;
  const leader = ensemble.leader()!;
  const [follower] = ensemble.followers();
  const created = create(leader, "/a");
  await until(() => created.outcome === "created" && ensemble.isSettled());
  const { options } = network;
  network.options = { ...options, lossProbability: 1 };
  const attempts: Attempt[] = [];
  for (let i = 0; i < 40; i++) {
    attempts.push(set(follower!, "/a", `${i}`));
    await ensemble.time.run(1);
  }
  network.options = options;
  await until(() => attempts.every(({ outcome }) => outcome === "updated"), 15_000);
  await until(() => ensemble.isSettled());
  assertEqualStates(ensemble);
});

scenario(
  "a command that could not cross to other members is refused, not applied, and nothing else",
  {},
  async (story) => {
    const { ensemble, create, set, until } = story;
    const [follower] = ensemble.followers();
    const created = create(follower!, "/a");
    const tooLong = set(follower!, "/a", "x".repeat(COMMAND_BYTES_MAX));
    assert.equal(tooLong.outcome, "not-applied", "at once");
    const after = set(follower!, "/a", "after");
    await until(() => after.outcome === "updated");
    assert.equal(created.outcome, "created");
  },
);

test("one batch is tried, after longer and longer waits; where that helps, twice as many each time", () => {
  const retries = new Retries();
  retries.begin(0);
  const tried: [at: number, count: number][] = [];
  const run = (from: number, to: number): void => {
    for (let now = from; now < to; now += 100) {
      const count = retries.due(now);
      if (count > 0) tried.push([now, count]);
    }
  };
  run(0, 30_000);
  assert.deepEqual(tried, [
    [1100, 1],
    [3200, 1],
    [7300, 1],
    [15_400, 1],
    [23_500, 1],
  ]);
  tried.length = 0;
  for (let now = 30_000; now < 33_000; now += 1000) {
    retries.onProgress(now);
    run(now + 1100, now + 1200);
  }
  assert.deepEqual(
    tried.map(([, count]) => count),
    [2, 4, 8],
  );
  tried.length = 0;
  retries.begin(40_000);
  run(40_000, 41_200);
  assert.deepEqual(tried, [[41_100, 1]], "another time begins with one");
});
