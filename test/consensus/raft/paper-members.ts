// Members for the tests of the paper's sentences: a follower with a given log, an elected leader, and what they answer.

import assert from "node:assert/strict";
import type { Entry, LogPosition, MemberId, Message } from "../../../src/consensus/index.ts";
import { Stage } from "./stage.ts";

type Reply<Kind extends Message["kind"]> = Message & { kind: Kind };

export const FOLLOWER = 2;

export function append(term: number, previous: LogPosition, entries: readonly Entry[], commitIndex = 0): Message {
  return { kind: "append", term, previous, entries, commitIndex, round: 1 };
}

export function requestVote(term: number, last: LogPosition): Message {
  return { kind: "request-vote", term, pre: false, last, transfer: false, founding: null, incarnation: 22 };
}

export const at = (index: number, term: number): LogPosition => ({ index, term });

/** Three members, of which we watch the second; the messages to it are ours. */
export function follower(terms: readonly number[] = [], term = terms.at(-1) ?? 0): Stage {
  const stage = Stage.formed([1, 2, 3]);
  stage.giveLog(FOLLOWER, terms, term);
  return stage;
}

/** What it answers once its disk has done its part. */
export function answer<Kind extends Message["kind"]>(
  stage: Stage,
  from: MemberId,
  message: Message,
  kind: Kind,
): Reply<Kind> {
  stage.letters = [];
  stage.input(FOLLOWER, { kind: "message", from, message });
  stage.persist(FOLLOWER);
  const reply = stage.letters.find((letter) => letter.to === from && letter.message.kind === kind);
  assert.ok(reply !== undefined, `no ${kind}`);
  return reply.message as Reply<Kind>;
}

export function elected(options = {}): Stage {
  const stage = Stage.formed([1, 2, 3], options);
  stage.elect(1);
  assert.equal(stage.leader(), 1);
  return stage;
}
