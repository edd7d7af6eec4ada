// Every operation that clients may ask for, found by its number: whatever entry the files of this room export.

import { assert } from "../../../base/assert.ts";
import * as multi from "./multi.ts";
import type { Operation } from "./operation.ts";
import * as proofs from "./proofs.ts";
import * as reads from "./reads.ts";
import * as watching from "./watching.ts";
import * as writes from "./writes.ts";

/** In the order of their numbers. */
export const OPERATIONS: readonly Operation[] = [reads, watching, writes, multi, proofs]
  .flatMap((exported): unknown[] => Object.values(exported))
  .filter(isOperation)
  .sort((a, b) => a.opcode - b.opcode);

const LOWEST = OPERATIONS[0]!.opcode;
/** How many numbers there are from the lowest opcode to the highest. */
export const OPCODE_SPAN = OPERATIONS.at(-1)!.opcode - LOWEST + 1;

const byPlace: (Operation | undefined)[] = new Array(OPCODE_SPAN).fill(undefined);
for (const operation of OPERATIONS) {
  assert(byPlace[placeOf(operation)] === undefined, `two operations have the opcode ${operation.opcode}`);
  byPlace[placeOf(operation)] = operation;
}

/** A number below `OPCODE_SPAN`, for tables by operation. */
export function placeOf({ opcode }: Operation): number {
  return opcode - LOWEST;
}

export function operationOf(opcode: number): Operation | undefined {
  return byPlace[opcode - LOWEST];
}

/** An entry, and not one of the functions and limits beside it. */
function isOperation(value: unknown): value is Operation {
  return typeof value === "object" && value !== null && "opcode" in value && "abbreviation" in value;
}
