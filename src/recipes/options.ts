// How recipes take their options: what there is not, or cannot be, is refused before anything is begun.

import { CoordinationError } from "../base/errors.ts";
import { OPTION, type OptionRule, problemOf } from "../base/options.ts";

/** Throws a CoordinationError ("rejected") where there is no such option, or its value cannot be. */
export function checkOptions(what: string, options: unknown, rules: Readonly<Record<string, OptionRule>>): void {
  const problem = problemOf(options, rules);
  if (problem !== null) throw new CoordinationError("rejected", "not-applied", `${what}: ${problem}`);
}

/** Of options that cannot be left out. */
export const COUNT = OPTION.required({
  is: "a whole number from 1",
  fits: (value) => Number.isSafeInteger(value) && Number(value) >= 1,
});
