// Sentences of the Raft paper ("In Search of an Understandable Consensus Algorithm", extended version) that the core
// rests on, one test each: figure 2, and what sections 5.2 to 5.5 say of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../../../src/consensus/index.ts";
import { entryOf } from "./entries.ts";
import { answer, append, at, elected, FOLLOWER, follower, requestVote } from "./paper-members.ts";
import { Stage } from "./stage.ts";

// ------------------------------------------------------------------------------------------------- figure 2: append

test("figure 2, append 1: an append of an older term is refused, with the term that made it old", () => {
  const stage = follower([1, 1], 3);
  const reply = answer(stage, 1, append(2, at(2, 1), [entryOf(3, 2, "x")]), "append-reply");
  assert.deepEqual([reply.matched, reply.term], [false, 3]);
  assert.deepEqual(stage.terms(FOLLOWER), [1, 1]);
});

test("figure 2, append 2: an append is refused where the log has no entry of that term at the previous index", () => {
  for (const previous of [at(3, 2), at(2, 2)]) {
    const reply = answer(follower([1, 1], 2), 1, append(2, previous, []), "append-reply");
    assert.equal(reply.matched, false, `previous ${previous.index}@${previous.term}`);
  }
});

test("figure 2, append 3: an entry that conflicts with a new one goes, and all that follow it", () => {
  const stage = follower([1, 1, 2, 2, 2], 2);
  const reply = answer(stage, 1, append(3, at(2, 1), [entryOf(3, 3, "x")]), "append-reply");
  assert.deepEqual([reply.matched, reply.index], [true, 3]);
  assert.deepEqual(stage.terms(FOLLOWER), [1, 1, 3]);
});

test("figure 2, append 4: entries already in the log stay, and so do those after them", () => {
  const stage = follower([1, 1, 2, 2], 2);
  const reply = answer(stage, 1, append(2, at(1, 1), [entryOf(2, 1, "e2t1"), entryOf(3, 2, "e3t2")]), "append-reply");
  assert.deepEqual([reply.matched, reply.index], [true, 3]);
  assert.deepEqual(stage.terms(FOLLOWER), [1, 1, 2, 2], "a delayed append must not shorten the log");
});

test("figure 2, append 5: the commit index follows the leader's, but not past the last new entry", () => {
  const stage = follower([1, 1, 1, 1], 2);
  answer(stage, 1, append(2, at(1, 1), [entryOf(2, 1, "e2t1")], 4), "append-reply");
  assert.equal(stage.raft(FOLLOWER).commitIndex, 2, "what follows was not compared with the leader's log");
  stage.input(FOLLOWER, { kind: "message", from: 1, message: append(2, at(4, 1), [], 3) });
  assert.equal(stage.raft(FOLLOWER).commitIndex, 3);
});

// --------------------------------------------------------------------------------------------------- figure 2: votes

test("figure 2, vote 1: a request of an older term is refused", () => {
  const reply = answer(follower([], 3), 1, requestVote(2, at(5, 2)), "vote");
  assert.deepEqual([reply.granted, reply.term], [false, 3]);
});

test("figure 2, vote 2: the vote goes to a candidate whose log is at least as up to date", () => {
  for (const last of [at(2, 2), at(3, 2), at(1, 3)]) {
    assert.equal(answer(follower([1, 2], 3), 1, requestVote(4, last), "vote").granted, true);
  }
  for (const last of [at(1, 2), at(9, 1)]) {
    assert.equal(answer(follower([1, 2], 3), 1, requestVote(4, last), "vote").granted, false);
  }
});

test("section 5.2: each member votes for at most one candidate in a term, the first that asks", () => {
  const stage = follower();
  assert.equal(answer(stage, 1, requestVote(1, at(0, 0)), "vote").granted, true);
  assert.equal(answer(stage, 3, requestVote(1, at(0, 0)), "vote").granted, false);
  assert.equal(answer(stage, 1, requestVote(1, at(0, 0)), "vote").granted, true, "the same one may ask again");
});

test("figure 2, state: the vote is remembered across a restart", () => {
  const stage = follower();
  assert.equal(answer(stage, 1, requestVote(1, at(0, 0)), "vote").granted, true);
  stage.crash(FOLLOWER);
  stage.restart(FOLLOWER);
  assert.equal(answer(stage, 3, requestVote(1, at(0, 0)), "vote").granted, false);
});

test("figure 2, state: nothing is answered before term, vote and entries are on stable storage", () => {
  const stage = follower();
  stage.input(FOLLOWER, { kind: "message", from: 1, message: requestVote(1, at(0, 0)) });
  assert.deepEqual(stage.letters, []);
  stage.persist(FOLLOWER);
  assert.equal(stage.letters.length, 1);
  stage.letters = [];
  stage.input(FOLLOWER, { kind: "message", from: 1, message: append(1, at(0, 0), [entryOf(1, 1, "x")]) });
  assert.deepEqual(stage.letters, []);
  stage.persist(FOLLOWER);
  assert.equal(stage.letters.length, 1);
});

// --------------------------------------------------------------------------------------------- figure 2: all servers

test("figure 2, all servers: a higher term in any request or answer makes a leader a follower of that term", () => {
  const inflated: Message[] = [
    { kind: "append-reply", term: 9, matched: false, index: 0, conflictTerm: 0, round: 0, incarnation: 22 },
    { kind: "vote", term: 9, pre: false, granted: false, standing: null, incarnation: 22 },
    { kind: "append", term: 9, previous: at(0, 0), entries: [], commitIndex: 0, round: 1 },
    { kind: "request-vote", term: 9, pre: false, last: at(9, 9), transfer: true, founding: null, incarnation: 11 },
    { kind: "timeout-now", term: 9 },
    { kind: "read-request", term: 9, context: 1 },
  ];
  for (const message of inflated) {
    const stage = elected();
    stage.input(1, { kind: "message", from: 2, message });
    assert.notEqual(stage.raft(1).role, "leader", message.kind);
    assert.ok(stage.raft(1).term >= 9, message.kind);
  }
});

// ---------------------------------------------------------------------------------------------- figure 2: candidates

test("figure 2, followers: one that hears from a leader in time never campaigns", () => {
  const stage = elected();
  for (let i = 0; i < 50; i++) {
    for (const id of [1, 2, 3]) stage.tick(id);
    stage.settle();
  }
  assert.equal(stage.raft(1).term, 1);
  assert.deepEqual(
    [2, 3].map((id) => stage.raft(id).role),
    ["follower", "follower"],
  );
});

test("figure 2, candidates: a candidate raises its term, votes for itself and asks all the others", () => {
  const stage = Stage.formed([1, 2, 3]);
  stage.campaign(1);
  stage.deliver(1, 2);
  stage.deliver(2, 1);
  assert.deepEqual([stage.raft(1).role, stage.raft(1).term], ["candidate", 1]);
  stage.letters = [];
  stage.persist(1);
  assert.deepEqual(stage.machines.get(1)?.disk.hardState.votedFor, 1);
  assert.deepEqual(
    stage.letters.map(({ to, message }) => `${to} ${message.kind}`),
    ["2 request-vote", "3 request-vote"],
  );
});

test("figure 2, candidates: an append of the new leader makes a candidate a follower", () => {
  const stage = Stage.formed([1, 2, 3]);
  stage.campaign(1);
  stage.deliver(1, 2);
  stage.deliver(2, 1);
  stage.input(1, { kind: "message", from: 3, message: append(1, at(0, 0), []) });
  assert.deepEqual([stage.raft(1).role, stage.raft(1).leader], ["follower", 3]);
});

test("figure 2, candidates: without a majority it tries again after another timeout", () => {
  const stage = Stage.formed([1, 2, 3]);
  stage.campaign(1);
  stage.deliver(1, 2);
  stage.deliver(2, 1);
  stage.persist(1);
  stage.letters = [];
  stage.tick(1, 20);
  assert.equal(stage.raft(1).role, "pre-candidate");
  stage.settle();
  assert.deepEqual([stage.raft(1).role, stage.raft(1).term], ["leader", 2]);
});

test("section 5.2: election timeouts are drawn from a fixed interval, so that they differ", () => {
  const waits = new Set<number>();
  for (let id = 1; id <= 20; id++) {
    const stage = Stage.formed([id, 100, 101]);
    stage.input(id, { kind: "message", from: 100, message: append(1, at(0, 0), []) });
    let ticks = 0;
    for (; stage.raft(id).role === "follower"; ticks++) stage.tick(id);
    assert.ok(ticks >= 10 && ticks < 20, `${ticks} ticks`);
    waits.add(ticks);
  }
  assert.ok(waits.size > 5, `only ${waits.size} different timeouts`);
});

// ------------------------------------------------------------------------------------------------- figure 2: leaders

test("figure 2, leaders: a new leader says so to everyone at once", () => {
  const stage = Stage.formed([1, 2, 3]);
  stage.campaign(1);
  stage.settle([2, 3]);
  stage.persist(2);
  stage.deliver(2, 1);
  const appends = stage.letters.filter(({ message }) => message.kind === "append");
  assert.deepEqual(
    appends.map(({ to }) => to),
    [2, 3],
  );
});

test("section 5.3: a leader brings a follower's log to equal its own, whatever it holds (figure 7)", () => {
  const leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  const followers: readonly (readonly number[])[] = [
    [1, 1, 1, 4, 4, 5, 5, 6, 6], // a
    [1, 1, 1, 4], // b
    [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], // c
    [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], // d
    [1, 1, 1, 4, 4, 4, 4], // e
    [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], // f
  ];
  for (const [i, log] of followers.entries()) {
    const stage = Stage.formed([1, 2, 3]);
    stage.giveLog(1, leader, 7);
    stage.giveLog(2, leader.slice(0, 5), 7);
    stage.giveLog(3, log, 7);
    stage.cut(1, 3); // its vote is not wanted: c and d would refuse it
    stage.campaign(1);
    stage.settle();
    assert.equal(stage.leader(), 1);
    stage.heal();
    stage.heartbeat(1);
    stage.heartbeat(1);
    assert.deepEqual(stage.terms(3), [...leader, 8], `follower ${"abcdef"[i]}`);
  }
});

test("section 5.3: a leader never overwrites or deletes entries of its own log", () => {
  const stage = elected();
  stage.propose(1, "x");
  const before = stage.terms(1);
  const message = append(1, at(0, 0), [entryOf(1, 1, "other")]);
  assert.deepEqual(stage.input(1, { kind: "message", from: 2, message }), [
    { kind: "refused", from: 2, why: "a second leader of term 1" },
  ]);
  assert.deepEqual(stage.terms(1), before);
});

test("section 5.3: an entry is committed once it is on a majority, and so is all before it", () => {
  const stage = elected();
  stage.isolate(3);
  stage.propose(1, "x");
  stage.propose(1, "y");
  stage.settle();
  assert.equal(stage.raft(1).commitIndex, 3);
  assert.equal(stage.state(2), "x y ");
});

test("section 5.3: committed entries survive and are applied in log order by everyone in time", () => {
  const stage = elected();
  stage.isolate(3);
  stage.propose(1, "x", "y", "z");
  stage.settle();
  stage.crash(1);
  stage.heal();
  for (const id of [2, 3]) stage.input(id, { kind: "unreachable", peer: 1 });
  stage.settle();
  assert.equal(stage.leader(), 2, "3 lacks what is committed and must not lead");
  assert.equal(stage.state(2), "x y z ");
  assert.equal(stage.state(3), "x y z ");
});

test("section 5.4.1: a candidate that lacks a committed entry cannot win", () => {
  const stage = elected();
  stage.isolate(3);
  stage.propose(1, "x");
  stage.settle();
  stage.crash(1);
  stage.heal();
  stage.input(2, { kind: "unreachable", peer: 1 });
  stage.letters = []; // 2 asked at once; it is silent from here on
  for (let i = 0; i < 5; i++) {
    stage.tick(3, 20);
    stage.deliver(3, 2);
    stage.deliver(2, 3);
    stage.persist(3);
  }
  assert.notEqual(stage.raft(3).role, "leader");
});

test("section 5.4.2: only entries of the leader's own term are committed by counting (figure 8)", () => {
  // As in (c): S1 led term 2 and wrote 2@2 to S2, S5 led term 3 and wrote 2@3 to itself, and now S1 leads again.
  const stage = Stage.formed([1, 2, 3, 4, 5], { appendBytesMax: 1 });
  for (const [id, log] of [[1, 2], [1, 2], [1], [1], [1, 3]].entries()) stage.giveLog(id + 1, log, 3);
  stage.campaign(1);
  for (const id of [2, 3]) {
    stage.deliver(1, id);
    stage.deliver(id, 1);
  }
  stage.persist(1);
  for (const id of [2, 3]) {
    stage.deliver(1, id);
    stage.persist(id);
    stage.deliver(id, 1);
  }
  assert.equal(stage.raft(1).role, "leader");
  stage.letters = stage.letters.filter(({ to }) => to === 3);
  stage.deliver(1, 3); // the term's first entry: S3 lacks what comes before
  stage.deliver(3, 1);
  stage.persist(1);
  stage.deliver(1, 3, 1); // 2@2
  stage.persist(3);
  stage.deliver(3, 1);
  stage.letters = [];
  assert.deepEqual(stage.terms(3), [1, 2]);
  const term = stage.raft(1).term;
  const holds: Message = {
    kind: "append-reply",
    term,
    matched: true,
    index: 2,
    conflictTerm: 0,
    round: 1,
    incarnation: 22,
  };
  stage.input(1, { kind: "message", from: 2, message: holds });
  assert.equal(stage.raft(1).commitIndex, 0, "2@2 is on three of five and yet not safe");

  // As in (d): S5 can still win and overwrite it everywhere.
  stage.crash(1);
  for (const id of [2, 3, 4]) stage.input(id, { kind: "unreachable", peer: 1 });
  stage.letters = [];
  for (let i = 0; i < 2; i++) {
    stage.campaign(5); // the first time it learns of term 4
    stage.settle();
  }
  assert.equal(stage.leader(), 5);
  assert.deepEqual(stage.terms(2).slice(0, 2), [1, 3]);
  assert.deepEqual(
    [2, 3, 4, 5].map((id) => stage.state(id)),
    new Array(4).fill("e1t1 e2t3 "),
  );
});

test("section 5.5: a request that comes twice does no harm", () => {
  const stage = follower([1], 1);
  const twice = append(1, at(1, 1), [entryOf(2, 1, "x")], 1);
  const first = answer(stage, 1, twice, "append-reply");
  const second = answer(stage, 1, twice, "append-reply");
  assert.deepEqual([first.index, second.index], [2, 2]);
  assert.deepEqual(stage.terms(FOLLOWER), [1, 1]);
});
