// Two programs on the client library take turns with a lock and read all the time, and the one that holds it is cut off with its
// member: before the other is granted the lock, the first has stopped to count on it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { ClientLaws } from "../../src/sim/client-laws.ts";
import { ClientNetwork } from "../../src/sim/connections.ts";
import { SimulatedEnsemble } from "../../src/sim/ensemble.ts";
import { MemberLaws } from "../../src/sim/laws.ts";
import { LockProgram } from "../../src/sim/lock-program.ts";
import type { Tenure } from "../../src/sim/locker.ts";

const TICK_MS = 500;
const T = 2000;

for (const cutOff of ["a follower", "the leader"] as const) {
  for (const seed of [1, 2, 3]) {
    test(`whoever reads all the time from ${cutOff}, cut off, stops before another holds the lock (seed ${seed})`, async () => {
      const laws = new MemberLaws();
      const ensemble = new SimulatedEnsemble({ members: 3, seed, tickTimeMs: TICK_MS, observer: laws });
      const { time, random } = ensemble;
      const network = new ClientNetwork(time, random, { delayMinMs: 0.1, delayMaxMs: 2, splitProbability: 0 });
      for (const member of ensemble.members) member.onGone = (silently) => network.onGone(member, silently);
      const clientLaws = new ClientLaws({
        chronicle: laws.chronicle,
        now: () => time.now,
        clockRateMax: 1,
        keepsSessions: true,
        violate: (law, what) => laws.violate(law, what),
      });
      ensemble.start();
      assert.ok(await ensemble.settle());
      const member = cutOff === "the leader" ? ensemble.leader()! : ensemble.followers()[0]!;
      const tenures: Tenure[] = [];
      const program = (id: number, members: typeof ensemble.members, holdMs: number) =>
        new LockProgram({
          id,
          time,
          random: seededRandom(id),
          network,
          members,
          laws: clientLaws,
          sessionTimeoutMs: T,
          holdMs,
          readEveryMs: 20,
          clockRate: 1,
          clockRateMax: 1,
          onGranted: (tenure) => {
            for (const other of tenures) {
              if (other.endsAt() > time.now)
                laws.violate("one holder at a time", `program ${other.client} holds it as well`);
            }
            tenures.push(tenure);
          },
        });

      program(1, [member], 100 * T);
      assert.ok(await time.runUntil(() => tenures.length === 1, T));
      const others = ensemble.members.filter((other) => other !== member);
      program(2, others, 100 * T);
      await time.run(T);
      ensemble.partition(
        [member.id],
        others.map(({ id }) => id),
      );
      assert.ok(await time.runUntil(() => tenures.length === 2, 5 * T), "the other is granted it in the end");
      assert.deepEqual(laws.violations, []);
    });
  }
}
