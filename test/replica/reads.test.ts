// Linearizable reads that meet something on their way.

import assert from "node:assert/strict";
import { RAFT } from "../../src/sim/ensemble.ts";
import type { SimulatedMember } from "../../src/sim/member.ts";
import { dataOf, scenario } from "./story.ts";

/** What a linearizable read shows; undefined until it was answered. */
function read(member: SimulatedMember, path: string): { shown: string | null | undefined } {
  const made: { shown: string | null | undefined } = { shown: undefined };
  member.replica!.readBarrier((error) => {
    assert.equal(error, null);
    made.shown = dataOf(member, path) ?? null;
  });
  return made;
}

scenario(
  "a member that has yet to read its log answers when the state is as far as the leader was",
  { replica: { raft: { ...RAFT, tailBytesMax: 0 } }, segmentBytes: 256 * 1024 },
  async ({ ensemble, create, set, until, start }) => {
    const [member] = ensemble.followers();
    const leader = ensemble.leader()!;
    create(leader, "/a");
    await until(() => ensemble.isSettled());
    for (let round = 0; round < 200; round++) {
      const written = set(leader, "/a", `${round}`);
      await until(() => written.outcome === "updated");
    }
    await until(() => ensemble.isSettled());
    member!.kill();
    const last = set(leader, "/a", "last");
    await until(() => last.outcome === "updated");
    await start(member!);
    const made = read(member!, "/a");
    await until(() => made.shown !== undefined);
    assert.equal(made.shown, "last");
  },
);

scenario("a read whose leader dies is answered by the next one", {}, async ({ ensemble, create, until }) => {
  const [member] = ensemble.followers();
  const created = create(member!, "/a");
  await until(() => created.outcome === "created");
  const made = read(member!, "/a");
  ensemble.leader()!.kill();
  await until(() => made.shown !== undefined, 5000);
});
