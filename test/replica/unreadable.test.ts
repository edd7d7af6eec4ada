import assert from "node:assert/strict";
import { bytesOf } from "../../src/base/text.ts";
import { encodePropose } from "../../src/replica/peer-messages.ts";
import { TreeModel } from "../../src/state/tree/model.ts";
import { assertEqualStates, dataOf, scenario } from "./story.ts";

scenario(
  "a committed command that cannot be read is nothing on every member, also after a restart",
  {},
  async (story) => {
    const { ensemble, create, set, until, start } = story;
    const leader = ensemble.leader()!;
    create(leader, "/n");
    // A bug of the leader's own encoder: nobody reads its own batches before they are in the log.
    const heard: string[] = [];
    leader.replica!.begin().raw(bytesOf("\u0001\u0063 no command"));
    leader.replica!.commit(leader.replica!.machine.model(TreeModel), {
      onOutcome: (outcome) => void heard.push(outcome.kind),
      onRefused: () => void heard.push("refused"),
    });
    const after = set(leader, "/n", "after");
    await until(() => after.outcome === "updated");
    assert.deepEqual(heard, ["rejected"]);
    await until(() => ensemble.isSettled());
    assertEqualStates(ensemble);
    for (const member of ensemble.members) {
      member.kill();
      await start(member);
    }
    await until(() => ensemble.isSettled());
    assertEqualStates(ensemble);
    assert.equal(dataOf(ensemble.members[0]!, "/n"), "after");
  },
);

scenario("what cannot be read is not put into the log, and costs its member the connection", {}, async (story) => {
  const { ensemble, create, until } = story;
  const leader = ensemble.leader()!;
  const [follower] = ensemble.followers();
  const hungUp: string[] = [];
  ensemble.network.onHangUp = (by, on, why) => void hungUp.push(`${by} on ${on}: ${why}`);
  const before = leader.replica!.status.lastIndex;
  for (const bytes of ["", "garbage", "\u0001".repeat(40), "\u00ff".repeat(26)]) {
    leader.replica!.onFrame(follower!.id, encodePropose(bytesOf(bytes)));
  }
  leader.replica!.onFrame(follower!.id, bytesOf("\u0063 no message"));
  leader.replica!.onFrame(77, encodePropose(bytesOf("a stranger's is not even read")));
  assert.equal(hungUp.length, 5);
  assert.ok(hungUp.every((line) => line.startsWith(`${leader.id} on ${follower!.id}: it `)));
  const created = create(follower!, "/after");
  await until(() => created.outcome === "created");
  await until(() => ensemble.isSettled());
  assert.ok(leader.replica!.status.lastIndex <= before + 3);
  assertEqualStates(ensemble);
});
