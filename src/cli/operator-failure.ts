// What operators' commands say when something was not done: what, why, and whether it may have been done all the same.

import { CoordinationError } from "../base/errors.ts";
import { EXIT_FAILED, EXIT_USAGE } from "./exit.ts";
import { say } from "./servers.ts";

const OUTCOME = {
  applied: "It was done",
  "not-applied": "It was not done",
  unknown: "It may have been done: look before you ask again",
} as const;

/**
 * Says it on stderr, as JSON where that was asked for, and gives the exit status. `isChange`: something was to be done, and whether
 * it was is told. What is no CoordinationError is a bug, and thrown.
 */
export function tellError(error: unknown, output: string, { isChange = true } = {}): number {
  if (!(error instanceof CoordinationError)) throw error;
  const { code, outcome, message } = error;
  if (output === "json") process.stderr.write(`${JSON.stringify({ error: { code, outcome, message } })}\n`);
  else say(isChange ? `${message.replace(/\.$/, "")}. ${OUTCOME[outcome]}` : message);
  return code === "configuration" ? EXIT_USAGE : EXIT_FAILED;
}
