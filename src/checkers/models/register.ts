// Registers: each key holds one value, which is read, written, and compared and set. A key never written holds null.

import type { Model, Operation } from "../model.ts";
import { unseenBeside } from "./unseen.ts";

export type Value = string | number | boolean | null;

export interface RegisterState {
  readonly value: Value;
}

export type RegisterInput =
  | { readonly kind: "read"; readonly key: string }
  | { readonly kind: "write"; readonly key: string; readonly value: Value }
  | { readonly kind: "compare-and-set"; readonly key: string; readonly expected: Value; readonly value: Value };

export type RegisterOutput =
  /** To a read. */
  | { readonly kind: "value"; readonly value: Value }
  /** To a write, and to a compare-and-set that found what it expected. */
  | { readonly kind: "done" }
  /** To a compare-and-set that found something else. */
  | { readonly kind: "rejected" };

const NEVER_WRITTEN: RegisterState = { value: null };

export const register: Model<RegisterState, RegisterInput, RegisterOutput> = {
  name: "register",
  keyOf: ({ key }) => key,
  initial: () => NEVER_WRITTEN,

  step(state, input, output) {
    switch (input.kind) {
      case "read":
        return output.kind === "value" && output.value === state.value ? state : null;
      case "write":
        return output.kind === "done" ? { value: input.value } : null;
      case "compare-and-set":
        if (input.expected !== state.value) return output.kind === "rejected" ? state : null;
        return output.kind === "done" ? { value: input.value } : null;
    }
  },

  stepUnanswered(state, input) {
    switch (input.kind) {
      case "read":
        return state;
      case "write":
        return { value: input.value };
      case "compare-and-set":
        return input.expected === state.value ? { value: input.value } : state;
    }
  },

  isIdle: (input, output) => input.kind === "read" || output.kind === "rejected",
  simplified(operations) {
    const seen = new Set(operations.flatMap(valuesSpokenOf));
    const unseen = unseenBeside(seen);
    return operations.map((operation) => {
      const { input } = operation;
      if (input.kind === "read" || seen.has(input.value)) return operation;
      return { ...operation, input: { ...input, value: unseen } };
    });
  },

  identityOf: ({ value }) => JSON.stringify(value),

  describeInput(input) {
    switch (input.kind) {
      case "read":
        return "read";
      case "write":
        return `write ${JSON.stringify(input.value)}`;
      case "compare-and-set":
        return `write ${JSON.stringify(input.value)} if ${JSON.stringify(input.expected)}`;
    }
  },
  describeOutput: (output) => (output.kind === "value" ? JSON.stringify(output.value) : output.kind),
  describeState: ({ value }) => JSON.stringify(value),
};

/** What an operation says of the value before it. */
function valuesSpokenOf({ input, output }: Operation<RegisterInput, RegisterOutput>): Value[] {
  if (input.kind === "compare-and-set") return [input.expected];
  return output?.kind === "value" ? [output.value] : [];
}
