// The page of planted bugs is their list in test/mutants. `npm test -- --update test/docs` writes it.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MUTANTS } from "../mutants/all.ts";
import type { Mutant } from "../mutants/mutant.ts";
import { repository } from "../support/cache.ts";

const PAGE = join(repository, "docs", "planted-bugs.md");

const HEAD = `# Planted bugs

*This page is made from \`test/mutants\` (\`npm test -- --update test/docs\`). Do not edit it by hand.*

Each row is a small deliberate fault: a patch of one rule in \`src/\`. [Reliability](reliability.md#planted-bugs) tells how they are planted,
and what the latest hunt found. The columns:

- **planted**: the name of the bug, which says what is broken; \`npm run mutants -- NAME\` plants it.
- **the rule it breaks**: what holds in the code as it is.
- **#**: the number of the [pitfall](pitfalls.md) that it is.
- **tests**: the test files that have to notice it, the quickest first. Their paths are listed in \`test/mutants/suites.ts\`.
- **simulator**: \`yes\` if the simulator's world has room for it; otherwise why not.
`;

test("docs/planted-bugs.md is the list of the planted bugs", () => {
  const rooms = [...new Set(MUTANTS.map(roomOf))];
  const page = [HEAD, ...rooms.map(sectionOf)].join("\n");
  if (process.env["UPDATE"] === "1") writeFileSync(PAGE, page);
  assert.equal(readFileSync(PAGE, "utf8"), page, "run `npm test -- --update test/docs`");
});

test("each pitfall of docs/pitfalls.md has a planted bug, and no other number is used", () => {
  const pitfalls = readFileSync(join(repository, "docs", "pitfalls.md"), "utf8");
  const listed = [...pitfalls.matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number));
  const planted = new Set(MUTANTS.flatMap(({ pitfall }) => (pitfall === undefined ? [] : [pitfall])));
  assert.deepEqual(
    [...planted].sort((a, b) => a - b),
    listed,
  );
});

function roomOf({ file }: Mutant): string {
  return /^src\/(protocols\/[^/]+|adapters\/[^/]+|consensus\/[^/]+|[^/]+)/.exec(file)![0];
}

function sectionOf(room: string): string {
  const rows = MUTANTS.filter((mutant) => roomOf(mutant) === room).map((mutant) => {
    const { name, rule, pitfall = "", caughtBy, simulator } = mutant;
    const tests = caughtBy.map((suite) => `\`${suite}\``).join(", ");
    return `| \`${name}\` | ${rule} | ${pitfall} | ${tests} | ${simulator === true ? "yes" : simulator} |`;
  });
  const head = ["| planted | the rule it breaks | # | tests | simulator |", "|---|---|---|---|---|"];
  return [`## \`${room}\``, "", ...head, ...rows, ""].join("\n");
}
