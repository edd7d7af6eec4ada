import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../src/base/random.ts";
import { Raft } from "../../../src/consensus/raft/raft.ts";
import type { Effect } from "../../../src/consensus/raft/types.ts";

test("a member that is alone takes one term a start, however long its disk takes to remember the vote", () => {
  const members = [{ id: 1, role: "voter" as const, incarnation: 7, address: "" }];
  const raft = new Raft(
    {
      id: 1,
      incarnation: 7,
      electionTicks: 10,
      heartbeatTicks: 2,
      appendBytesMax: 1000,
      inflightBytesMax: 1000,
      inflightAppendsMax: 4,
      uncommittedBytesMax: 1000,
      tailBytesMax: 1000,
      snapshotChunkBytes: 100,
    },
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
