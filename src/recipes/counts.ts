// Checks of counts that callers give.

import { CoordinationError } from "../base/errors.ts";

/** Throws ("rejected") unless it is a whole number from 1 to `max`. */
export function checkCount(what: string, option: string, value: number, max = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return;
  const range = max === Number.MAX_SAFE_INTEGER ? "from 1" : `from 1 to ${max}`;
  throw new CoordinationError("rejected", "not-applied", `${what}: ${option} is a whole number ${range}, not ${value}`);
}
