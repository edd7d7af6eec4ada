// The replica's invariants, on whole ensembles in virtual time: real consensus, real state, virtual network and disks.

import assert from "node:assert/strict";
import { RAFT } from "../../src/sim/kernel/ensemble.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { TreeModel } from "../../src/state/tree/model.ts";
import { type Attempt, assertEqualStates, dataOf, scenario } from "./story.ts";

scenario("a write on any member is applied on all", {}, async ({ ensemble, create, until }) => {
  const attempts = ensemble.members.map((member) => create(member, `/from-${member.id}`));
  await until(() => attempts.every((attempt) => attempt.outcome === "created") && ensemble.isSettled());
  for (const member of ensemble.members) {
    for (const id of [1, 2, 3]) assert.notEqual(dataOf(member, `/from-${id}`), undefined);
  }
  assertEqualStates(ensemble);
});

scenario("writes in flight survive the death of the leader, once and in order", {}, async (story) => {
  const { ensemble, create, until } = story;
  const [client] = ensemble.followers();
  create(client!, "/q");
  await until(() => ensemble.isSettled() && dataOf(client!, "/q") !== undefined);
  const attempts = Array.from({ length: 50 }, () => create(client!, "/q/n-", 2));
  await ensemble.time.run(0.6); // some are on their way, none is back
  ensemble.leader()!.crash();
  for (let i = 0; i < 50; i++) attempts.push(create(client!, "/q/n-", 2));
  await until(() => attempts.every((attempt) => attempt.outcome === "created"));
  assert.equal(client!.replica!.machine.model(TreeModel).tree.node("/q")!.numChildren, 100);
  void ensemble.members.find((member) => !member.isUp)!.start();
  await until(() => ensemble.isSettled());
  assertEqualStates(ensemble);
});

scenario(
  "frames lost with their connections are sent again, and nothing is applied twice",
  {
    network: { breakProbability: 0.05 },
  },
  async ({ ensemble, create, until }) => {
    create(ensemble.members[0]!, "/q");
    await until(() => ensemble.members.every((member) => dataOf(member, "/q") !== undefined), 60_000);
    const attempts: Attempt[] = [];
    for (let round = 0; round < 40; round++) {
      for (const member of ensemble.members) attempts.push(create(member, "/q/n-", 2));
      await ensemble.time.run(20);
    }
    await until(() => attempts.every((attempt) => attempt.outcome === "created"), 120_000);
    ensemble.network.options = { ...ensemble.network.options, breakProbability: 0 };
    await until(() => ensemble.isSettled(), 60_000);
    for (const member of ensemble.members)
      assert.equal(member.replica!.machine.model(TreeModel).tree.node("/q")!.numChildren, 120);
    assertEqualStates(ensemble);
  },
);

scenario("a leader cut off commits nothing, then catches up and keeps its clients' writes", {}, async (story) => {
  const { ensemble, create, until } = story;
  const old = ensemble.leader()!;
  const others = ensemble.followers();
  ensemble.partition(
    [old.id],
    others.map((member) => member.id),
  );
  const stranded = create(old, "/stranded");
  await until(() => others.some((member) => member.replica!.status.role === "leader"));
  const elsewhere = create(others[0]!, "/elsewhere");
  await until(() => elsewhere.outcome === "created");
  assert.equal(stranded.outcome, "pending");
  assert.equal(dataOf(old, "/elsewhere"), undefined);
  await until(() => old.replica!.admission() === "no-quorum");
  ensemble.heal();
  await until(() => stranded.outcome === "created" && ensemble.isSettled());
  assertEqualStates(ensemble);
});

scenario("a member whose data were damaged begins no second ensemble with a blank one", {}, async (story) => {
  const { ensemble, create, until, start } = story;
  const [damaged, wiped, intact] = ensemble.members;
  const kept = create(intact!, "/kept");
  await until(() => kept.outcome === "created" && ensemble.isSettled());
  for (const member of ensemble.members) member.kill();
  const identity = damaged!.disk.find("/data/identity")!;
  identity.current.flip(0, 0);
  wiped!.wipe();
  await start(damaged!);
  await start(wiped!);
  await ensemble.time.run(60_000);
  assert.equal(ensemble.leader(), undefined, "two of three, and neither knows anything");
  await start(intact!);
  await ensemble.time.run(60_000);
  assert.equal(ensemble.leader(), undefined, "more was lost than an ensemble survives: that is for a person to settle");
  assert.ok(intact!.replica!.status.lastIndex > 0, "what it holds is there for that");
});

scenario(
  "a restarted member applies what its leader has, not what its own log had before the leader's overwrote it",
  {},
  async ({ ensemble, create, until, start }) => {
    const old = ensemble.leader()!;
    const others = ensemble.followers();
    ensemble.partition(
      [old.id],
      others.map(({ id }) => id),
    );
    for (let i = 0; i < 20; i++) {
      create(old, `/stranded-${i}`);
      await ensemble.time.run(1); // an entry each, on its own disk alone
    }
    await until(() => others.some((member) => member.replica!.status.role === "leader"));
    old.kill();
    for (let i = 0; i < 30; i++) {
      const made = create(others[0]!, `/kept-${i}`);
      await until(() => made.outcome === "created");
    }
    old.disk.syncMinMs = 20; // what it overwrites is read before it is on the disk
    ensemble.heal();
    await start(old);
    await until(() => ensemble.isSettled());
    assertEqualStates(ensemble);
  },
);

scenario(
  "a restarted ensemble has everything that was acknowledged",
  {},
  async ({ ensemble, create, set, until, start }) => {
    create(ensemble.members[0]!, "/a");
    const last = set(ensemble.members[0]!, "/a", "kept");
    await until(() => last.outcome === "updated");
    for (const member of ensemble.members) member.crash();
    for (const member of ensemble.members) await start(member);
    await until(() => ensemble.isSettled());
    for (const member of ensemble.members) assert.equal(dataOf(member, "/a"), "kept");
    assertEqualStates(ensemble);
  },
);

/** Who was brought up by a snapshot. */
const restored: number[] = [];

scenario(
  "a member far behind is brought up by a snapshot, sessions and all",
  {
    replica: { snapshotCommands: 100, raft: { ...RAFT, tailBytesMax: 0 } },
    observer: { onRestored: ({ id }) => restored.push(id) },
  },
  async ({ ensemble, open, create, set, until }) => {
    restored.length = 0;
    const [behind, other] = ensemble.followers();
    await open(other!, 30_000);
    create(other!, "/a");
    await until(() => dataOf(other!, "/a") !== undefined);
    behind!.crash();
    await ensemble.time.run(6000); // by then its leader keeps no log for it
    for (let round = 0; round < 30; round++) {
      const attempts = Array.from({ length: 20 }, (_, i) => set(other!, "/a", `${round}-${i}`));
      await until(() => attempts.every((attempt) => attempt.outcome === "updated"));
    }
    await until(() => ensemble.leader()!.replica!.status.snapshotIndex > 0);
    void behind!.start();
    await until(() => ensemble.isSettled());
    assert.equal(dataOf(behind!, "/a"), "29-19");
    assert.equal(behind!.replica!.machine.model(Leases).size, 1);
    assert.deepEqual(restored, [behind!.id]);
    assertEqualStates(ensemble);
  },
);

scenario(
  "a member applies nothing before its state is restored, however soon its leader speaks",
  { replica: { snapshotCommands: 100 }, segmentBytes: 4096 },
  async ({ ensemble, create, set, until, start }) => {
    const [slow, other] = ensemble.followers();
    create(other!, "/a");
    for (let round = 0; round < 400; round++) {
      const made = set(other!, "/a", `${round}`); // a commit each, so that the log is cut off at its beginning
      await until(() => made.outcome === "updated");
    }
    await until(() => slow!.replica!.status.snapshotIndex > 0);
    slow!.kill();
    slow!.disk.readMs = 300; // its leader is heard long before the snapshot is read
    await start(slow!);
    await until(() => ensemble.isSettled());
    assert.equal(dataOf(slow!, "/a"), "399");
    assertEqualStates(ensemble);
  },
);

scenario(
  "a wiped member has no say until it has caught up, then votes again",
  {},
  async ({ ensemble, create, until, start }) => {
    const first = create(ensemble.members[0]!, "/a");
    await until(() => first.outcome === "created" && ensemble.isSettled());
    const [wiped, other] = ensemble.followers();
    wiped!.wipe();
    await start(wiped!);
    const { incarnation } = wiped!;
    const isCounted = (): boolean =>
      ensemble
        .leader()!
        .replica!.status.configuration.members.some(
          (record) => record.id === wiped!.id && record.incarnation === incarnation,
        );
    await until(() => ensemble.isSettled() && isCounted());
    assert.notEqual(dataOf(wiped!, "/a"), undefined);
    other!.crash(); // now its vote is needed
    const second = create(ensemble.leader()!, "/b");
    await until(() => second.outcome === "created");
  },
);

scenario("a session that nobody hears from expires; one that is renewed lives, across leaders", {}, async (story) => {
  const { ensemble, open } = story;
  const [member] = ensemble.followers();
  const silent = await open(member!, 4000);
  const alive = await open(member!, 4000);
  const { machine } = member!.replica!;
  const begun = ensemble.time.now;
  let isLeaderDead = false;
  while (machine.model(Leases).get(silent) !== undefined && ensemble.time.now < begun + 30_000) {
    member!.replica!.renew(alive);
    await ensemble.time.run(500);
    if (!isLeaderDead && ensemble.time.now > begun + 2000) {
      ensemble.leader()!.crash();
      isLeaderDead = true;
    }
  }
  const lived = ensemble.time.now - begun;
  assert.ok(lived > 5500 && lived < 12_000, `a new leader gives the full time again: it lived ${lived} ms`);
  assert.notEqual(machine.model(Leases).get(alive), undefined);
});

scenario(
  "a session opened under a leader that stays ends in its time, though its member says nothing of it",
  {},
  async (story) => {
    const { ensemble, open, until } = story;
    const [member] = ensemble.followers();
    const opened = await open(member!, 4000);
    const begun = ensemble.time.now;
    await until(() => member!.replica!.machine.model(Leases).get(opened) === undefined, 6000);
    assert.ok(ensemble.time.now - begun >= 4000, `it lived ${ensemble.time.now - begun} ms`);
  },
);

scenario("a stall of the leader's disk expires nobody, and its clients' writes go on", {}, async (story) => {
  const { ensemble, create, until } = story;
  const leader = ensemble.leader()!;
  leader.disk.stalledUntil = ensemble.time.now + 20_000;
  const attempt = create(leader, "/a");
  await until(() => attempt.outcome === "created", 2000); // the others' disks are a majority
});

scenario(
  "a member whose wall clock went back is heard all the same",
  {},
  async ({ ensemble, create, until, start }) => {
    const [member] = ensemble.followers();
    member!.crash();
    member!.nextRun = 1000;
    await start(member!);
    await until(() => ensemble.isSettled());
    const before = create(member!, "/before");
    await until(() => before.outcome === "created");
    member!.crash();
    member!.nextRun = 7;
    await start(member!);
    const after = [create(member!, "/after-1"), create(member!, "/after-2")];
    await until(() => after.every((attempt) => attempt.outcome === "created") && ensemble.isSettled());
    assertEqualStates(ensemble);
  },
);

scenario("a linearizable read sees every write acknowledged before it, on any member", {}, async (story) => {
  const { ensemble, set, create, until } = story;
  create(ensemble.members[0]!, "/a");
  for (let round = 0; round < 10; round++) {
    const writer = ensemble.members[round % 3]!;
    const reader = ensemble.members[(round + 1) % 3]!;
    const written = set(writer, "/a", `${round}`);
    await until(() => written.outcome === "updated");
    let seen: string | null | undefined;
    reader.replica!.readBarrier((error) => {
      assert.equal(error, null);
      seen = dataOf(reader, "/a");
    });
    await until(() => seen !== undefined);
    assert.equal(seen, `${round}`);
  }
});

scenario(
  "a stopping leader hands over: the next one leads without an election timeout",
  {},
  async ({ ensemble, until }) => {
    const leader = ensemble.leader()!;
    const term = leader.replica!.status.term;
    const begun = ensemble.time.now;
    void leader.replica!.stop();
    await until(() => ensemble.members.some((member) => member !== leader && member.replica!.status.role === "leader"));
    assert.ok(ensemble.time.now - begun < 200, `it took ${ensemble.time.now - begun} ms`);
    assert.ok(ensemble.leader()!.replica!.status.term > term);
  },
);
