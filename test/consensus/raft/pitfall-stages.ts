// Stages and messages for the stories of pitfalls.

import assert from "node:assert/strict";
import type { MemberId, MemberRecord, Message } from "../../../src/consensus/index.ts";
import { entryOf } from "./entries.ts";
import { Stage } from "./stage.ts";

export const record = (id: MemberId): MemberRecord => ({ id, role: "voter", incarnation: id * 11, description: "" });
export const append = (
  term: number,
  previous: [number, number],
  entries: [number, number][],
  commitIndex = 0,
): Message => ({
  kind: "append",
  term,
  previous: { index: previous[0], term: previous[1] },
  entries: entries.map(([index, of]) => entryOf(index, of, `e${index}t${of}`)),
  commitIndex,
  round: 1,
});

export function elected(ids: readonly MemberId[] = [1, 2, 3], options = {}): Stage {
  const stage = Stage.formed(ids, options);
  stage.elect(1);
  assert.equal(stage.leader(), 1);
  return stage;
}

/** Time passes for everyone, and messages arrive as far as the links allow. */
export function live(stage: Stage, ticks: number): void {
  for (let i = 0; i < ticks; i++) {
    for (const [id, { isUp }] of stage.machines) if (isUp) stage.tick(id);
    stage.settle();
  }
}
