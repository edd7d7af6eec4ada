// Looks for one order of the operations on one part of an object in which every answer is right and nobody overtakes what
// had returned before he called (Wing and Gong, "Testing and Verifying Concurrent Objects"), never entering a configuration
// twice (Lowe, "Testing for linearizability"). A configuration is a frontier, and the state behind it.
//
// What is answered rightly and changes nothing, as a read, goes at once: if it can go later it can go now, and nobody is any
// worse off. So only changes are tried in different orders, always where the search has got furthest in time.
//
// Operations that were never answered cost little until they are needed to explain an answer:
//
//   - They are tried only where nothing else gets near: first one, then two in a row, and so on.
//   - One that changes nothing there is left out.
//   - Of equal ones the earliest goes first. The model says which may be taken for equal.
//   - A configuration reached with some of them used up is not entered when it was met with fewer: those left over can still
//     take effect later, or never.

import { BucketQueue } from "./bucket-queue.ts";
import type { Model, Operation } from "./model.ts";
import { type Frontier, Timeline } from "./timeline.ts";

/** What a search may use up before it gives up. */
export interface SearchLimits {
  readonly stepsMax: number;
  readonly configurationsMax: number;
  /** Asked now and then; true ends the search. */
  isOver(): boolean;
  /** So many events does it go back and try other ways before it takes one of those never answered for the cause. */
  readonly backtrackEventsMax?: number;
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
const BACKTRACK_EVENTS_MAX = 64;

interface Configuration<State> {
  readonly frontier: Frontier;
  readonly state: State;
  /** A bit for each of those never answered that has taken effect. */
  readonly used: bigint;
  /** How it was reached: the operations placed last, and from where. */
  readonly placed: readonly number[];
  readonly before: Configuration<State> | null;
}

/** Configurations on one frontier from which it is to be gone on, and how many of those never answered must come next. */
interface Wave<State> {
  readonly configurations: readonly Configuration<State>[];
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
  /** Configurations met, each with the sets of unanswered operations that were used up on the ways to it. */
  readonly #met = new Map<string, bigint[]>();
  readonly #deadEnds = new DeadEnds<State>();
  #configurations = 0;
  #steps = 0;
  #end: Configuration<State> | null = null;

  constructor(
    model: Model<State, Input, Output>,
    operations: readonly Operation<Input, Output>[],
    limits: SearchLimits,
  ) {
    this.#model = model;
    this.#operations = operations;
    this.#limits = limits;
    this.#timeline = new Timeline(operations);
    this.#twins = equalsBefore(this.#timeline.unanswered.map((position) => this.#operations[position]!.input));
  }

  run(): SearchResult {
    const start = {
      frontier: this.#timeline.start(),
      state: this.#model.initial(),
      used: 0n,
      placed: [],
      before: null,
    };
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

  #follow({ configurations, unanswered }: Wave<State>): void {
    const from =
      unanswered === 0
        ? configurations
        : configurations.flatMap((configuration) => this.#withOneUnanswered(configuration));
    for (const configuration of from) this.#placeChanges(configuration);
    if (from.length === 0) return;
    const next = { configurations: from, unanswered: unanswered + 1 };
    const { backtrackEventsMax = BACKTRACK_EVENTS_MAX } = this.#limits;
    this.#waves.add(this.#timeline.distanceOf(from[0]!.frontier) - backtrackEventsMax * next.unanswered, next);
  }

  #placeChanges(configuration: Configuration<State>): void {
    const { frontier, state, used } = configuration;
    this.#deadEnds.note(configuration, this.#timeline.distanceOf(frontier));
    // Backwards: of what is added last for one distance, the search goes on first.
    for (let place = frontier.open.length - 1; place >= 0; place--) {
      const operation = frontier.open[place]!;
      const after = this.#answered(state, operation);
      if (after === null) continue;
      const placed = [operation];
      const behind = this.#timeline.behind(frontier, placed);
      this.#goOnFrom(this.#settled({ frontier: behind, state: after, used, placed, before: configuration }));
    }
  }

  #withOneUnanswered(configuration: Configuration<State>): Configuration<State>[] {
    const { frontier, state, used } = configuration;
    const found: Configuration<State>[] = [];
    const count = this.#timeline.unansweredBefore(this.#timeline.distanceOf(frontier));
    for (let position = 0; position < count; position++) {
      const bit = bitOf(position);
      const twin = this.#twins[position]!;
      if ((used & bit) !== 0n || (twin >= 0 && (used & bitOf(twin)) === 0n)) continue;
      const operation = this.#timeline.unanswered[position]!;
      this.#steps += 1;
      const after = this.#model.stepUnanswered(state, this.#operations[operation]!.input);
      if (this.#model.identityOf(after) === this.#model.identityOf(state)) continue;
      const next = this.#settled({
        frontier,
        state: after,
        used: used | bit,
        placed: [operation],
        before: configuration,
      });
      if (next.frontier !== frontier) this.#goOnFrom(next);
      else if (this.#isNew(next)) found.push(next);
    }
    return found;
  }

  #goOnFrom(configuration: Configuration<State>): void {
    if (configuration.frontier.open.length === 0) {
      this.#end = configuration;
    } else if (this.#isNew(configuration)) {
      this.#waves.add(this.#timeline.distanceOf(configuration.frontier), {
        configurations: [configuration],
        unanswered: 0,
      });
    }
  }

  /** The configuration behind everything that can go at once. */
  #settled(configuration: Configuration<State>): Configuration<State> {
    const { state } = configuration;
    let { frontier, placed } = configuration;
    while (true) {
      const idle = frontier.open.filter(
        (operation) => this.#isIdle(operation) && this.#answered(state, operation) !== null,
      );
      if (idle.length === 0) return { ...configuration, frontier, placed };
      frontier = this.#timeline.behind(frontier, idle);
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
  #isNew({ frontier, state, used }: Configuration<State>): boolean {
    const key = `${frontier.open.join()} ${this.#model.identityOf(state)}`;
    const before = this.#met.get(key);
    if (before?.some((fewer) => (fewer & used) === fewer)) return false;
    if (before === undefined) this.#met.set(key, [used]);
    else before.push(used);
    this.#configurations += 1;
    return true;
  }

  #spent(turn: number): "steps" | "memory" | "time" | null {
    const { stepsMax, configurationsMax, isOver } = this.#limits;
    if (this.#steps >= stepsMax) return "steps";
    if (this.#configurations >= configurationsMax) return "memory";
    return turn % TURNS_BETWEEN_QUESTIONS === 0 && isOver() ? "time" : null;
  }
}

/** The configurations that are furthest in time. When all have led nowhere, these show why. */
class DeadEnds<State> {
  #distance = -1;
  #configurations: Configuration<State>[] = [];

  note(configuration: Configuration<State>, distance: number): void {
    if (distance < this.#distance) return;
    if (distance > this.#distance) this.#configurations = [];
    this.#distance = distance;
    this.#configurations.push(configuration);
  }

  told(model: Model<State, unknown, unknown>): DeadEnd {
    const configurations = this.#configurations.map((configuration) => ({
      configuration,
      order: orderOf(configuration),
    }));
    // The fewer are left open the more is explained; then, the fewer of the unanswered were needed for it.
    configurations.sort(
      (a, b) =>
        a.configuration.frontier.open.length - b.configuration.frontier.open.length || a.order.length - b.order.length,
    );
    const { open } = configurations[0]!.configuration.frontier;
    const different = new Map<string | number, readonly number[]>();
    for (const { configuration, order } of configurations) {
      const identity = model.identityOf(configuration.state);
      if (!different.has(identity)) different.set(identity, order);
    }
    const orders = [...different.values()].slice(0, ORDERS_TOLD_MAX);
    return { stuck: open[0]!, open, orders, isAll: orders.length === different.size };
  }
}

function orderOf(end: Configuration<unknown>): number[] {
  const parts: (readonly number[])[] = [];
  for (
    let configuration: Configuration<unknown> | null = end;
    configuration !== null;
    configuration = configuration.before
  ) {
    parts.push(configuration.placed);
  }
  return parts.reverse().flat();
}

function bitOf(position: number): bigint {
  return 1n << BigInt(position);
}

/** For each input, the position of the last one before it that asks the same, or −1. */
function equalsBefore(inputs: readonly unknown[]): number[] {
  const last = new Map<string, number>();
  return inputs.map((input, position) => {
    const text = JSON.stringify(input);
    const twin = last.get(text) ?? -1;
    last.set(text, position);
    return twin;
  });
}
