// The tables of invariants in docs/reliability.md name exactly those that the simulator checks.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../support/cache.ts";

const page = readFileSync(join(repository, "docs", "reliability.md"), "utf8");

for (const [heading, folder] of [
  ["### The invariants", "src/sim"],
  ["### The recipes' invariants", "src/testing/swarm"],
] as const) {
  test(`the invariants of ${folder} are listed`, () => {
    const listed = namesOnPage(heading);
    const { text, checked } = namesInCode(folder);
    assert.ok(checked.length > 15, "invariants are found");
    assert.deepEqual(
      checked.filter((name) => !listed.includes(name)),
      [],
      "the page has no such row",
    );
    assert.deepEqual(
      listed.filter((name) => !text.includes(`"${name}"`)),
      [],
      "the code has no such name",
    );
  });
}

/** From the first column of the table below a heading; a cell may hold several, separated by semicolons or commas. */
function namesOnPage(heading: string): readonly string[] {
  const [, section = ""] = page.split(`${heading}\n`);
  const [body = ""] = section.split(/^##+ /m);
  const cells = [...body.matchAll(/^\| ([a-z][^|]+) \|/gm)].map(([, cell]) => cell!);
  const names = cells.filter((cell) => cell !== "invariant").flatMap((cell) => cell.split("; "));
  return [...new Set(names)].sort();
}

/** `checked`: those that a call of `violate` names. Some are named elsewhere, so the whole text comes along. */
function namesInCode(folder: string): { readonly text: string; readonly checked: readonly string[] } {
  const texts = readdirSync(join(repository, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(join(repository, folder, file), "utf8"));
  const checked = texts.flatMap((text) =>
    [...text.matchAll(/(?:\bviolate\(\s*|\breturn \[)"([a-z][^"]+)"/g)].map(([, name]) => name!),
  );
  return { text: texts.join("\n"), checked: [...new Set(checked)] };
}
