// Linearizable reads that meet something on their way.

import assert from "node:assert/strict";
import { decodePeerMessage, encodeRaft } from "../../src/replica/peer-messages.ts";
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

scenario("a read for which the leader names an index that never comes is refused in ten seconds", {}, async (story) => {
  const { ensemble, create, until } = story;
  const leader = ensemble.leader()!.replica!;
  const [member] = ensemble.followers();
  // A leader that lies: it tells of an index that is not in its log.
  const onFrame = leader.onFrame.bind(leader);
  leader.onFrame = (from, frame) => {
    const decoded = decodePeerMessage(frame);
    if (decoded.kind !== "raft" || decoded.message.kind !== "read-request") return onFrame(from, frame);
    const { term, context } = decoded.message;
    member!.replica!.onFrame(leader.id, encodeRaft({ kind: "read-reply", term, context, index: 2 ** 50 }));
  };
  const answers: string[] = [];
  const began = ensemble.time.now;
  const read = (): void => {
    member!.replica!.readBarrier((error) =>
      answers.push(error === null ? "may read" : `${error.code}, ${error.outcome}: ${error.message}`),
    );
  };
  read();
  await until(() => answers.length > 0);
  const took = ensemble.time.now - began;
  assert.ok(took >= 9_900 && took <= 10_200, `${took} ms`);
  assert.deepEqual(answers, [
    `no-quorum, not-applied: this member did not get to entry ${2 ** 50}, which the leader named, in time`,
  ]);
  // It is none the worse for it.
  leader.onFrame = onFrame;
  const created = create(member!, "/after");
  await until(() => created.outcome === "created");
  read();
  await until(() => answers.length > 1);
  assert.equal(answers[1], "may read");
});
