// Two programs on the client library take turns with a lock and read all the time, and the one that holds it is cut off with its
// member: before the other is granted the lock, the first has stopped to count on it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { ClientNetwork } from "../../src/sim/kernel/client-network.ts";
import { SimulatedEnsemble } from "../../src/sim/kernel/ensemble.ts";
import { MemberInvariants } from "../../src/sim/kernel/member-invariants.ts";
import { ClientInvariants } from "../../src/sim/zookeeper/client-invariants.ts";
import { zooKeeperDoor } from "../../src/sim/zookeeper/door.ts";
import { LibraryLockClient } from "../../src/sim/zookeeper/library-lock-client.ts";
import type { LockGrant } from "../../src/sim/zookeeper/lock-invariants.ts";
import { ReferenceTree } from "../../src/sim/zookeeper/reference-tree.ts";

const TICK_MS = 500;
const T = 2000;

for (const cutOff of ["a follower", "the leader"] as const) {
  for (const seed of [1, 2, 3]) {
    test(`whoever reads all the time from ${cutOff}, cut off, stops before another holds the lock (seed ${seed})`, async () => {
      const invariants = new MemberInvariants();
      const ensemble = new SimulatedEnsemble({
        members: 3,
        seed,
        tickTimeMs: TICK_MS,
        doors: [zooKeeperDoor()],
        observer: invariants,
      });
      const { time, random } = ensemble;
      const network = new ClientNetwork(time, random, { delayMinMs: 0.1, delayMaxMs: 2, splitProbability: 0 });
      for (const member of ensemble.members) member.onGone = (silently) => network.onGone(member, silently);
      const clientInvariants = new ClientInvariants({
        tree: new ReferenceTree(invariants.reference),
        now: () => time.now,
        clockRateMax: 1,
        keepsSessions: true,
        violate: (invariant, what) => invariants.violate(invariant, what),
      });
      ensemble.start();
      assert.ok(await ensemble.settle());
      const member = cutOff === "the leader" ? ensemble.leader()! : ensemble.followers()[0]!;
      const grants: LockGrant[] = [];
      const program = (id: number, members: typeof ensemble.members, holdMs: number) =>
        new LibraryLockClient({
          id,
          time,
          random: seededRandom(id),
          network,
          members,
          invariants: clientInvariants,
          sessionTimeoutMs: T,
          holdMs,
          readEveryMs: 20,
          clockRate: 1,
          clockRateMax: 1,
          onGranted: (grant) => {
            for (const other of grants) {
              if (other.endsAt() > time.now)
                invariants.violate("one holder at a time", `program ${other.client} holds it as well`);
            }
            grants.push(grant);
          },
        });

      program(1, [member], 100 * T);
      assert.ok(await time.runUntil(() => grants.length === 1, T));
      const others = ensemble.members.filter((other) => other !== member);
      program(2, others, 100 * T);
      await time.run(T);
      ensemble.partition(
        [member.id],
        others.map(({ id }) => id),
      );
      assert.ok(await time.runUntil(() => grants.length === 2, 5 * T), "the other is granted it in the end");
      assert.deepEqual(invariants.violations, []);
    });
  }
}
