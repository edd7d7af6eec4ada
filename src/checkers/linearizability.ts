// Whether a history of concurrent operations is linearizable (Herlihy and Wing): as if each had taken effect at one moment
// between its call and its return. A history is when each part of the object by itself is, so the parts are searched one
// by one, the small ones first. The answer is exact; where the search used up what it was given it is "undecided", never
// a guess.

import type { Model, Operation } from "./model.ts";
import { type DeadEnd, type SearchLimits, search } from "./search.ts";

export interface CheckOptions {
  /** Steps of the model to try on one part before it is given up. */
  readonly stepsMax?: number;
  /** Situations to remember of one part before it is given up; each takes some 200 bytes. */
  readonly situationsMax?: number;
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

/** The smallest part of the object that has no order. `stuck`, `order` and `open` are positions in the whole history. */
export interface Violation<State> extends DeadEnd<State> {
  readonly key: string;
  /** All operations on this part. */
  readonly operations: readonly number[];
}

export interface Undecided extends CheckFigures {
  readonly verdict: "undecided";
  /** The parts that were given up; all others are linearizable. */
  readonly undecided: readonly { readonly key: string; readonly because: "steps" | "memory" | "time" }[];
}

const SITUATIONS_MAX = 4_000_000;

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
    const result = search(model, operations, limits);
    steps += result.steps;
    const inHistory = (within: readonly number[]) => within.map((position) => positions[position]!);
    if (result.kind === "found") {
      orders.set(key, inHistory(result.order));
    } else if (result.kind === "given-up") {
      undecided.push({ key, because: result.because });
    } else {
      const { stuck, order, states, open } = result.deadEnd;
      const violation = {
        key,
        operations: positions,
        stuck: positions[stuck]!,
        order: inHistory(order),
        states,
        open: inHistory(open),
      };
      return { verdict: "violated", violation, ...figures() };
    }
  }
  if (undecided.length > 0) return { verdict: "undecided", undecided, ...figures() };
  return { verdict: "linearizable", orders, ...figures() };
}

function limitsOf({ stepsMax, situationsMax, isOver }: CheckOptions): SearchLimits {
  return {
    stepsMax: stepsMax ?? Number.POSITIVE_INFINITY,
    situationsMax: situationsMax ?? SITUATIONS_MAX,
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
