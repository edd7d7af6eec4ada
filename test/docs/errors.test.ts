// The page of all errors is the catalogue, word for word, so no code is missing there. `npm test -- --update test/docs` writes it.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ERROR_CATALOGUE, type ErrorEntry, type ErrorGroup, entriesWithCode } from "../../src/cli/error-catalogue.ts";
import { repository } from "../support/cache.ts";

const PAGE = join(repository, "docs", "errors.md");

const HEAD = `# All errors

*This page is made from the error catalogue in the code (\`npm test -- --update test/docs\`). Do not edit it by hand.*

Every error of the library is a \`CoordinationError\` with two fields to decide by:

- \`outcome\` says what became of the operation. \`"applied"\`: it took effect. \`"not-applied"\`: it did not, and never will, so it can be
  repeated. \`"unknown"\`: it may have taken effect, or may yet.
- \`code\` says what happened. Some errors have a finer field besides.

A member tells its own troubles in its log, in sentences that name the file or the setting, and ends with exit status 1 or 2.
`;

test("docs/errors.md is the error catalogue", () => {
  const page = [HEAD, ...ERROR_CATALOGUE.map(sectionOf)].join("\n");
  if (process.env["UPDATE"] === "1") writeFileSync(PAGE, page);
  assert.equal(readFileSync(PAGE, "utf8"), page, "run `npm test -- --update test/docs`");
});

test("each explanation is whole sentences", () => {
  for (const group of ERROR_CATALOGUE) {
    for (const entry of group.errors) {
      for (const text of [entry.meaning, entry.cause, entry.remedy]) {
        assert.match(text, /^[A-Z`].*\.$/, `${group.title} ${entry.code}: ${text}`);
      }
    }
  }
});

test("a code is found by its name in any case, and by ZooKeeper's number", () => {
  const codesOf = (text: string) => entriesWithCode(text).map(({ code, group }) => `${group.title} ${code}`);
  assert.deepEqual(codesOf("NO-QUORUM"), ["CoordinationError.code no-quorum"]);
  assert.deepEqual(codesOf("-101"), ["ZooKeeperError.reason no-node"]);
  assert.deepEqual(codesOf("69"), ["Exit status 69"]);
  assert.equal(entriesWithCode("deadline").length, 3);
  assert.deepEqual(codesOf("none-such"), []);
});

function sectionOf({ title, where, errors }: ErrorGroup): string {
  const isNumbered = errors.some(({ zookeeperCode }) => zookeeperCode !== null);
  const columns = [
    title === "Exit status" ? "status" : "code",
    ...(isNumbered ? ["number"] : []),
    "it means",
    "cause",
    "what to do",
  ];
  const rows = errors.map((entry) => rowOf(entry, isNumbered));
  const lines = [columns, columns.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return [`## ${title}`, "", where, "", ...lines, ""].join("\n");
}

function rowOf(entry: ErrorEntry, isNumbered: boolean): readonly string[] {
  const number = isNumbered ? [entry.zookeeperCode === null ? "" : String(entry.zookeeperCode)] : [];
  return [`\`${entry.code}\``, ...number, entry.meaning, entry.cause, entry.remedy];
}
