// Ways in which other Raft implementations have failed, each as a story that must end well here. docs/pitfalls.md maps the rows
// of the list to these and to the scripts.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemberId, Message } from "../../../src/consensus/index.ts";
import { bytesOf } from "./entries.ts";
import { append, elected, live, record } from "./pitfall-stages.ts";
import { Stage } from "./stage.ts";

test("1: no configuration change before the term's first commit, so two leaders cannot each complete one", () => {
  // The schedule that broke single-server changes: S1 adds S5 on its own in term 1, S2 removes S1 in term 2 with half of
  // the others, S1 comes back in term 3 and completes its change with the other half.
  const stage = elected([1, 2, 3, 4]);
  stage.add(5, 55);
  for (const id of [2, 3, 4]) stage.isolate(id);
  stage.change(1, [1, 2, 3, 4, 5].map(record));
  stage.persist(1);
  stage.crash(1);
  stage.letters = [];
  stage.heal();
  for (const id of [3, 4, 2]) stage.input(id, { kind: "unreachable", peer: 1 });
  stage.settle([3, 4]);
  for (const id of [3, 4]) stage.persist(id);
  stage.deliver(3, 2);
  stage.deliver(4, 2);
  assert.equal(stage.raft(2).role, "leader");
  stage.change(2, [2, 3, 4].map(record));
  assert.deepEqual(
    stage.raft(2).configuration.members.map(({ id }) => id),
    [1, 2, 3, 4],
    "its first entry is not committed",
  );
  stage.settle();
  stage.change(2, [2, 3, 4].map(record));
  stage.settle();
  stage.restart(1);
  live(stage, 40);
  const states = [2, 3, 4].map((id) => stage.raft(id).configuration.members.map((member) => member.id));
  assert.deepEqual(states, [
    [2, 3, 4],
    [2, 3, 4],
    [2, 3, 4],
  ]);
  assert.equal(stage.leader() === 1, false);
});

test("2: at whatever write it crashes, a member votes for one candidate a term", () => {
  const request = (term: number): Message => ({
    kind: "request-vote",
    term,
    pre: false,
    last: { index: 0, term: 0 },
    transfer: false,
    founding: null,
    incarnation: 22,
  });
  for (let crashAt = 0; crashAt < 8; crashAt++) {
    const stage = Stage.formed([1, 2, 3]);
    let done = 0;
    const step = (happens: () => void): void => {
      if (done++ === crashAt) {
        stage.crash(2);
        stage.restart(2);
      }
      happens();
    };
    step(() => stage.input(2, { kind: "message", from: 1, message: request(1) }));
    step(() => stage.persist(2));
    step(() => stage.input(2, { kind: "message", from: 3, message: request(1) }));
    step(() => stage.persist(2));
    step(() => stage.input(2, { kind: "message", from: 1, message: request(1) }));
    step(() => stage.persist(2));
    step(() => stage.campaign(2));
    step(() => stage.persist(2));
    const voted = stage.letters.filter(
      ({ message }) => message.kind === "vote" && message.granted && message.term === 1,
    );
    assert.ok(
      new Set(voted.map(({ to }) => to)).size <= 1,
      `crash at ${crashAt}: voted for ${voted.map(({ to }) => to)}`,
    );
  }
});

test("2: a candidate asks for no vote before its own is durable", () => {
  const stage = Stage.formed([1, 2, 3]);
  stage.campaign(1);
  stage.deliver(1, 2);
  stage.deliver(2, 1);
  assert.equal(stage.raft(1).role, "candidate");
  stage.tick(1, 9); // nor when it asks again
  const asked = stage.letters.filter(({ message }) => message.kind === "request-vote" && !message.pre);
  assert.deepEqual(asked, []);
});

test("3: an append is acknowledged when it is durable, by the leader for itself as well", () => {
  const alone = Stage.formed([1]);
  alone.tick(1);
  alone.settle();
  alone.propose(1, "x");
  assert.equal(alone.raft(1).commitIndex, 1);
  alone.persist(1);
  assert.equal(alone.raft(1).commitIndex, 2);

  const stage = elected();
  stage.propose(1, "x");
  stage.settle([2, 3]);
  assert.equal(stage.raft(1).commitIndex, 1, "only the leader's own copy is durable");
  stage.heartbeat(1); // the answers to it say how far the disk is, not the log
  assert.equal(stage.raft(1).commitIndex, 2);
});

test("3: heartbeats answered while the disk is busy do not acknowledge what is on its way to it", () => {
  const stage = elected();
  stage.propose(1, "x");
  stage.tick(1, 3);
  stage.settle([2, 3]);
  assert.equal(stage.raft(1).commitIndex, 1);
  assert.equal(stage.raft(1).hasQuorumContact, true, "but they are contact");
});

test("5: a new leader that nobody writes to serves a linearizable read", () => {
  const stage = elected();
  stage.crash(1);
  for (const id of [3, 2]) stage.input(id, { kind: "unreachable", peer: 1 });
  stage.settle();
  stage.take();
  stage.read(2, 9);
  stage.settle();
  assert.ok(stage.lines.includes("2 may read 9 at 2"));
});

test("7: an answer to what a leader sent in an earlier term confirms no round of its present one", () => {
  const stage = elected();
  for (let i = 0; i < 5; i++) stage.heartbeat(1); // its rounds run up
  stage.tick(1, 3);
  const old = stage.letters.filter(({ to }) => to === 2);
  assert.equal(old.length, 1);
  stage.letters = [];
  stage.input(1, { kind: "transfer", to: 3 });
  stage.settle();
  stage.input(3, { kind: "transfer", to: 1 });
  stage.settle();
  assert.equal(stage.leader(), 1);
  stage.take();
  for (const id of [2, 3]) stage.cut(1, id);
  stage.read(1, 5);
  stage.letters = [...old]; // late, but not lost
  stage.heal();
  stage.once();
  stage.deliver(2, 1);
  assert.ok(!stage.take().includes("1 may read 5 at 3"));
});

test("9: a member that comes back from a long isolation changes neither term nor leader", () => {
  const stage = elected();
  stage.isolate(3);
  live(stage, 100);
  stage.heal();
  live(stage, 30);
  assert.deepEqual([stage.leader(), stage.raft(1).term, stage.raft(3).leader], [1, 1, 1]);
});

test("9: a member whose term ran ahead is not ignored for ever: the leader takes a new term to reach it", () => {
  const stage = elected();
  stage.machines.get(3)!.disk.hardState = { term: 8, votedFor: 3, commitIndex: 1 }; // a candidate once, cut off since
  stage.crash(3);
  stage.restart(3);
  live(stage, 60);
  assert.ok(stage.leader() !== null);
  assert.ok(stage.raft(1).term >= 8);
  assert.equal(new Set([1, 2, 3].map((id) => stage.raft(id).leader)).size, 1);
});

test("11: whichever links of three members are cut, there is progress wherever two reach each other", () => {
  const links: readonly [MemberId, MemberId][] = [[1, 2], [2, 1], [1, 3], [3, 1], [2, 3], [3, 2]]; // biome-ignore format: a table
  for (let subset = 0; subset < 64; subset++) {
    const stage = elected();
    const cut = links.filter((_, i) => subset & (1 << i));
    for (const [from, to] of cut) stage.cut(from, to);
    const isOpen = (from: MemberId, to: MemberId): boolean => !cut.some(([a, b]) => a === from && b === to);
    const isConnected = ([from, to]: readonly [MemberId, MemberId]): boolean => isOpen(from, to) && isOpen(to, from);
    if (!links.some(isConnected)) continue;
    live(stage, 60);
    const before = Math.max(...[1, 2, 3].map((id) => stage.raft(id).commitIndex));
    for (let i = 0; i < 4; i++) {
      for (const id of [1, 2, 3]) if (stage.raft(id).role === "leader") stage.propose(id, `x${i}`);
      live(stage, 10);
    }
    const after = Math.max(...[1, 2, 3].map((id) => stage.raft(id).commitIndex));
    assert.ok(after > before, `nothing is committed with ${cut.map((link) => link.join(">")).join(" ")} cut`);
  }
});

test("12: a snapshot that one leader began is not continued with another leader's bytes", () => {
  const stage = elected();
  const snapshot = { index: 9, term: 1, configuration: stage.raft(1).configuration };
  const chunk = (term: number, offset: number, text: string, done: boolean): Message => {
    return { kind: "snapshot", term, snapshot, offset, data: bytesOf(text), done, round: 1 };
  };
  stage.input(3, { kind: "message", from: 1, message: chunk(1, 0, "the first leader's ", false) });
  stage.persist(3);
  stage.input(3, { kind: "message", from: 2, message: chunk(2, 19, "the end", true) });
  stage.persist(3);
  assert.notEqual(stage.state(3), "the first leader's the end");
  stage.input(3, { kind: "message", from: 2, message: chunk(2, 0, "the second leader's ", false) });
  stage.persist(3);
  stage.input(3, { kind: "message", from: 2, message: chunk(2, 20, "end", true) });
  stage.persist(3);
  assert.equal(stage.state(3), "the second leader's end");
});

test("13: no append, however old or wrong, takes back what a follower knows to be committed", () => {
  const stage = elected();
  stage.propose(1, "x", "y", "z");
  stage.settle();
  const term = stage.raft(1).term;
  assert.equal(stage.raft(2).commitIndex, 4);
  for (const message of [
    append(term, [0, 0], [[1, term]]),
    append(term, [1, term], [[2, term]]),
    append(term - 1, [1, term - 1], [[2, term - 1]]),
    append(term + 1, [0, 0], [[1, term + 1], [2, term + 1]]), // biome-ignore format: a table
  ]) {
    stage.input(2, { kind: "message", from: 3, message: message as Message });
    stage.settle();
    assert.equal(stage.raft(2).commitIndex >= 4, true);
    assert.deepEqual(stage.terms(2).slice(0, 4), [term, term, term, term]);
    assert.equal(stage.state(2), "x y z ");
  }
});

test("14: a write that ends after its entries were overwritten makes nothing of the new ones durable", () => {
  const stage = Stage.formed([1, 2, 3]);
  const heartbeat = (round: number): Message => ({ ...append(2, [2, 2], []), round }) as Message;
  const acknowledged = (): number[] =>
    stage.letters.flatMap(({ message }) =>
      message.kind === "append-reply" && message.term === 2 && message.matched ? [message.index] : [],
    );
  // Three writes are under way: the entries of term 1, the term of a new leader, and its entry in place of the second.
  stage.input(2, {
    kind: "message",
    from: 1,
    message: append(
      1,
      [0, 0],
      [
        [1, 1],
        [2, 1],
      ],
    ),
  });
  stage.input(2, { kind: "message", from: 3, message: append(2, [1, 1], []) });
  stage.input(2, { kind: "message", from: 3, message: append(2, [1, 1], [[2, 2]]) });
  stage.persist(2, 2);
  stage.input(2, { kind: "message", from: 3, message: heartbeat(2) });
  assert.deepEqual(acknowledged(), [0, 1], "the second entry of term 2 is not durable, whatever that of term 1 was");
  stage.persist(2);
  stage.input(2, { kind: "message", from: 3, message: heartbeat(3) });
  assert.equal(acknowledged().at(-1), 2);
});

test("14: entries read from the disk before they were overwritten are not sent to anyone", () => {
  const stage = Stage.formed([1, 2, 3]);
  stage.giveLog(1, [1, 1, 1]);
  stage.giveLog(2, [1, 1, 1]);
  const winElection = (): void => {
    stage.campaign(1);
    for (let i = 0; i < 3 && stage.raft(1).role !== "leader"; i++) {
      stage.deliver(1, 2);
      for (const id of [1, 2]) stage.persist(id);
      stage.deliver(2, 1);
    }
    assert.equal(stage.raft(1).role, "leader");
  };
  winElection();
  const stale = stage.machines.get(1)!.disk.entries.slice();
  const { term } = stage.raft(1);
  stage.input(1, { kind: "message", from: 3, message: append(term + 1, [1, 1], [[2, term + 1]]) });
  stage.persist(1);
  stage.letters = [];
  stage.input(2, { kind: "message", from: 3, message: append(term + 1, [1, 1], [[2, term + 1]]) });
  stage.input(2, { kind: "unreachable", peer: 3 });
  stage.persist(2);
  stage.letters = [];
  winElection();
  const refusal: Message = { kind: "append-reply", term: stage.raft(1).term, matched: false, index: 0, conflictTerm: 0, round: 1, incarnation: 33 }; // biome-ignore format: a line
  const effects = stage.input(1, { kind: "message", from: 3, message: refusal });
  assert.ok(
    effects.some(({ kind }) => kind === "fetch"),
    "the first entry is on the disk only",
  );
  stage.letters = [];
  stage.input(1, { kind: "fetched", to: 3, from: 1, entries: stale });
  assert.deepEqual(stage.letters, []);
});

test("15: a configuration is in force from its append on, also after a restart before its commit", () => {
  for (const isDurable of [true, false]) {
    const stage = elected();
    stage.change(1, [1, 2].map(record));
    stage.deliver(1, 2);
    assert.equal(stage.raft(2).configuration.outgoing.length, 3);
    if (isDurable) stage.persist(2);
    stage.crash(2);
    stage.restart(2);
    assert.equal(stage.raft(2).configuration.outgoing.length, isDurable ? 3 : 0);
  }
});

test("16: at whatever step of a change the leader dies, the joint phase ends", () => {
  let last = 0;
  for (let steps = 0; ; steps++) {
    const stage = elected([1, 2, 3, 4, 5]);
    stage.change(1, [1, 2, 3].map(record));
    let done = 0;
    while (done < steps && stage.once()) done++;
    if (done < steps) break;
    stage.crash(1);
    live(stage, 60);
    const leader = stage.leader();
    assert.ok(leader !== null, `nobody leads after ${steps} steps`);
    const { members, outgoing } = stage.raft(leader).configuration;
    assert.deepEqual(outgoing, [], `still joint after ${steps} steps`);
    assert.ok(members.length === 3 || members.length === 5);
    stage.restart(1);
    live(stage, 60);
    assert.deepEqual(stage.raft(1).configuration, stage.raft(stage.leader()!).configuration);
    last = members.length;
  }
  assert.equal(last, 3, "the last steps come after its commit");
});

test("18: a member crashes in the middle of its removal from two, and the other goes on alone", () => {
  const lengths = new Set<number>();
  for (let steps = 0; steps < 12; steps++) {
    const stage = elected([1, 2]);
    stage.change(1, [record(1)]);
    for (let i = 0; i < steps; i++) stage.once();
    stage.crash(2);
    live(stage, 60);
    if (stage.leader() !== 1) {
      stage.restart(2); // it did not have the change yet: two of two are needed to make it
      live(stage, 60);
      stage.change(stage.leader()!, [record(1)]);
      live(stage, 60);
    }
    stage.crash(2);
    live(stage, 30);
    stage.propose(1, "x");
    live(stage, 1);
    assert.equal(stage.state(1), "x ", `after ${steps} steps`);
    lengths.add(stage.raft(1).lastIndex);
  }
  assert.ok(lengths.size > 1, "different schedules");
});

test("21: writes under way during transfers are neither lost nor doubled, and the gap needs no timeout", () => {
  const stage = elected([1, 2, 3], { inflightAppendsMax: 64 });
  const accepted: string[] = [];
  for (let i = 0; i < 60; i++) {
    const leader = stage.leader();
    assert.ok(leader !== null, `nobody leads in round ${i}, though no tick was needed`);
    for (const text of [`a${i}`, `b${i}`]) {
      if (!stage.raft(leader).canPropose) continue;
      stage.propose(leader, text);
      accepted.push(text);
    }
    if (i % 5 === 0) stage.input(leader, { kind: "transfer", to: (leader % 3) + 1 });
    for (let n = 0; n < i % 7; n++) stage.once();
    if (stage.raft(leader).canPropose) accepted.push(`late${i}`);
    stage.propose(leader, `late${i}`); // where it cannot be taken it must not be half taken either
    stage.settle();
  }
  for (const id of [1, 2, 3]) assert.deepEqual(stage.state(id).trim().split(" "), accepted);
  assert.ok(stage.raft(1).term > 5, "leadership went round");
});
