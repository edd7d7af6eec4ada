// The planted bugs fit the sources as they are: whoever moves a rule hears of it here, not when the bugs are next hunted.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { MUTANTS } from "./all.ts";
import { planted } from "./mutant.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

test("each planted bug has a name of its own, that says what is broken", () => {
  const names = MUTANTS.map(({ name }) => name);
  assert.deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  );
  for (const name of names) assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)+$/);
});

test("each patches what stands exactly once in its file, and what comes of it can be loaded", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cabildo-patches-"));
  try {
    for (const mutant of MUTANTS) {
      const original = join(ROOT, mutant.file);
      const text = planted(mutant, readFileSync(original, "utf8"));
      const file = join(folder, mutant.name, mutant.file);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, withImportsFrom(dirname(original), text));
      await assert.doesNotReject(import(pathToFileURL(file).href), `${mutant.name} cannot be loaded`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** What a file imports stays where it is. */
function withImportsFrom(folder: string, text: string): string {
  return text.replaceAll(
    /((?: from|^import) ")(\.[^"]+)"/gm,
    (_, from, path) => `${from}${pathToFileURL(resolve(folder, path)).href}"`,
  );
}
