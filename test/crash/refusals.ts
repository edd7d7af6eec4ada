// What a member says when it does not start, judged.
import { basename } from "node:path";
import type { Damaged } from "./damage.ts";

/** A refusal is an exit status of its own and a sentence that names the file and what to do; never a stack. */
export function poorRefusal(words: string, damaged: readonly Damaged[]): string[] {
  const status = /^--- member \d+ ended with (\w+)/m.exec(words)?.[1];
  const said = wordsOf(words);
  return [
    ...(status === "1" || status === "2" ? [] : [`it ended with ${status}`]),
    ...(said.includes("    at ") ? [`a stack instead of a sentence:\n${said}`] : []),
    ...(damaged.some(({ file }) => said.includes(basename(file)))
      ? []
      : [`it names none of the damaged files:\n${said}`]),
  ];
}

/** What the member itself printed. */
export function wordsOf(log: string): string {
  return log.replaceAll(/^---.*\n/gm, "");
}
