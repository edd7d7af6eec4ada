// Who this program is, for those who see it hold a lock or wait for one.

import { hostname } from "node:os";
import type { OptionRule } from "../base/options.ts";

/** `label@host:pid`, or `host:pid`. */
export function ownIdentity(label: string | undefined): string {
  return identityAt(`${hostname()}:${process.pid}`, label);
}

/** `place`: as `host:pid`. */
export function identityAt(place: string, label: string | undefined): string {
  return label === undefined || label === "" ? place : `${label}@${place}`;
}

/** In a node's data, in errors and in tables. */
const LABEL_CHARACTERS_MAX = 80;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

export const LABEL: OptionRule = {
  is: `text of at most ${LABEL_CHARACTERS_MAX} characters, without control characters`,
  fits: (value) => typeof value === "string" && value.length <= LABEL_CHARACTERS_MAX && !CONTROL.test(value),
};
