// Whether a history of concurrent operations is linearizable (Herlihy and Wing): as if each had taken effect at one moment
// between its call and its return. A history is when each part of the object by itself is, so the parts are searched one
// by one, the small ones first. The answer is exact; where the search used up what it was given it is "undecided", never
// a guess.

import { assert } from "../base/assert.ts";
import type { Model, Operation } from "./model.ts";
import { type DeadEnd, type SearchLimits, search } from "./search.ts";

export interface CheckOptions {
  /** Steps of the model to try on one part before it is given up. */
  readonly stepsMax?: number;
  /** Configurations to remember of one part before it is given up; each takes some 500 bytes. */
  readonly configurationsMax?: number;
  /** Asked every few milliseconds: true ends the search, as when a deadline has passed. */
  readonly isOver?: () => boolean;
}

/** Operations are named by their positions in the history. */
export type Check<State> = Linearizable | Violated<State> | Undecided;

export interface CheckFigures {
  /** Steps of the model that were tried, over all parts. */
  readonly steps: number;
  readonly keys: number;
  readonly operations: number;
}

export interface Linearizable extends CheckFigures {
  readonly verdict: "linearizable";
  /** For each part an order that explains every answer. Operations never answered are in it where they had to take effect. */
  readonly orders: ReadonlyMap<string, readonly number[]>;
}

export interface Violated<State> extends CheckFigures {
  readonly verdict: "violated";
  readonly violation: Violation<State>;
}

/** A part of the object that has no order. It has one up to the answer of `stuck`, but not with it. */
export interface Violation<State> {
  readonly key: string;
  /** All operations on this part. */
  readonly operations: readonly number[];
  /** The operation whose answer cannot be explained. */
  readonly stuck: number;
  /** The longest order that explains every answer given before that one. */
  readonly order: readonly number[];
  /** The state behind that order first, then others that orders of that kind leave. */
  readonly states: readonly State[];
  /** Whether there are no more of these. */
  readonly statesAreAll: boolean;
  /** Called before that answer, and without a place in the order: `stuck` itself, and others whose answers come later. */
  readonly open: readonly number[];
}

export interface Undecided extends CheckFigures {
  readonly verdict: "undecided";
  /** The parts that were given up; all others are linearizable. */
  readonly undecided: readonly { readonly key: string; readonly because: "steps" | "memory" | "time" }[];
}

const CONFIGURATIONS_MAX = 2_000_000;
/** What it may cost to tell more of a violation than that it is one. */
const EXPLANATION_LIMITS: SearchLimits = { stepsMax: 1_000_000, configurationsMax: 100_000, isOver: () => false };

export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  options: CheckOptions = {},
): Check<State> {
  const limits = limitsOf(options);
  const parts = partsOf(model, history);
  const orders = new Map<string, readonly number[]>();
  const undecided: { key: string; because: "steps" | "memory" | "time" }[] = [];
  let steps = 0;
  const figures = () => ({ steps, keys: parts.length, operations: history.length });

  for (const { key, positions } of parts) {
    const operations = positions.map((position) => history[position]!);
    const result = search(model, model.simplified?.(operations) ?? operations, limits);
    steps += result.steps;
    if (result.kind === "none") {
      const violation = violationOf(model, { key, positions }, operations, result.deadEnd);
      return { verdict: "violated", violation, ...figures() };
    }
    if (result.kind === "given-up") undecided.push({ key, because: result.because });
    else
      orders.set(
        key,
        result.order.map((position) => positions[position]!),
      );
  }
  if (undecided.length > 0) return { verdict: "undecided", undecided, ...figures() };
  return { verdict: "linearizable", orders, ...figures() };
}

function limitsOf({ stepsMax, configurationsMax, isOver }: CheckOptions): SearchLimits {
  return {
    stepsMax: stepsMax ?? Number.POSITIVE_INFINITY,
    configurationsMax: configurationsMax ?? CONFIGURATIONS_MAX,
    isOver: isOver ?? (() => false),
  };
}

interface Part {
  readonly key: string;
  readonly positions: readonly number[];
}

/** Small parts first: a violation is found, and shown, where it is easiest to see. */
function partsOf<Input, Output>(
  model: Model<unknown, Input, Output>,
  history: readonly Operation<Input, Output>[],
): Part[] {
  const positions = new Map<string, number[]>();
  for (const [position, { input }] of history.entries()) {
    const key = model.keyOf(input);
    const part = positions.get(key);
    if (part === undefined) positions.set(key, [position]);
    else part.push(position);
  }
  return [...positions]
    .map(([key, part]) => ({ key, positions: part }))
    .sort((a, b) => a.positions.length - b.positions.length);
}

function violationOf<State, Input, Output>(
  model: Model<State, Input, Output>,
  { key, positions }: Part,
  operations: readonly Operation<Input, Output>[],
  found: DeadEnd,
): Violation<State> {
  // In a simplified history some states were taken for equal that people would not take for equal.
  const again = model.simplified === undefined ? null : search(model, operations, EXPLANATION_LIMITS);
  const { stuck, open, orders, isAll } =
    again?.kind === "none" ? again.deadEnd : { ...found, isAll: again === null && found.isAll };
  const inHistory = (within: readonly number[]) => within.map((position) => positions[position]!);
  return {
    key,
    operations: positions,
    stuck: positions[stuck]!,
    order: inHistory(orders[0]!),
    states: orders.map((order) => stateBehind(model, operations, order)),
    statesAreAll: isAll,
    open: inHistory(open),
  };
}

/** The state that an order leaves, in which every answer is right. */
function stateBehind<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  order: readonly number[],
): State {
  let state = model.initial();
  for (const position of order) {
    const operation = history[position]!;
    const after: State | null =
      operation.return === null
        ? model.stepUnanswered(state, operation.input)
        : model.step(state, operation.input, operation.output);
    assert(after !== null, `${model.name}: an order does not explain operation ${position}`);
    state = after;
  }
  return state;
}
