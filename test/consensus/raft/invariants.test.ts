// The checks after each step, seen to fail: a state that breaks one invariant is met by the assertion of that invariant.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Invariants } from "../../../src/consensus/raft/invariants.ts";
import { RaftLog } from "../../../src/consensus/raft/log.ts";
import type { RaftParts, RoleState } from "../../../src/consensus/raft/role-state.ts";
import { INDEX_MAX } from "../../../src/consensus/raft/rules.ts";
import { entryOf } from "./entries.ts";
import { Stage } from "./stage.ts";

interface Facts {
  options: { id: number; thoroughChecks?: boolean };
  hardState: { votedFor: number | null };
  log: Record<string, unknown>;
  state: { term: number; role: string; leaderId: number | null; leader: unknown; election: unknown };
}

/** A follower of member 2 in term 3, that has applied two of its four entries. */
function wellFormed(): Facts {
  return {
    options: { id: 1 },
    hardState: { votedFor: 2 },
    log: {
      snapshot: { index: 1 },
      ...{ appliedIndex: 2, commitIndex: 3, durableIndex: 4, lastIndex: 4, lastTerm: 3 },
      termAt: (index: number) => (index <= 2 ? 1 : 3),
    },
    state: { term: 3, role: "follower", leaderId: 2, leader: null, election: null },
  };
}

/** What is said of a member that is well-formed, and then changes like this in one step. */
function broken(change: (facts: Facts) => void): string | null {
  const facts = wellFormed();
  const { options, hardState, log, state } = facts;
  const parts = { options, hardState, log } as unknown as RaftParts;
  const invariants = new Invariants(parts, state as unknown as RoleState);
  invariants.check();
  change(facts);
  try {
    invariants.check();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

const BREAKS: readonly (readonly [what: string, change: (facts: Facts) => void])[] = [
  ["a term went back", ({ state }) => (state.term = 2)],
  ["another vote in the same term", ({ hardState }) => (hardState.votedFor = 3)],
  ["another vote in the same term", ({ hardState }) => (hardState.votedFor = null)],
  ["two leaders in one term", ({ state }) => (state.leaderId = 3)],
  ["a commit was taken back", ({ log }) => (log.commitIndex = 2)],
  ["an entry was applied that is not committed", ({ log }) => (log.appliedIndex = 4)],
  ["a commit is past the end of the log", ({ log }) => (log.commitIndex = 5)],
  ["a snapshot is ahead of the state", ({ log }) => (log.snapshot = { index: 3 })],
  ["more is durable than the log holds", ({ log }) => (log.durableIndex = 5)],
  ["the log ends in a term that this member has not reached", ({ log }) => (log.lastTerm = 4)],
  [
    "a committed entry was replaced",
    ({ log }) => {
      log.commitIndex = 4;
      log.termAt = () => 2;
    },
  ],
  ["a role that does not agree with what it does", ({ state }) => (state.role = "leader")],
  ["an election without a candidate", ({ state }) => (state.election = {})],
  [
    "a candidate that voted for another",
    ({ state }) => {
      state.role = "candidate";
      state.election = {};
    },
  ],
];

for (const [what, change] of BREAKS) {
  test(`a member is stopped when ${what}`, () => {
    assert.equal(broken(change), what);
  });
}

test("a step that breaks nothing passes, a new term and its vote included", () => {
  assert.equal(
    broken(({ state, hardState, log }) => {
      Object.assign(state, { term: 4, leaderId: 3 });
      hardState.votedFor = 3;
      log.commitIndex = 4;
    }),
    null,
  );
});

test("the thorough checks find a tail whose terms are not those of its entries", () => {
  const configuration = { cluster: 7, members: [], outgoing: [] };
  const hardState = { term: 0, votedFor: null, commitIndex: 0 };
  const snapshot = { index: 0, term: 0, configuration };
  const log = new RaftLog({ hardState, snapshot, lastIndex: 0, termStarts: [], configurations: [] }, 1000);
  const entries = [entryOf(1, 1, "a"), entryOf(2, 1, "b")];
  for (const entry of entries) log.append(entry);
  log.checkThoroughly();
  Object.assign(entries[1]!, { term: 2 });
  assert.throws(() => log.checkThoroughly(), /another term than its index/);
});

test("a message that speaks of an index which no log reaches is refused, and changes nothing", () => {
  const stage = Stage.formed([1, 2, 3]);
  stage.elect(1);
  const far = INDEX_MAX + 1;
  const { term, configuration } = stage.raft(1);
  const position = { index: far, term };
  const before = stage.terms(3);
  const messages = [
    { kind: "append", term, previous: position, entries: [], commitIndex: 0, round: 1 },
    { kind: "append", term, previous: { index: 1, term }, entries: [], commitIndex: far, round: 1 },
    { kind: "snapshot", term, snapshot: { ...position, configuration }, offset: 0, ...chunk(), round: 1 },
    { kind: "request-vote", term: term + 1, last: position, ...request() },
  ] as const;
  for (const message of messages) {
    const effects = stage.input(3, { kind: "message", from: 1, message });
    assert.deepEqual(effects, [{ kind: "refused", from: 1, why: "an index that no log reaches" }], message.kind);
  }
  assert.deepEqual(stage.terms(3), before);
  assert.equal(stage.raft(3).term, term);
});

function chunk() {
  return { data: new Uint8Array(0), done: false } as const;
}

function request() {
  return { pre: false, transfer: true, founding: null, incarnation: 33 } as const;
}
