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
