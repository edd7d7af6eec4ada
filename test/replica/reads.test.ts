// Linearizable reads that meet something on their way.

import assert from "node:assert/strict";
import { dataOf, scenario } from "./story.ts";

scenario("a read whose leader dies is answered by the next one", {}, async ({ ensemble, create, until }) => {
  const [member] = ensemble.followers();
  const created = create(member!, "/a");
  await until(() => created.outcome === "created");
  let isAnswered = false;
  member!.replica!.readBarrier((error) => {
    assert.equal(error, null);
    assert.notEqual(dataOf(member!, "/a"), undefined);
    isAnswered = true;
  });
  ensemble.leader()!.kill();
  await until(() => isAnswered, 5000);
});
