// A planted bug: one rule of the sources, broken by a patch of a few words. The suite must notice each; one that it does
// not notice shows a promise that nothing guards.

import type { SuiteName } from "./suites.ts";

export interface Mutant {
  /** Reads as the rule when it is broken. */
  readonly name: string;
  /** The rule that is kept where nothing is planted. */
  readonly rule: string;
  /** Of the known ways for such a system to fail, the one that this is. */
  readonly pitfall?: number;
  readonly file: string;
  /** Stands exactly once in the file, so that a rule which moves is missed at once. */
  readonly find: string;
  readonly replace: string;
  /** Suites that are to notice it, the cheapest first. */
  readonly caughtBy: readonly SuiteName[];
  /** True: the simulator of whole ensembles is to notice it as well. Else why it cannot. */
  readonly simulator: true | string;
}

/** The file's text with the bug in it. Throws where the rule does not stand, once, as the mutant knows it. */
export function planted({ name, file, find, replace }: Mutant, text: string): string {
  const at = text.indexOf(find);
  if (at === -1) throw new Error(`${name}: ${file} no longer holds what is to be patched:\n${find}`);
  if (text.indexOf(find, at + 1) !== -1) throw new Error(`${name}: ${file} holds more than once:\n${find}`);
  if (find === replace) throw new Error(`${name}: the patch of ${file} changes nothing`);
  return text.slice(0, at) + replace + text.slice(at + find.length);
}
