// Sentences of the Raft paper that the core rests on, one test each: sections 6 to 8, changes of members, snapshots, clients.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect, Message, SnapshotMeta } from "../../../src/consensus/index.ts";
import { bytesOf, configurationEntry } from "./entries.ts";
import { answer, append, at, elected, FOLLOWER, follower, requestVote } from "./paper-members.ts";
import type { Stage } from "./stage.ts";

// ------------------------------------------------------------------------------------------------ section 6: members

test("section 6: a member uses the latest configuration in its log, committed or not", () => {
  const stage = follower();
  const members = stage.raft(FOLLOWER).configuration.members.slice(0, 2);
  const configuration = { cluster: 7, members, outgoing: [] };
  answer(stage, 1, append(1, at(0, 0), [configurationEntry(1, 1, configuration)]), "append-reply");
  assert.equal(stage.raft(FOLLOWER).commitIndex, 0);
  assert.deepEqual(stage.raft(FOLLOWER).configuration, configuration);
});

test("section 6: while the change lasts, commits need majorities of the old and of the new configuration", () => {
  const record = (id: number) => ({ id, role: "voter" as const, incarnation: id * 11, description: "" });
  for (const down of [
    [4, 5],
    [2, 3],
  ] as const) {
    const each = elected();
    for (const id of [4, 5]) each.add(id, id * 11);
    for (const id of down) each.isolate(id);
    each.change(1, [1, 4, 5].map(record));
    each.settle();
    each.heartbeat(1);
    assert.ok(each.raft(1).commitIndex < each.raft(1).lastIndex, `without ${down.join(" and ")}`);
  }
});

test("section 6: servers disregard requests for votes while they believe that a leader exists", () => {
  const stage = elected();
  const { term } = stage.raft(FOLLOWER);
  stage.letters = [];
  stage.input(FOLLOWER, { kind: "message", from: 3, message: requestVote(term + 5, at(9, term)) });
  assert.equal(stage.raft(FOLLOWER).term, term, "it does not even take over the term");
  assert.deepEqual(stage.letters, []);
});

test("section 6: a leader that is not in the new configuration steps down once that is committed", () => {
  const stage = elected();
  const members = stage.raft(1).configuration.members.filter(({ id }) => id !== 1);
  stage.isolate(3);
  stage.isolate(2);
  stage.change(1, members);
  stage.persist(1);
  assert.equal(stage.raft(1).role, "leader", "it leads until then, and does not count itself");
  stage.letters = [];
  stage.heal();
  stage.heartbeat(1);
  stage.heartbeat(1);
  assert.equal(stage.raft(1).role, "follower");
  assert.ok(stage.leader() === 2 || stage.leader() === 3);
});

// ------------------------------------------------------------------------------------------- sections 7 and 8: others

test("section 7: where the log holds the snapshot's last entry, what follows it is kept", () => {
  const stage = follower([1, 1, 1, 1], 1);
  const { configuration } = stage.raft(FOLLOWER);
  const effects = chunk(stage, { index: 2, term: 1, configuration });
  assert.ok(!effects.some(({ kind }) => kind === "write-snapshot"));
  assert.deepEqual(stage.terms(FOLLOWER), [1, 1, 1, 1]);
});

test("section 7: where the log differs from the snapshot, all of it goes", () => {
  const stage = follower([1, 1, 1, 1], 1);
  const { configuration } = stage.raft(FOLLOWER);
  const effects = chunk(stage, { index: 3, term: 2, configuration });
  assert.ok(effects.some(({ kind }) => kind === "write-snapshot"));
  stage.persist(FOLLOWER);
  assert.deepEqual([stage.raft(FOLLOWER).firstIndex, stage.raft(FOLLOWER).lastIndex], [4, 3]);
  assert.equal(stage.state(FOLLOWER), "state");
});

function chunk(stage: Stage, snapshot: SnapshotMeta): Effect[] {
  const data = bytesOf("state");
  const message: Message = { kind: "snapshot", term: 2, snapshot, offset: 0, data, done: true, round: 1 };
  return stage.input(FOLLOWER, { kind: "message", from: 1, message });
}

test("section 7: a snapshot that became durable before the term it came in is a start like any other", () => {
  const stage = follower([1], 1);
  const { configuration } = stage.raft(FOLLOWER);
  const { disk } = stage.machines.get(FOLLOWER)!;
  disk.restart({ meta: { index: 5, term: 4, configuration }, data: bytesOf("state") });
  stage.crash(FOLLOWER);
  stage.restart(FOLLOWER);
  assert.deepEqual([stage.raft(FOLLOWER).term, stage.raft(FOLLOWER).commitIndex], [4, 5]);
  assert.equal(answer(stage, 3, requestVote(4, at(5, 4)), "vote").granted, true, "it cannot have voted in that term");
});

test("section 8: a leader commits an entry of its own at the start of its term, without being asked", () => {
  const stage = elected();
  assert.equal(stage.raft(1).commitIndex, 1);
  assert.equal(stage.raft(1).termAt(1), 1);
});

test("section 8: a leader exchanges messages with a majority before it answers a read", () => {
  const stage = elected();
  stage.take();
  stage.read(1, 4);
  assert.ok(!stage.lines.some((line) => line.includes("may read")));
  stage.settle();
  assert.ok(stage.lines.includes("1 may read 4 at 1"));
});
