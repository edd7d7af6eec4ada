// The end of a command of the membership in the bytes, if it can be read.

import { type Field, int32, NOWHERE, natural, skip, uint32At } from "../fields.ts";
import { MEMBERSHIP_OPERATION, STEP_KINDS } from "./commands.ts";

export function endOfMembershipCommand(bytes: Uint8Array, start: number, end: number): number {
  const at = start + 2;
  switch (bytes[start + 1]) {
    case MEMBERSHIP_OPERATION.change:
      return change(bytes, at, end);
    case MEMBERSHIP_OPERATION.giveUp:
      return natural(bytes, at, end);
    default:
      return NOWHERE;
  }
}

const change: Field = (bytes, start, end) => {
  const hasVersion = skip(1, start, end);
  let at = skip(1, natural(bytes, hasVersion, end), end);
  if (at === NOWHERE || bytes[start]! > 1) return NOWHERE;
  for (let left = bytes[at - 1]!; left > 0 && at !== NOWHERE; left--) at = step(bytes, at, end);
  return at;
};

const step: Field = (bytes, start, end) => {
  const at = skip(1, start, end);
  if (at === NOWHERE) return NOWHERE;
  switch (STEP_KINDS[bytes[start]!]) {
    case "remove":
    case "promote":
      return memberId(bytes, at, end);
    case "add":
    case "describe":
    case "put":
      return description(bytes, memberId(bytes, at, end), end);
    case "clear":
      return at;
    default:
      return NOWHERE;
  }
};

/** Of somebody: nobody is −1. */
const memberId: Field = (bytes, at, end) => {
  const after = int32(bytes, at, end);
  return after === NOWHERE || uint32At(bytes, at) >= 2 ** 31 ? NOWHERE : after;
};

const description: Field = (bytes, at, end) => {
  const text = skip(2, at, end);
  return text === NOWHERE ? NOWHERE : skip(bytes[at]! * 256 + bytes[at + 1]!, text, end);
};
