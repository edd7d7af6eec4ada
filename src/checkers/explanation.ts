// The result of a check in a sentence or two.

import { listed, printable, shortened } from "./formatting.ts";
import type { Check, Violation } from "./linearizability.ts";
import type { Model, Operation } from "./model.ts";

/** How a medium sets what comes from the history itself within a sentence: escaped, as code. */
export interface TextStyle {
  words(text: string): string;
  name(text: string): string;
}

const PLAIN: TextStyle = { words: (text) => printable(shortened(text)), name: printable };

/** Says why there is no order: what one operation was answered, and what the object was then. */
function explainViolation<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  { key, stuck, states, statesAreAll }: Violation<State>,
  set: TextStyle = PLAIN,
): string {
  const { client, input, output } = history[stuck]!;
  const asked = `${set.name(clientName(client))}'s ${set.words(model.describeInput(input))} on ${set.words(key)}`;
  const answered = `was answered ${set.words(model.describeOutput(output as Output))}`;
  const possible = listed(states.map((state) => set.words(model.describeState(state))));
  const limit = statesAreAll ? "can only be" : "can be, for instance,";
  return `${asked} ${answered}, which no order explains: with all that was answered before in its place, ${set.words(key)} ${limit} ${possible}.`;
}

export function explainCheck<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  check: Check<State>,
  set: TextStyle = PLAIN,
): string {
  switch (check.verdict) {
    case "linearizable":
      return "Every answer is right as if the operations had taken effect one by one, each between its call and its return.";
    case "violated":
      return explainViolation(model, history, check.violation, set);
    case "undecided": {
      const parts = check.undecided.map(({ key, because }) => `${set.words(key)} (${BECAUSE[because]})`);
      return `The search was given up on ${listed(parts, "and")}; all else is linearizable.`;
    }
  }
}

export function clientName(client: string | number): string {
  return `Client ${shortened(String(client), NAME_LENGTH_MAX)}`;
}

const NAME_LENGTH_MAX = 40;
const BECAUSE = { steps: "too many steps", memory: "too much to remember", time: "its time was up" } as const;
