// Rules of the replica that guard rare orders of events: each as the shortest story that breaks without it.

import assert from "node:assert/strict";
import { RAFT } from "../../src/sim/kernel/ensemble.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { MembershipModel } from "../../src/state/membership/model.ts";
import { dataOf, leadAgain, scenario } from "./story.ts";

const TIMEOUT_MS = 4000;

scenario("a ping is answered once the leader has heard of it, whatever becomes of who answered", {}, async (story) => {
  const { ensemble, open, until } = story;
  const { time } = ensemble;
  const leader = ensemble.leader()!;
  const [member] = ensemble.followers();
  const session = await open(member!, TIMEOUT_MS);
  await time.run(3000);
  let isAnswered = false;
  member!.replica!.readBarrier((error) => {
    isAnswered = error === null;
  }, session);
  await until(() => isAnswered);
  member!.kill(); // it has passed on nothing else
  await time.run(TIMEOUT_MS - 200);
  assert.notEqual(leader.replica!.machine.model(Leases).get(session), undefined);
  await until(() => leader.replica!.machine.model(Leases).get(session) === undefined, 1000);
});

scenario("a member that leads once more ends sessions as it did the first time", {}, async (story) => {
  const { ensemble, open, until } = story;
  const leader = ensemble.leader()!;
  const isOver = (session: number): boolean => {
    const machine = ensemble.leader()?.replica?.machine;
    return machine !== undefined && machine.model(Leases).get(session) === undefined;
  };
  const first = await open(leader, TIMEOUT_MS);
  await until(() => isOver(first), 2 * TIMEOUT_MS);
  // It leads again, as the same process: what it counts, it counts anew for its new term.
  const others = ensemble.followers();
  ensemble.partition(
    [leader.id],
    others.map(({ id }) => id),
  );
  await until(() => others.some(({ replica }) => replica!.status.role === "leader"));
  ensemble.heal();
  await until(() => ensemble.isSettled());
  await leadAgain(story, leader);
  const second = await open(leader, TIMEOUT_MS);
  await until(() => isOver(second), 2 * TIMEOUT_MS);
});

scenario("who waits for a command hears that nobody can know, when its member stops", {}, async (story) => {
  const { ensemble, create, until } = story;
  const [member] = ensemble.followers();
  ensemble.partition(
    [member!.id],
    ensemble.members.filter((other) => other !== member).map(({ id }) => id),
  );
  const attempt = create(member!, "/a");
  void member!.replica!.stop({ graceMs: 100 });
  await until(() => attempt.outcome === "unknown", 2000);
});

scenario("what was lost with a connection is sent again as soon as there is another", {}, async (story) => {
  const { ensemble, create, until } = story;
  const leader = ensemble.leader()!;
  const [member] = ensemble.followers();
  for (let i = 0; i < 10; i++) {
    const attempt = create(member!, `/n${i}`);
    await ensemble.time.run(0.05); // it is on its way
    ensemble.network.reset(leader.id, member!.id);
    await until(() => attempt.outcome === "created", 500);
  }
});

scenario("a new leader waits for word of its voters before it gives a reconfiguration up", {}, async (story) => {
  const { ensemble, create, reconfigure, until } = story;
  const old = ensemble.leader()!;
  const [leaving, next] = ensemble.followers();
  const first = create(old, "/a");
  await until(() => first.outcome === "created" && ensemble.isSettled());
  // The leader has taken the request up, and dies before it has acted on it.
  const asked = reconfigure(next!, { leaving: String(leaving!.id) });
  await until(() => next!.replica!.machine.model(MembershipModel).pending !== null || asked.outcome !== "pending");
  old.kill();
  await until(() => ensemble.leader() !== undefined && ensemble.leader() !== old);
  await story.start(old);
  const isDone = (): boolean => ensemble.leader()?.replica?.status.configuration.members.length === 2;
  await until(isDone, 5000);
});

scenario(
  "a snapshot of its own that is being taken gives way to a leader's",
  { replica: { raft: { ...RAFT, tailBytesMax: 0 }, snapshotSliceBytes: 50 } },
  async (story) => {
    const { ensemble, create, set, until } = story;
    const leader = ensemble.leader()!;
    const [behind] = ensemble.followers();
    create(leader, "/a");
    for (let i = 0; i < 200; i++) create(leader, `/a/${i}`);
    await until(() => dataOf(behind!, "/a/199") !== undefined && ensemble.isSettled());
    // 1. It was cut off until its leader needs a snapshot to bring it up.
    const others = ensemble.members.filter((member) => member !== behind).map(({ id }) => id);
    ensemble.partition([behind!.id], others);
    await ensemble.time.run(6000);
    for (let i = 0; i < 2; i++) {
      const value = set(leader, "/a", `${i}`);
      await until(() => value.outcome === "updated");
      let isTaken = false;
      void leader.replica!.takeSnapshotNow().then(() => {
        isTaken = true;
      });
      await until(() => isTaken);
    }
    // 2. It is asked for one of its own, which takes a while, when the first part of the leader's has come.
    let refusal: string | null = null;
    ensemble.network.onArrival = (_from, to, bytes) => {
      if (to !== behind!.id || bytes < RAFT.snapshotChunkBytes || refusal !== null) return;
      refusal = "";
      behind!.replica!.takeSnapshotNow().catch((error: { code?: string }) => {
        refusal = `${error.code}`;
      });
    };
    ensemble.heal();
    await until(() => ensemble.isSettled());
    assert.equal(refusal, "overloaded");
    assert.equal(dataOf(behind!, "/a"), "1");
  },
);
