// The public API: what each entry point of the package exports, as `test/api/*.txt` says. A change of these files is a change for users,
// and is reviewed like code. `npm test -- --update test/api` rewrites them.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { builtServer } from "../support/built-server.ts";
import { repository } from "../support/cache.ts";
import { flatten } from "./declarations.ts";

const isUpdate = process.env["UPDATE"] === "1";
const FOLDER = join(repository, "test", "api");

const entries = entryPoints();
const build = join(dirname(await builtServer()), "..", "..");

/** By the name of its text file: the declaration file of each entry point in package.json. */
function entryPoints(): readonly (readonly [string, string])[] {
  const { exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
    exports: Record<string, string | { readonly types: string }>;
  };
  return Object.entries(exports).flatMap(([path, target]) =>
    typeof target === "string" ? [] : [[path === "." ? "cabildo" : path.slice("./".length), target.types] as const],
  );
}

for (const [name, declarations] of entries) {
  test(`the exports of ${name === "cabildo" ? name : `cabildo/${name}`} are those of test/api/${name}.txt`, () => {
    const actual = flatten(join(build, declarations));
    const file = join(FOLDER, `${name}.txt`);
    if (isUpdate) writeFileSync(file, actual);
    const expected = existsSync(file) ? readFileSync(file, "utf8") : "";
    assert.deepEqual(
      differences(expected, actual),
      [],
      "run `npm test -- --update test/api`, and review what has changed",
    );
  });
}

/** The lines that only one of the texts has; if there are none, and the texts differ all the same, a line that says so. */
function differences(expected: string, actual: string): readonly string[] {
  if (expected === actual) return [];
  const [before, now] = [expected.split("\n"), actual.split("\n")];
  const gone = before.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const come = now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`);
  return gone.length + come.length > 0 ? [...gone, ...come] : ["the same lines in another order or number"];
}

test("each text of the API belongs to an entry point", () => {
  const texts = readdirSync(FOLDER).filter((file) => file.endsWith(".txt"));
  assert.deepEqual(texts.sort(), entries.map(([name]) => `${name}.txt`).sort());
});
