// docs/pitfalls.md is the list that code, tests and planted bugs cite: its rows are numbered, every citation has a row, and
// every file and script that a row names exists.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { MUTANTS } from "./mutants/all.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SCRIPTS = join("test", "consensus", "raft", "scripts");
const list = readFileSync(join(ROOT, "docs", "pitfalls.md"), "utf8");
const numbers = [...list.matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number));

test("the rows are numbered from 1, without a gap", () => {
  assert.ok(numbers.length > 30);
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => i + 1),
  );
});

test("every pitfall that a source, a test or a planted bug cites is in the list", () => {
  const unknown: string[] = [];
  let citations = 0;
  const cite = (where: string, number: number) => {
    citations++;
    if (!numbers.includes(number)) unknown.push(`${where}: pitfall ${number}`);
  };
  for (const { name, pitfall } of MUTANTS) if (pitfall !== undefined) cite(name, pitfall);
  for (const folder of ["src", "test"]) {
    for (const file of readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts") && !join(folder, file).startsWith(SCRIPTS)) continue;
      if (!existsSync(join(ROOT, folder, file)) || file.endsWith("scripts")) continue;
      const text = readFileSync(join(ROOT, folder, file), "utf8");
      for (const [, some] of text.matchAll(/\bpitfalls? ((?:\d+(?:, | and )?)+)/gi)) {
        for (const number of some!.match(/\d+/g)!) cite(join(folder, file), Number(number));
      }
    }
  }
  assert.ok(citations > 50, `only ${citations} citations were found`);
  assert.deepEqual(unknown, []);
});

test("every file and every script that a row names exists", () => {
  const scripts = readdirSync(join(ROOT, SCRIPTS));
  const missing: string[] = [];
  for (const [, name] of list.matchAll(/`([^`\s]+)`/g)) {
    if (name!.startsWith("test/")) {
      if (!existsSync(join(ROOT, name!))) missing.push(name!);
    } else if (/^[a-z]+(_[a-z*]+)+$/.test(name!)) {
      const beginning = name!.replace(/\*$/, "");
      if (!scripts.some((script) => script.startsWith(beginning))) missing.push(name!);
    }
  }
  assert.deepEqual(missing, []);
});
