// How long a session lives, whatever befalls the member that keeps its time.

import assert from "node:assert/strict";
import { scenario } from "./story.ts";

const TIMEOUT_MS = 4000;

scenario("a leader that was cut off ends nobody once it is back, who was heard by the others", {}, async (story) => {
  const { ensemble, open, until } = story;
  const old = ensemble.leader()!;
  const [member, other] = ensemble.followers();
  const session = await open(member!, TIMEOUT_MS);
  const begun = ensemble.time.now;
  await ensemble.time.run(TIMEOUT_MS - 150);
  ensemble.partition([old.id], [member!.id, other!.id]);
  const { machine } = member!.replica!;
  while (ensemble.time.now < begun + 3 * TIMEOUT_MS) {
    member!.replica!.renew(session);
    await ensemble.time.run(200);
  }
  assert.notEqual(machine.lease(session), undefined, "it was heard all the time");
  ensemble.heal();
  await until(() => ensemble.isSettled());
  for (let i = 0; i < 10; i++) {
    member!.replica!.renew(session);
    await ensemble.time.run(200);
  }
  assert.notEqual(machine.lease(session), undefined, "it was heard all the time");
});
