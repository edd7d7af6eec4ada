// Readers of outcomes: the stat and the path that a test expects to be there.

import assert from "node:assert/strict";
import type { Stat } from "../../src/state/tree/types.ts";
import type { Outcome } from "./world.ts";
import { codeOf } from "./world.ts";

export function statOf(outcome: Outcome): Stat {
  assert.ok(outcome.kind === "created" || outcome.kind === "updated", `no stat: ${codeOf(outcome)}`);
  return outcome.stat;
}

export function pathOf(outcome: Outcome): string {
  assert.equal(outcome.kind, "created", codeOf(outcome));
  return (outcome as { path: string }).path;
}
