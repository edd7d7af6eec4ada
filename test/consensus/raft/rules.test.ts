// Rules of the core that guard rare orders of events: each as the shortest story that breaks without it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Configuration, Message, RecoveredState } from "../../../src/consensus/index.ts";
import { RaftLog } from "../../../src/consensus/raft/log.ts";
import { bytesOf, configurationEntry, entryOf } from "./entries.ts";
import { Stage } from "./stage.ts";

const NO_TAIL = { tailBytesMax: 0 };

function elected(options = {}): Stage {
  const stage = Stage.formed([1, 2, 3], options);
  stage.elect(1);
  assert.equal(stage.leader(), 1);
  return stage;
}

function say(stage: Stage, from: number, to: number, message: Message): void {
  stage.input(to, { kind: "message", from, message });
}

/** What a member has said, and nobody has heard yet. */
function said<Kind extends Message["kind"]>(stage: Stage, by: number, kind: Kind): (Message & { kind: Kind })[] {
  return stage.letters.flatMap(({ from, message }) =>
    from === by && message.kind === kind ? [message as Message & { kind: Kind }] : [],
  );
}

const configuration: Configuration = { cluster: 7, members: [], outgoing: [] };
const blank: RecoveredState = {
  hardState: { term: 0, votedFor: null, commitIndex: 0 },
  snapshot: { index: 0, term: 0, configuration },
  lastIndex: 0,
  termStarts: [],
  configurations: [],
};

// -------------------------------------------------------------------------------------------------------- snapshots

test("a snapshot whose entries are in the log already is acknowledged when those are durable", () => {
  const stage = elected();
  const snapshot = { index: 3, term: 1, configuration: stage.raft(1).configuration };
  stage.propose(1, "x", "y");
  stage.deliver(1, 3);
  assert.equal(stage.raft(3).lastIndex, 3);
  say(stage, 1, 3, { kind: "snapshot", term: 1, snapshot, offset: 0, data: bytesOf("x y "), done: true, round: 1 });
  assert.deepEqual(said(stage, 3, "snapshot-reply"), []);
  stage.persist(3);
  assert.deepEqual(
    said(stage, 3, "snapshot-reply").map(({ index, done }) => [index, done]),
    [[3, true]],
  );
});

test("a chunk of an earlier term is not answered in the present one, though its leader leads again", () => {
  const stage = elected();
  const snapshot = { index: 9, term: 1, configuration: stage.raft(1).configuration };
  const chunk = { kind: "snapshot", snapshot, offset: 0, data: bytesOf("half"), done: false } as const;
  say(stage, 1, 3, { ...chunk, term: 1, round: 40 });
  // 1 is elected once more. It counts its rounds anew, and has not begun so many.
  const last = { index: 1, term: 1 };
  const standing = { term: 2, pre: false, last, transfer: true, founding: null, incarnation: 33 };
  say(stage, 1, 3, { kind: "request-vote", ...standing });
  stage.persist(3);
  assert.equal(said(stage, 3, "vote")[0]?.granted, true);
  assert.deepEqual(said(stage, 3, "snapshot-reply"), []);
});

test("the end of an earlier chunk's writing says nothing of the one that is written now", () => {
  const stage = elected();
  const snapshot = { index: 9, term: 1, configuration: stage.raft(1).configuration };
  const chunk = (term: number, text: string): Message => {
    return { kind: "snapshot", term, snapshot, offset: 0, data: bytesOf(text), done: false, round: 1 };
  };
  say(stage, 1, 3, chunk(1, "the first leader's"));
  say(stage, 2, 3, chunk(2, "the second's"));
  stage.persist(3, 1);
  assert.deepEqual(said(stage, 3, "snapshot-reply"), []);
  stage.persist(3);
  assert.deepEqual(
    said(stage, 3, "snapshot-reply").map(({ term, offset }) => [term, offset]),
    [[2, 12]],
  );
});

test("a chunk that was read for an earlier attempt is not sent", () => {
  const stage = elected(NO_TAIL);
  stage.isolate(3);
  stage.propose(1, "one", "two", "three", "four");
  stage.settle();
  stage.compact(1);
  stage.heal();
  stage.tick(1, 3);
  stage.deliver(1, 3);
  stage.deliver(3, 1);
  // The first chunk is being read when it is known that the snapshot before this one was read in vain.
  const read = { kind: "snapshot-read", to: 3, index: 4, offset: 0, data: bytesOf("another"), done: true } as const;
  stage.input(1, read);
  stage.input(1, { ...read, index: 5, offset: 8 });
  assert.deepEqual(said(stage, 1, "snapshot"), []);
  stage.settle();
  assert.equal(stage.state(3), stage.state(1));
});

// -------------------------------------------------------------------------------------------------------------- log

test("a write that ends after the log began anew makes nothing durable of what came then", () => {
  const log = new RaftLog(blank, 0);
  for (let index = 1; index <= 8; index++) log.append(entryOf(index, 1, "x"));
  log.takeUnsaved(1);
  log.restart({ index: 5, term: 2, configuration });
  for (let index = 6; index <= 7; index++) log.append(entryOf(index, 2, "y"));
  log.takeUnsaved(2);
  log.persisted(1);
  assert.equal(log.durableIndex, 5);
  log.persisted(2);
  assert.equal(log.durableIndex, 7);
});

test("a snapshot of what is applied forgets no configuration that may be taken back to", () => {
  const log = new RaftLog(blank, 0);
  const configurationOf = (cluster: number): Configuration => ({ ...configuration, cluster });
  log.append(configurationEntry(1, 1, configurationOf(1)));
  log.append(entryOf(2, 1, "x"));
  log.append(configurationEntry(3, 1, configurationOf(3)));
  log.append(configurationEntry(4, 1, configurationOf(4)));
  log.takeUnsaved(1);
  log.persisted(1);
  log.commitTo(2);
  log.appliedTo(2);
  log.compact({ index: 2, term: 1, configuration: configurationOf(1) }, 3);
  assert.equal(log.configuration.cluster, 4);
  log.accept({ index: 2, term: 1 }, [entryOf(3, 2, "of another leader")]);
  assert.equal(log.configuration.cluster, 1);
});

// ------------------------------------------------------------------------------------------------------------ reads

test("an answer that comes twice, or to a read given up, answers no other", () => {
  const stage = elected();
  stage.input(3, { kind: "read", context: 1 });
  const [first] = said(stage, 3, "read-request");
  const answer: Message = { kind: "read-reply", term: 1, context: first!.context, index: 1 };
  say(stage, 1, 3, answer);
  stage.input(3, { kind: "read", context: 2 });
  stage.take();
  say(stage, 1, 3, answer);
  assert.deepEqual(stage.take(), []);
});
