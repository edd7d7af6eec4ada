// Checks of recipes' options: unknown and impossible ones are refused before anything is begun.

import { CoordinationError } from "../base/errors.ts";
import { OPTION, type OptionRule, problemOf } from "../base/options.ts";

/** Throws a CoordinationError ("rejected") for an unknown option, and for an impossible value. */
export function checkOptions(what: string, options: unknown, rules: Readonly<Record<string, OptionRule>>): void {
  const problem = problemOf(options, rules);
  if (problem !== null) throw new CoordinationError("rejected", "not-applied", `${what}: ${problem}`);
}

/** A required count. */
export const COUNT = OPTION.required({
  is: "a whole number from 1",
  fits: (value) => Number.isSafeInteger(value) && Number(value) >= 1,
});
