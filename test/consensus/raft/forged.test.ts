// Messages that no member sent. Someone who is no member changes nothing; someone who passes for a member may confuse the
// one that believes it, but makes nobody throw, and the ensemble elects and commits once the lies have stopped.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, seededRandom } from "../../../src/base/random.ts";
import type { Entry, MemberId, Message } from "../../../src/consensus/index.ts";
import { type Founding, STANDINGS, type Standing } from "../../../src/consensus/raft/founding.ts";
import { TERM_CREDIT_MAX } from "../../../src/consensus/raft/term-credit.ts";
import { configurationEntry, entryOf } from "./entries.ts";
import { Stage } from "./stage.ts";

const STRANGER = 77;
const LARGEST = Number.MAX_SAFE_INTEGER;
const KINDS = [
  "request-vote",
  "vote",
  "append",
  "append-reply",
  "snapshot",
  "snapshot-reply",
  "timeout-now",
  "follow-request",
  "read-request",
  "read-reply",
] as const satisfies readonly Message["kind"][];

/** Three members in full swing: some entries, one follower behind, a snapshot. */
function inFullSwing(): Stage {
  const stage = Stage.formed([1, 2, 3]);
  stage.elect(2);
  stage.elect(1);
  stage.propose(1, "a", "b");
  stage.settle();
  stage.compact(1);
  stage.propose(1, "c");
  stage.settle();
  stage.letters = [];
  stage.propose(1, "d"); // under way: not committed, and not on every disk
  return stage;
}

/** A number that may hurt: small, near those in use, or at the edge of what can be read. */
function numberOf(random: Random, near: number): number {
  const edges = [0, 1, near, near + 1, Math.max(0, near - 1), 2 ** 31, 2 ** 32, 2 ** 52, LARGEST - 1, LARGEST];
  return edges[random.below(edges.length)]!;
}

function foundingOf(random: Random): Founding | null {
  return random.chance(0.6) ? null : { voters: [1, 2, 3], cluster: random.chance(0.5) ? 0 : 7 };
}

function standingOf(random: Random): Standing | null {
  return random.chance(0.5) ? null : STANDINGS[random.below(STANDINGS.length)]!;
}

function forged(kind: Message["kind"], random: Random, stage: Stage, to: MemberId): Message {
  const raft = stage.raft(to);
  const any = random.chance(0.5);
  const term = random.chance(0.5) ? raft.term : numberOf(random, raft.term);
  const index = () => numberOf(random, any ? raft.lastIndex : raft.commitIndex);
  const position = () => ({ index: index(), term: numberOf(random, raft.term) });
  const yes = () => random.chance(0.5);
  const round = numberOf(random, 3);
  const incarnation = yes() ? 22 : numberOf(random, 22);
  switch (kind) {
    case "request-vote":
      return { kind, term, pre: yes(), last: position(), transfer: yes(), founding: foundingOf(random), incarnation };
    case "vote":
      return { kind, term, pre: yes(), granted: yes(), standing: standingOf(random), incarnation };
    case "append": {
      const previous = yes() ? { index: raft.lastIndex, term: raft.termAt(raft.lastIndex) } : position();
      const entries: Entry[] = Array.from({ length: random.below(4) }, (_, i) =>
        yes()
          ? entryOf(previous.index + 1 + i, numberOf(random, raft.term), "forged")
          : configurationEntry(previous.index + 1 + i, raft.term, raft.configuration),
      );
      return { kind, term, previous, entries, commitIndex: index(), round };
    }
    case "append-reply":
      return { kind, term, matched: yes(), index: index(), conflictTerm: numberOf(random, 1), round, incarnation };
    case "snapshot": {
      const snapshot = { ...position(), configuration: raft.configuration };
      return { kind, term, snapshot, offset: index(), done: yes(), round, data: new Uint8Array(random.below(9)) };
    }
    case "snapshot-reply":
      return { kind, term, index: index(), offset: numberOf(random, 8), done: yes(), round, incarnation };
    case "timeout-now":
    case "follow-request":
      return { kind, term };
    case "read-request":
      return { kind, term, context: index() };
    case "read-reply":
      return { kind, term, context: index(), index: yes() ? null : index() };
  }
}

/** Time passes for everybody until somebody leads and something new is committed by it, on a majority. */
function assertGoesOn(stage: Stage, why: string): void {
  for (let tick = 0; tick < 200; tick++) {
    for (const id of [1, 2, 3]) stage.tick(id);
    stage.settle();
    const leader = stage.leader();
    if (leader === null || !stage.raft(leader).canPropose) continue;
    const before = stage.raft(leader).commitIndex;
    stage.propose(leader, "after");
    stage.settle();
    if (stage.raft(leader).commitIndex > before) return;
  }
  assert.fail(`nobody leads or commits after ${why}\n${stage.lines.slice(-12).join("\n")}`);
}

for (const kind of KINDS) {
  test(`a stranger's ${kind} changes nothing where there is a leader`, () => {
    const random = seededRandom(KINDS.indexOf(kind) + 1);
    for (let i = 0; i < 300; i++) {
      const stage = inFullSwing();
      for (const to of [1, 2, 3] as const) {
        const portrait = () => JSON.stringify([1, 2, 3].map((id) => portraitOf(stage, id)));
        const before = portrait();
        const message = forged(kind, random, stage, to);
        stage.input(to, { kind: "message", from: STRANGER, message });
        stage.persist(to, 0);
        assert.equal(portrait(), before, JSON.stringify(message));
      }
      stage.settle();
      assert.equal(stage.leader(), 1);
    }
  });

  test(`an impostor's ${kind} makes nobody throw, and leaves the others a leader`, () => {
    const random = seededRandom(100 + KINDS.indexOf(kind));
    for (let i = 0; i < 300; i++) {
      const stage = inFullSwing();
      const to = 1 + random.below(3);
      const from = 1 + ((to + random.below(2)) % 3);
      const said: string[] = [];
      for (let count = 1 + random.below(3); count > 0; count--) {
        const message = forged(kind, random, stage, to);
        said.push(`${from}>${to} ${JSON.stringify(message)}`);
        stage.input(to, { kind: "message", from, message });
      }
      assertGoesOn(stage, said.join("\n"));
    }
  });
}

function portraitOf(stage: Stage, id: MemberId): unknown {
  const { term, role, leader, commitIndex, lastIndex } = stage.raft(id);
  return [term, role, leader, commitIndex, lastIndex, stage.state(id)];
}

test("a term beyond the credit is not taken over, whatever brings it, and the ensemble does not notice", () => {
  for (const term of [TERM_CREDIT_MAX + 10, 2 ** 40, 2 ** 52, LARGEST - 1, LARGEST]) {
    for (const from of [2, 3, STRANGER]) {
      const messages: Message[] = [
        { kind: "append", term, previous: { index: 0, term: 0 }, entries: [], commitIndex: 0, round: 1 },
        { kind: "append-reply", term, matched: false, index: 0, conflictTerm: 0, round: 0, incarnation: from * 11 },
        { kind: "vote", term, pre: true, granted: false, standing: null, incarnation: from * 11 },
        { kind: "vote", term, pre: false, granted: true, standing: null, incarnation: from * 11 },
        {
          kind: "request-vote",
          term,
          pre: false,
          last: { index: 9, term: 9 },
          transfer: true,
          founding: null,
          incarnation: 11,
        },
        { kind: "timeout-now", term },
        { kind: "read-request", term, context: 1 },
      ];
      const stage = inFullSwing();
      stage.settle();
      for (const message of messages) stage.input(1, { kind: "message", from, message });
      assert.equal(stage.leader(), 1, `term ${term} from ${from}`);
      assert.ok(stage.raft(1).term < 10);
    }
  }
});

test("a flood of terms within the credit does not use up the terms that there are", () => {
  const stage = inFullSwing();
  stage.settle();
  for (let i = 0; i < 100_000; i++) {
    const term = stage.raft(1).term + 2 ** 31;
    stage.input(1, { kind: "message", from: 3, message: { kind: "timeout-now", term } });
    if (i % 1000 === 0) stage.tick(1);
  }
  assert.ok(stage.raft(1).term < 2 ** 34, `term ${stage.raft(1).term}`);
  assertGoesOn(stage, "the flood");
});

test("a member that was away for a million elections is led again", () => {
  const stage = Stage.formed([1, 2, 3]);
  stage.elect(1);
  stage.giveLog(3, [1], 1);
  for (const id of [1, 2]) stage.giveLog(id, [1, 1_000_000], 1_000_000);
  stage.elect(1);
  for (let i = 0; i < 3; i++) stage.heartbeat(1);
  assert.deepEqual([stage.raft(3).leader, stage.raft(3).term], [1, stage.raft(1).term]);
});

test("one who was removed, or not yet heard of, may still lead where nobody else is heard", () => {
  // Member 4 was added while member 3 was away, and leads: member 3 follows it all the same.
  const stage = Stage.formed([1, 2, 3]);
  stage.elect(1);
  stage.propose(1, "a");
  stage.settle();
  stage.crash(3);
  stage.add(4, 44);
  const record = { id: 4, role: "learner" as const, incarnation: 44, description: "" };
  stage.change(1, [...stage.raft(1).configuration.members, record]);
  stage.settle();
  for (let i = 0; i < 5; i++) stage.heartbeat(1);
  stage.change(1, [...stage.raft(1).configuration.members.slice(0, 3), { ...record, role: "voter" }]);
  for (let i = 0; i < 5; i++) stage.heartbeat(1);
  stage.input(1, { kind: "transfer", to: 4 });
  stage.settle();
  assert.equal(stage.leader(), 4);
  stage.restart(3);
  for (let i = 0; i < 10; i++) stage.heartbeat(4);
  assert.deepEqual([stage.raft(3).leader, stage.raft(3).commitIndex], [4, stage.raft(4).commitIndex]);
});
