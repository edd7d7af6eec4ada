// The simulator, and with it the Raft core, replica, state, storage and ZooKeeper door that it runs, in a browser: bundled without any
// module of Node's, and run in a realm without Node's globals. A seed is the same there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Report, simulate } from "../../src/sim/simulation.ts";
import { bundled, runInBrowsersRealm } from "./support/bundle.ts";

interface Bundle {
  simulate(seed: number): Promise<Report>;
}

test("the simulator runs without Node, and equal seeds have equal traces there and here", async () => {
  const { simulate: simulateThere } = runInBrowsersRealm<Bundle>(await bundled("src/sim/simulation.ts"));
  for (const seed of [1, 2]) {
    const [here, there] = [await simulate(seed), await simulateThere(seed)];
    assert.deepEqual([...there.violations], [], `seed ${seed}`);
    assert.equal(there.traceHash, here.traceHash, `seed ${seed}`);
    assert.equal(there.events, here.events, `seed ${seed}`);
  }
});

test("a module of Node's in the bundle fails the build", async () => {
  await assert.rejects(
    bundled("src/adapters/storage/system-storage.ts"),
    /imports node:[a-z/]+: a browser has no such module/,
  );
});
