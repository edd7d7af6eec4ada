// What the search says can be checked without a search.

import assert from "node:assert/strict";
import type { Model, Operation } from "../../../src/checkers/model.ts";

/** The order is what it claims to be: all that was answered is in it, every answer is right there, and it keeps to the clock. */
export function assertExplains<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  order: readonly number[],
): void {
  assert.equal(new Set(order).size, order.length, "an operation has two places");
  for (const [position, operation] of history.entries()) {
    assert.ok(operation.return === null || order.includes(position), `operation ${position} has no place`);
  }
  let state = model.initial();
  for (const position of order) {
    const operation = history[position]!;
    const after: State | null =
      operation.return === null
        ? model.stepUnanswered(state, operation.input)
        : model.step(state, operation.input, operation.output);
    assert.ok(after !== null, `operation ${position} would not be answered so`);
    state = after;
  }
  let earliestReturn = Number.POSITIVE_INFINITY;
  for (const position of [...order].reverse()) {
    const operation = history[position]!;
    assert.ok(operation.call <= earliestReturn, `operation ${position} stands behind one that it was called after`);
    earliestReturn = Math.min(earliestReturn, operation.return ?? Number.POSITIVE_INFINITY);
  }
}
