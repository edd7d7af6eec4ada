// Linearizability by its definition, slow and obvious: every order of the operations that need a place, and of any of the
// others, is tried, and one suffices. For histories of a handful of operations.

import type { Model, Operation } from "../../../src/checkers/model.ts";

export function hasAnyOrder<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  needsPlace: (operation: Operation<Input, Output>) => boolean = (operation) => operation.return !== null,
): boolean {
  const goesOn = (state: State, left: readonly Operation<Input, Output>[]): boolean => {
    if (!left.some(needsPlace)) return true;
    return left.some((operation) => {
      const others = left.filter((other) => other !== operation);
      if (others.some((other) => other.return !== null && other.return < operation.call)) return false;
      const after: State | null =
        operation.return === null
          ? model.stepUnanswered(state, operation.input)
          : model.step(state, operation.input, operation.output);
      return after !== null && goesOn(after, others);
    });
  };
  return goesOn(model.initial(), history);
}
