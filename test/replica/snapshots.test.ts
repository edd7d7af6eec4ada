// What a member remembers by its snapshots.

import assert from "node:assert/strict";
import { scenario } from "./story.ts";

scenario(
  "a snapshot carries the configuration of its index, not one after it that is taken back",
  { members: 5 },
  async ({ ensemble, create, until, start }) => {
    const old = ensemble.leader()!;
    const [wiped, ...others] = ensemble.followers();
    const first = create(old, "/a");
    await until(() => first.outcome === "created" && ensemble.isSettled());
    // 1. The leader is about to take the vote from a disk that was lost, and reaches nobody with it.
    const { configuration } = old.replica!.status;
    wiped!.wipe();
    await start(wiped!);
    await until(() => old.replica!.status.configuration !== configuration);
    ensemble.partition(
      [old.id, wiped!.id],
      others.map(({ id }) => id),
    );
    wiped!.kill();
    // 2. It takes a snapshot of what was before, and is killed.
    let isTaken = false;
    void old.replica!.takeSnapshotNow().then(() => {
      isTaken = true;
    });
    await until(() => isTaken);
    old.kill();
    ensemble.heal();
    await until(() => ensemble.leader() !== undefined);
    // 3. What it goes by when it is back is what the others go by.
    await start(old);
    await until(() => old.replica!.status.leader === ensemble.leader()?.id && ensemble.isSettled());
    assert.deepEqual(old.replica!.status.configuration, ensemble.leader()!.replica!.status.configuration);
    assert.deepEqual(old.replica!.status.configuration.outgoing, []);
  },
);

scenario("a large state is written in slices, small against a heartbeat", {}, async (story) => {
  const { ensemble, create, set, until } = story;
  const leader = ensemble.leader()!;
  const values = Array.from({ length: 40 }, (_, i) => {
    create(leader, `/n${i}`);
    return set(leader, `/n${i}`, "x".repeat(50_000));
  });
  await until(() => values.every(({ outcome }) => outcome === "updated") && ensemble.isSettled());
  const { machine } = leader.replica!;
  const slices: number[] = [];
  const begin = machine.beginSnapshot.bind(machine);
  machine.beginSnapshot = () => {
    const view = begin();
    const next = view.next.bind(view);
    view.next = (target) => {
      const slice = next(target);
      slices.push(slice?.length ?? 0);
      return slice;
    };
    return view;
  };
  let isTaken = false;
  void leader.replica!.takeSnapshotNow().then(() => {
    isTaken = true;
  });
  await until(() => isTaken);
  assert.ok(slices.length > 10, `${slices.length} slices`);
  assert.ok(Math.max(...slices) < 256 * 1024, `a slice of ${Math.max(...slices)} bytes`);
});
