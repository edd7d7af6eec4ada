// What a history is made of, and what it is held against: the operations that clients asked for, and a model, which says
// how the one object that they all used answers when it is asked one operation at a time.

/** One request of one client. Times are of one clock, in any unit; only their order counts. */
export type Operation<Input, Output> = Answered<Input, Output> | Unanswered<Input>;

interface Asked<Input> {
  readonly client: string | number;
  readonly input: Input;
  /** When the client asked. */
  readonly call: number;
}

export interface Answered<Input, Output> extends Asked<Input> {
  readonly output: Output;
  /** When the client had its answer; not before `call`. What was called at this very time counts as concurrent. */
  readonly return: number;
}

/**
 * The answer never came: it may have taken effect at any moment since its call, may do so yet, or never will. A request
 * that certainly was not carried out does not belong into a history at all.
 */
export interface Unanswered<Input> extends Asked<Input> {
  readonly output?: undefined;
  readonly return: null;
}

/**
 * An object as its users understand it. Its states are immutable and its functions pure. Where more than one answer is
 * possible (any larger number will do for a token), `step` accepts each of them; where more than one state is, the state
 * has to stand for all of them.
 */
export interface Model<State, Input, Output> {
  readonly name: string;
  /** The part of the object that an operation is about. Parts never meet, so each is checked by itself. */
  keyOf(input: Input): string;
  initial(): State;
  /** The state after the operation, or null where the object would not have answered so. */
  step(state: State, input: Input, output: Output): State | null;
  /** The state after an operation whose answer nobody saw. The same state where it would have been turned down. */
  stepUnanswered(state: State, input: Input): State;
  /** Whether an operation that is answered so changes nothing, in any state: a read, or one that was turned down. */
  isIdle(input: Input, output: Output): boolean;
  /**
   * Optional: the operations with everything alike that no answer among them can tell apart, as values that are written
   * and never seen again. It spares the search from trying them all. Operations keep their places.
   */
  simplified?(operations: readonly Operation<Input, Output>[]): readonly Operation<Input, Output>[];
  /** Equal for states that behave alike from here on, and only for them. */
  identityOf(state: State): string | number;
  /** For people, short, without the key: `set-data "x" if version 3`. */
  describeInput(input: Input): string;
  /** For people, short: `version 4`. */
  describeOutput(output: Output): string;
  /** For people, short, to stand behind "/a is": `"x", version 4`. */
  describeState(state: State): string;
}
