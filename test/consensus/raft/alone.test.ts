import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../src/base/random.ts";
import { Raft } from "../../../src/consensus/raft/raft.ts";
import type { Effect, Message, RecoveredState } from "../../../src/consensus/raft/types.ts";

const options = {
  id: 1,
  incarnation: 7,
  electionTicks: 10,
  heartbeatTicks: 2,
  appendBytesMax: 1000,
  inflightBytesMax: 1000,
  inflightAppendsMax: 4,
  uncommittedBytesMax: 1000,
  tailBytesMax: 1000,
  thoroughChecks: true,
  snapshotChunkBytes: 100,
};

test("a member that is alone takes one term a start, however long its disk takes to remember the vote", () => {
  const members = [{ id: 1, role: "voter" as const, incarnation: 7, description: "" }];
  const raft = new Raft(
    options,
    {
      hardState: { term: 5, votedFor: 1, commitIndex: 0 },
      snapshot: { index: 9, term: 5, configuration: { cluster: 3, members, outgoing: [] } },
      lastIndex: 9,
      termStarts: [],
      configurations: [],
    },
    seededRandom(1),
  );
  const effects: Effect[] = [];
  for (let tick = 0; tick < 100; tick++) effects.push(...raft.step({ kind: "tick" }));
  const persists = effects.filter((effect) => effect.kind === "persist");
  assert.equal(raft.term, 6);
  for (const { sequence } of persists) raft.step({ kind: "persisted", sequence });
  assert.equal(raft.role, "leader");
  assert.equal(raft.term, 6);
});

test("a member that knows that it has lost its data begins no ensemble, and helps nobody to begin one", () => {
  const members = [1, 2, 3].map((id) => ({ id, role: "voter" as const, incarnation: 0, description: "" }));
  const nothing: RecoveredState = {
    hardState: { term: 0, votedFor: null, commitIndex: 0 },
    snapshot: { index: 0, term: 0, configuration: { cluster: 0, members, outgoing: [] } },
    lastIndex: 0,
    termStarts: [],
    configurations: [],
  };
  const asked: Message = {
    kind: "request-vote",
    term: 1,
    pre: true,
    last: { index: 0, term: 0 },
    transfer: false,
    founding: { voters: [1, 2, 3], cluster: 0 },
    incarnation: 0,
  };
  for (const mayFound of [true, false]) {
    const raft = new Raft({ ...options, mayFound }, nothing, seededRandom(1));
    const answers = raft.step({ kind: "message", from: 2, message: asked });
    for (let tick = 0; tick < 100; tick++) raft.step({ kind: "tick" });
    assert.equal(raft.role, mayFound ? "pre-candidate" : "follower");
    const answer = answers.find((effect) => effect.kind === "send")?.message;
    assert.ok(answer?.kind === "vote");
    assert.deepEqual([answer.granted, answer.standing], mayFound ? [true, "blank"] : [false, "lost-data"]);
  }
});
