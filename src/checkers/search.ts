// Looks for one order of the operations on one part of an object in which every answer is right and nobody overtakes what
// had returned before he called (Wing and Gong, "Testing and Verifying Concurrent Objects"), never entering a situation
// twice (Lowe, "Testing for linearizability"). A situation is a front, and the state behind it.
//
// What is answered rightly and changes nothing, as a read, goes at once: if it can go later it can go now, and nobody is any
// worse off. So only changes are tried in different orders, always where the search has got furthest in time.
//
// Operations that were never answered cost little until they are needed to explain an answer:
//
//   - They are tried only where nothing else gets near: first one, then two in a row, and so on.
//   - One that changes nothing there is left out.
//   - Of equal ones the earliest goes first. The model says which may be taken for equal.
//   - A situation reached with some of them used up is not entered when it was met with fewer: those left over can still
//     take effect later, or never.

import { BucketQueue } from "./bucket-queue.ts";
import type { Model, Operation } from "./model.ts";
import { type Front, Timeline } from "./timeline.ts";

/** What a search may use up before it gives up. */
export interface SearchLimits {
  readonly stepsMax: number;
  readonly situationsMax: number;
  /** Asked now and then; true ends the search. */
  isOver(): boolean;
  /** So many events does it go back and try other ways before it takes one of those never answered for the cause. */
  readonly patience?: number;
}

export type SearchResult =
  | { readonly kind: "found"; readonly steps: number; readonly order: readonly number[] }
  | { readonly kind: "none"; readonly steps: number; readonly deadEnd: DeadEnd }
  | { readonly kind: "given-up"; readonly steps: number; readonly because: "steps" | "memory" | "time" };

/** How far one can get: the history has an order up to the answer of `stuck`, but not with it. */
export interface DeadEnd {
  /** The operation whose answer cannot be explained. */
  readonly stuck: number;
  /** Called before that answer, and not in the first of the orders: `stuck` itself, and others whose answers come later. */
  readonly open: readonly number[];
  /** Orders that explain every answer given before that one, and leave different states: the longest one first. */
  readonly orders: readonly (readonly number[])[];
  /** Whether these leave all the states that there are. */
  readonly isAll: boolean;
}

/** Orders of a dead end beyond these are not told: nobody would read them. */
const ORDERS_TOLD_MAX = 8;
const TURNS_BETWEEN_QUESTIONS = 256;
const PATIENCE = 64;

interface Situation<State> {
  readonly front: Front;
  readonly state: State;
  /** A bit for each of those never answered that has taken effect. */
  readonly used: bigint;
  /** How it was reached: the operations placed last, and from where. */
  readonly placed: readonly number[];
  readonly before: Situation<State> | null;
}

/** Situations on one front from which it is to be gone on, and how many of those never answered must come next. */
interface Wave<State> {
  readonly situations: readonly Situation<State>[];
  readonly unanswered: number;
}

export function search<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  limits: SearchLimits,
): SearchResult {
  return new Search(model, operations, limits).run();
}

class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #operations: readonly Operation<Input, Output>[];
  readonly #limits: SearchLimits;
  readonly #timeline: Timeline;
  /** For each operation never answered, the last equal one before it, or −1. */
  readonly #twins: readonly number[];
  readonly #waves = new BucketQueue<Wave<State>>();
  /** Situations met, each with the sets of unanswered operations that were used up on the ways to it. */
  readonly #met = new Map<string, bigint[]>();
  readonly #deadEnds = new DeadEnds<State>();
  #situations = 0;
  #steps = 0;
  #end: Situation<State> | null = null;

  constructor(
    model: Model<State, Input, Output>,
    operations: readonly Operation<Input, Output>[],
    limits: SearchLimits,
  ) {
    this.#model = model;
    this.#operations = operations;
    this.#limits = limits;
    this.#timeline = new Timeline(operations);
    this.#twins = twinsOf(this.#timeline.unanswered.map((position) => this.#operations[position]!.input));
  }

  run(): SearchResult {
    const start = { front: this.#timeline.start(), state: this.#model.initial(), used: 0n, placed: [], before: null };
    this.#goOnFrom(this.#settled(start));
    for (let turn = 0; this.#end === null; turn++) {
      const because = this.#spent(turn);
      if (because !== null) return { kind: "given-up", steps: this.#steps, because };
      const wave = this.#waves.take();
      if (wave === null) return { kind: "none", steps: this.#steps, deadEnd: this.#deadEnds.told(this.#model) };
      this.#follow(wave);
    }
    return { kind: "found", steps: this.#steps, order: orderOf(this.#end) };
  }

  #follow({ situations, unanswered }: Wave<State>): void {
    const from = unanswered === 0 ? situations : situations.flatMap((situation) => this.#withOneUnanswered(situation));
    for (const situation of from) this.#placeChanges(situation);
    if (from.length === 0) return;
    const next = { situations: from, unanswered: unanswered + 1 };
    const { patience = PATIENCE } = this.#limits;
    this.#waves.add(this.#timeline.distanceOf(from[0]!.front) - patience * next.unanswered, next);
  }

  #placeChanges(situation: Situation<State>): void {
    const { front, state, used } = situation;
    this.#deadEnds.note(situation, this.#timeline.distanceOf(front));
    // Backwards: of what is added last for one distance, the search goes on first.
    for (let place = front.open.length - 1; place >= 0; place--) {
      const operation = front.open[place]!;
      const after = this.#answered(state, operation);
      if (after === null) continue;
      const placed = [operation];
      const behind = this.#timeline.behind(front, placed);
      this.#goOnFrom(this.#settled({ front: behind, state: after, used, placed, before: situation }));
    }
  }

  #withOneUnanswered(situation: Situation<State>): Situation<State>[] {
    const { front, state, used } = situation;
    const found: Situation<State>[] = [];
    const count = this.#timeline.unansweredBefore(this.#timeline.distanceOf(front));
    for (let position = 0; position < count; position++) {
      const bit = bitOf(position);
      const twin = this.#twins[position]!;
      if ((used & bit) !== 0n || (twin >= 0 && (used & bitOf(twin)) === 0n)) continue;
      const operation = this.#timeline.unanswered[position]!;
      this.#steps += 1;
      const after = this.#model.stepUnanswered(state, this.#operations[operation]!.input);
      if (this.#model.identityOf(after) === this.#model.identityOf(state)) continue;
      const next = this.#settled({ front, state: after, used: used | bit, placed: [operation], before: situation });
      if (next.front !== front) this.#goOnFrom(next);
      else if (this.#isNew(next)) found.push(next);
    }
    return found;
  }

  #goOnFrom(situation: Situation<State>): void {
    if (situation.front.open.length === 0) {
      this.#end = situation;
    } else if (this.#isNew(situation)) {
      this.#waves.add(this.#timeline.distanceOf(situation.front), { situations: [situation], unanswered: 0 });
    }
  }

  /** The situation behind everything that can go at once. */
  #settled(situation: Situation<State>): Situation<State> {
    const { state } = situation;
    let { front, placed } = situation;
    while (true) {
      const idle = front.open.filter(
        (operation) => this.#isIdle(operation) && this.#answered(state, operation) !== null,
      );
      if (idle.length === 0) return { ...situation, front, placed };
      front = this.#timeline.behind(front, idle);
      placed = [...placed, ...idle];
    }
  }

  #isIdle(operation: number): boolean {
    const { input, output } = this.#operations[operation]!;
    return this.#model.isIdle(input, output as Output);
  }

  #answered(state: State, operation: number): State | null {
    const { input, output } = this.#operations[operation]!;
    this.#steps += 1;
    return this.#model.step(state, input, output as Output);
  }

  /** Not new either: one that was met with fewer of the unanswered used up, as whatever follows here followed there. */
  #isNew({ front, state, used }: Situation<State>): boolean {
    const key = `${front.open.join()} ${this.#model.identityOf(state)}`;
    const before = this.#met.get(key);
    if (before?.some((fewer) => (fewer & used) === fewer)) return false;
    if (before === undefined) this.#met.set(key, [used]);
    else before.push(used);
    this.#situations += 1;
    return true;
  }

  #spent(turn: number): "steps" | "memory" | "time" | null {
    const { stepsMax, situationsMax, isOver } = this.#limits;
    if (this.#steps >= stepsMax) return "steps";
    if (this.#situations >= situationsMax) return "memory";
    return turn % TURNS_BETWEEN_QUESTIONS === 0 && isOver() ? "time" : null;
  }
}

/** The situations that are furthest in time. When all have led nowhere, these show why. */
class DeadEnds<State> {
  #distance = -1;
  #situations: Situation<State>[] = [];

  note(situation: Situation<State>, distance: number): void {
    if (distance < this.#distance) return;
    if (distance > this.#distance) this.#situations = [];
    this.#distance = distance;
    this.#situations.push(situation);
  }

  told(model: Model<State, unknown, unknown>): DeadEnd {
    const situations = this.#situations.map((situation) => ({ situation, order: orderOf(situation) }));
    // The fewer are left open the more is explained; then, the fewer of the unanswered were needed for it.
    situations.sort(
      (a, b) => a.situation.front.open.length - b.situation.front.open.length || a.order.length - b.order.length,
    );
    const { open } = situations[0]!.situation.front;
    const different = new Map<string | number, readonly number[]>();
    for (const { situation, order } of situations) {
      const identity = model.identityOf(situation.state);
      if (!different.has(identity)) different.set(identity, order);
    }
    const orders = [...different.values()].slice(0, ORDERS_TOLD_MAX);
    return { stuck: open[0]!, open, orders, isAll: orders.length === different.size };
  }
}

function orderOf(end: Situation<unknown>): number[] {
  const parts: (readonly number[])[] = [];
  for (let situation: Situation<unknown> | null = end; situation !== null; situation = situation.before) {
    parts.push(situation.placed);
  }
  return parts.reverse().flat();
}

function bitOf(position: number): bigint {
  return 1n << BigInt(position);
}

/** For each input, the position of the last one before it that asks the same, or −1. */
function twinsOf(inputs: readonly unknown[]): number[] {
  const last = new Map<string, number>();
  return inputs.map((input, position) => {
    const text = JSON.stringify(input);
    const twin = last.get(text) ?? -1;
    last.set(text, position);
    return twin;
  });
}
