// Which part of a history is drawn: one part of the object, and as much of it as a person can read. For a violation it is the
// end: what was in progress when the unexplained answer came, and what led there.

import { assert } from "../../base/assert.ts";
import type { Check } from "../linearizability.ts";
import type { Model, Operation } from "../model.ts";

/** More bars than these are a pattern, not a picture. */
const PLACED_MAX = 48;
const UNEXPLAINED_MAX = 24;

/** An operation on the page. `number` is its place in the order, from 1. */
export interface Drawn<Input, Output> {
  readonly operation: Operation<Input, Output>;
  readonly role: "placed" | "stuck" | "open";
  readonly number: number | null;
}

/** A step of the order, and what the object was behind it. */
interface Step<State, Input, Output> {
  readonly operation: Operation<Input, Output>;
  readonly number: number;
  readonly state: State;
}

export interface Selection<State, Input, Output> {
  readonly key: string;
  /** Placed ones in their order, then the others. */
  readonly drawn: readonly Drawn<Input, Output>[];
  readonly steps: readonly Step<State, Input, Output>[];
  /** What the object was before the first step that is drawn. */
  readonly stateBefore: State;
  /** Steps before that, and operations without a place in the order, for which there was no room. */
  readonly stepsLeftOut: number;
  readonly operationsLeftOut: number;
}

export function select<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  check: Check<State>,
): Selection<State, Input, Output> {
  const { key, order, stuck } = partOf(model, history, check);
  const last = stuck === null ? Number.POSITIVE_INFINITY : history[stuck]!.return!;
  const placed = new Set(order);
  const others = [...history.keys()]
    .filter((position) => !placed.has(position) && position !== stuck)
    .filter((position) => model.keyOf(history[position]!.input) === key && history[position]!.call <= last)
    .sort((a, b) => history[b]!.call - history[a]!.call);
  const steps = stepsOf(model, history, order);
  const stepsDrawn = steps.slice(-PLACED_MAX);
  const othersDrawn = others.slice(0, UNEXPLAINED_MAX);
  const stepsLeftOut = steps.length - stepsDrawn.length;
  return {
    key,
    drawn: [
      ...stepsDrawn.map(({ operation, number }) => ({ operation, number, role: "placed" as const })),
      ...(stuck === null ? [] : [{ operation: history[stuck]!, number: null, role: "stuck" as const }]),
      ...othersDrawn.map((position) => ({ operation: history[position]!, number: null, role: "open" as const })),
    ],
    steps: stepsDrawn,
    stateBefore: stepsLeftOut === 0 ? model.initial() : steps[stepsLeftOut - 1]!.state,
    stepsLeftOut,
    operationsLeftOut: others.length - othersDrawn.length,
  };
}

interface Part {
  readonly key: string;
  readonly order: readonly number[];
  readonly stuck: number | null;
}

/** Of a violation the part that has no order, of others the largest one. */
function partOf<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  check: Check<State>,
): Part {
  if (check.verdict === "violated") return check.violation;
  if (check.verdict === "undecided") return { key: check.undecided[0]!.key, order: [], stuck: null };
  const [largest] = [...check.orders].sort(([, a], [, b]) => b.length - a.length);
  const [key, order] = largest ?? ["", []];
  assert(
    order.every((position) => model.keyOf(history[position]!.input) === key),
    "an order of another part",
  );
  return { key, order, stuck: null };
}

function stepsOf<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  order: readonly number[],
): Step<State, Input, Output>[] {
  let state = model.initial();
  return order.map((position, before) => {
    const operation = history[position]!;
    const after: State | null =
      operation.return === null
        ? model.stepUnanswered(state, operation.input)
        : model.step(state, operation.input, operation.output);
    assert(after !== null, "a step that the order does not explain");
    state = after;
    return { operation, number: before + 1, state };
  });
}
