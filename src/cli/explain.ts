// `cabildo explain`: what an error's code means, what usually causes it, and what to do.

import { ERROR_CATALOGUE, type ErrorEntry, type ErrorGroup, entriesWithCode } from "./error-catalogue.ts";
import { EXIT_USAGE } from "./exit.ts";
import { say } from "./servers.ts";

const SUGGESTIONS_MAX = 5;

export function runExplain(code: string, output: string): number {
  const entries = entriesWithCode(code);
  if (entries.length === 0) {
    const near = similarTo(code);
    const hint = near.length > 0 ? `. Did you mean ${near.join(", ")}?` : ": docs/errors.md lists all";
    say(`there is no error "${code}"${hint}`);
    return EXIT_USAGE;
  }
  if (output === "json") {
    const shown = entries.map(({ group, ...entry }) => ({ field: group.title, ...entry }));
    process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
  } else {
    process.stdout.write(entries.map(entryText).join("\n"));
  }
  return 0;
}

function entryText({
  group,
  code,
  zookeeperCode,
  meaning,
  cause,
  remedy,
}: ErrorEntry & { readonly group: ErrorGroup }): string {
  const number = zookeeperCode === null ? "" : ` (ZooKeeper's ${zookeeperCode})`;
  return `${group.title}: ${code}${number}\n  ${meaning}\n  Why:        ${cause}\n  What to do: ${remedy}\n`;
}

/** Codes that hold a word of what was asked for. */
function similarTo(text: string): string[] {
  const words = text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word.length > 2);
  const codes = new Set(ERROR_CATALOGUE.flatMap(({ errors }) => errors.map(({ code }) => code)));
  return [...codes].filter((code) => words.some((word) => code.includes(word))).slice(0, SUGGESTIONS_MAX);
}
