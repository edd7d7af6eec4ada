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

/** Who was brought up by a snapshot, and how far. */
const restored: [number, number][] = [];

scenario(
  "a snapshot that comes while a restarted member still applies its log takes the log's place",
  { observer: { onRestored: ({ id }, { appliedIndex }) => restored.push([id, appliedIndex]) } },
  async (story) => {
    const { ensemble, create, set, until, start } = story;
    restored.length = 0;
    const leader = ensemble.leader()!;
    const [behind] = ensemble.followers();
    const write = async (count: number): Promise<void> => {
      const attempts = Array.from({ length: count }, (_, i) => set(leader, "/n", `${i}`.padEnd(50_000)));
      await until(() => attempts.every(({ outcome }) => outcome === "updated"));
    };
    create(leader, "/n");
    // 1. What it has to apply when it is back takes many reads of a slow disk.
    for (let i = 0; i < 40; i++) await write(10);
    await until(() => ensemble.isSettled());
    behind!.kill();
    await ensemble.time.run(1000); // by then its leader keeps no log for it
    const mount = behind!.disk.mount.bind(behind!.disk);
    behind!.disk.mount = (clock) => {
      const files = mount(clock);
      const read = files.read.bind(files);
      files.read = async (...args) => {
        await new Promise<void>((resolve) => clock.after(200, resolve));
        return read(...args);
      };
      return files;
    };
    // 2. The others keep nothing of their logs that it would need.
    for (let round = 0; round < 3; round++) {
      await write(10);
      let taken = 0;
      for (const member of [leader, ...ensemble.followers()]) {
        void member.replica!.takeSnapshotNow().then(() => taken++);
      }
      await until(() => taken === 2);
    }
    // 3. The leader's snapshot overtakes it, and a read of the old log ends while the new one is being begun.
    behind!.disk.syncMinMs = 1000;
    behind!.disk.syncMaxMs = 3000;
    await start(behind!);
    await until(() => ensemble.isSettled());
    assert.equal(behind!.replica!.machine.hash(), leader.replica!.machine.hash());
    assert.deepEqual(restored.at(-1), [behind!.id, leader.replica!.status.snapshotIndex]);
  },
);
