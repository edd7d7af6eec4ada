// Looks for one order of the operations on one part of an object in which every answer is right and nobody overtakes what
// had returned before he called (Wing and Gong, "Testing and Verifying Concurrent Objects"), never entering a situation
// twice (Lowe, "Testing for linearizability").
//
// A situation is: which operations have found their place, and the state they leave. The first need no set of bits: all
// that were called before the first return still open have their place, except those still open, so the list of these
// says it all, and is never longer than there are clients.
//
// Operations that were never answered come on top. One that changes nothing is left out. Of equal ones the earliest goes
// first. And a situation reached with some of them used up is not entered when it was met with fewer: those left over can
// still take effect later, or never. So they cost little until they are needed to explain an answer.

import { assert } from "../base/assert.ts";
import type { Model, Operation } from "./model.ts";
import { type Opening, Timeline } from "./timeline.ts";

/** What a search may use up before it gives up. */
export interface SearchLimits {
  readonly stepsMax: number;
  readonly situationsMax: number;
  /** Asked now and then; true ends the search. */
  isOver(): boolean;
}

export type SearchResult<State> =
  | { readonly kind: "found"; readonly steps: number; readonly order: readonly number[] }
  | { readonly kind: "none"; readonly steps: number; readonly deadEnd: DeadEnd<State> }
  | { readonly kind: "given-up"; readonly steps: number; readonly because: "steps" | "memory" | "time" };

/** How far one can get. The history up to the answer of `stuck` has no order; without that answer it has this one. */
export interface DeadEnd<State> {
  /** The operation whose answer cannot be explained. */
  readonly stuck: number;
  /** The longest order that explains every answer given before that one. */
  readonly order: readonly number[];
  /** The state behind that order first, then the others that orders as far as this one can leave. */
  readonly states: readonly State[];
  /** Called before that answer, and without a place in the order: `stuck` itself, and others whose answers come later. */
  readonly open: readonly number[];
}

/** States of a dead end beyond these are not told: nobody would read them. */
const STATES_TOLD_MAX = 8;
const TURNS_BETWEEN_QUESTIONS = 1024;

/** A situation on the way from the beginning to the present one, and how many of the ways out of it have been tried. */
interface Situation<State> {
  /** The operation that led here; −1 at the beginning. */
  readonly placed: number;
  readonly state: State;
  readonly identity: string | number;
  /** A bit for each of those never answered that has taken effect. */
  readonly used: bigint;
  /** Null where nothing is left to explain. */
  readonly opening: Opening | null;
  /** The next way to try: first those answered, then those never answered. */
  next: number;
}

export function search<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  limits: SearchLimits,
): SearchResult<State> {
  return new Search(model, operations, limits).run();
}

class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #operations: readonly Operation<Input, Output>[];
  readonly #limits: SearchLimits;
  readonly #timeline: Timeline;
  /** For each operation never answered, the last equal one before it, or −1. */
  readonly #twins: readonly number[];
  readonly #path: Situation<State>[] = [];
  /** Situations met, each with the sets of unanswered operations that were used up on the ways to it. */
  readonly #met = new Map<string, bigint[]>();
  #situations = 0;
  #steps = 0;

  constructor(
    model: Model<State, Input, Output>,
    operations: readonly Operation<Input, Output>[],
    limits: SearchLimits,
  ) {
    this.#model = model;
    this.#operations = operations;
    this.#limits = limits;
    this.#timeline = new Timeline(operations);
    this.#twins = twinsOf(this.#timeline.unanswered.map((position) => operations[position]!.input));
  }

  run(): SearchResult<State> {
    const furthest = new Furthest<State>();
    this.#enter(-1, this.#model.initial(), 0n);
    for (let turn = 0; ; turn++) {
      const situation = this.#path.at(-1)!;
      if (situation.opening === null) return { kind: "found", steps: this.#steps, order: orderOf(this.#path) };
      const because = this.#spent(turn);
      if (because !== null) return { kind: "given-up", steps: this.#steps, because };
      if (this.#tryNextWay(situation, situation.opening)) continue;
      furthest.note(situation, situation.opening, this.#path);
      if (this.#path.length === 1)
        return { kind: "none", steps: this.#steps, deadEnd: furthest.deadEnd(this.#timeline) };
      this.#leave();
    }
  }

  /** False where all have been tried. */
  #tryNextWay(situation: Situation<State>, { operations, firstReturn }: Opening): boolean {
    const way = situation.next;
    const unanswered = way - operations.length;
    if (unanswered >= this.#timeline.unansweredBefore(firstReturn)) return false;
    situation.next += 1;
    if (unanswered < 0) this.#tryAnswered(situation, operations[way]!);
    else this.#tryUnanswered(situation, unanswered);
    return true;
  }

  #tryAnswered({ state, used }: Situation<State>, position: number): void {
    const { input, output } = this.#operations[position]!;
    this.#steps += 1;
    const after = this.#model.step(state, input, output as Output);
    if (after !== null) this.#enter(position, after, used);
  }

  #tryUnanswered({ state, identity, used }: Situation<State>, unanswered: number): void {
    const bit = bitOf(unanswered);
    if ((used & bit) !== 0n) return;
    const twin = this.#twins[unanswered]!;
    if (twin >= 0 && (used & bitOf(twin)) === 0n) return;
    const position = this.#timeline.unanswered[unanswered]!;
    this.#steps += 1;
    const after = this.#model.stepUnanswered(state, this.#operations[position]!.input);
    if (this.#model.identityOf(after) !== identity) this.#enter(position, after, used | bit);
  }

  /** Goes on to the situation behind an operation, unless it was met before. */
  #enter(placed: number, state: State, used: bigint): void {
    this.#take(placed);
    const opening = this.#timeline.opening();
    const identity = this.#model.identityOf(state);
    if (opening === null || this.#isNew(opening, identity, used)) {
      this.#path.push({ placed, state, identity, used, opening, next: 0 });
    } else {
      this.#putBack(placed);
    }
  }

  #leave(): void {
    this.#putBack(this.#path.pop()!.placed);
  }

  #take(placed: number): void {
    if (this.#isInTimeline(placed)) this.#timeline.take(placed);
  }

  #putBack(placed: number): void {
    if (this.#isInTimeline(placed)) this.#timeline.putBack(placed);
  }

  #isInTimeline(placed: number): boolean {
    return placed >= 0 && this.#operations[placed]!.return !== null;
  }

  /** Not new either: one that was met with fewer of the unanswered used up, as whatever follows here followed there. */
  #isNew(opening: Opening, identity: string | number, used: bigint): boolean {
    const key = `${opening.operations.join()} ${identity}`;
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

/** Where the search got furthest, in the time of the history. */
class Furthest<State> {
  #deepest: { readonly opening: Opening; readonly identity: string | number; readonly order: number[] } | null = null;
  readonly #states = new Map<string | number, State>();

  /** Notes a situation that leads nowhere. */
  note({ identity, state }: Situation<State>, opening: Opening, path: readonly Situation<State>[]): void {
    const distance = opening.firstReturn - (this.#deepest?.opening.firstReturn ?? -1);
    if (distance < 0) return;
    if (distance > 0) this.#states.clear();
    this.#states.set(identity, state);
    if (distance > 0 || this.#explainsMore(opening, path.length - 1)) {
      this.#deepest = { opening, identity, order: orderOf(path) };
    }
  }

  deadEnd(timeline: Timeline): DeadEnd<State> {
    assert(this.#deepest !== null, "a search that found nothing has not been anywhere");
    const { opening, identity, order } = this.#deepest;
    const others = [...this.#states].filter(([other]) => other !== identity).map(([, state]) => state);
    return {
      stuck: timeline.operationAt(opening.firstReturn),
      order,
      states: [this.#states.get(identity)!, ...others].slice(0, STATES_TOLD_MAX),
      open: opening.operations,
    };
  }

  /** As far as the deepest one, but with fewer operations left open; or as many, and fewer needed to have taken effect unseen. */
  #explainsMore({ operations }: Opening, placedCount: number): boolean {
    assert(this.#deepest !== null, "nothing to compare with");
    const openFewer = this.#deepest.opening.operations.length - operations.length;
    return openFewer > 0 || (openFewer === 0 && placedCount < this.#deepest.order.length);
  }
}

function orderOf(path: readonly Situation<unknown>[]): number[] {
  return path.slice(1).map(({ placed }) => placed);
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
