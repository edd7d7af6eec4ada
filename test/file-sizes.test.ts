// No file has more than 400 lines: a longer one tells several stories, and each of them gets a file.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "./support/cache.ts";

const LINES_MAX = 400;

for (const folder of ["src", "test", "scripts", "bench", "examples"]) {
  test(`no file of ${folder}/ has more than ${LINES_MAX} lines`, () => {
    const files = readdirSync(join(repository, folder), { recursive: true, encoding: "utf8" });
    const sources = files.filter((file) => file.endsWith(".ts") && !file.includes("node_modules"));
    const lengths = sources.map((file) => {
      const text = readFileSync(join(repository, folder, file), "utf8");
      return { file: `${folder}/${file}`, lines: text.trimEnd().split("\n").length };
    });
    assert.ok(lengths.length > 0, "files are found");
    assert.deepEqual(
      lengths.filter(({ lines }) => lines > LINES_MAX),
      [],
    );
  });
}
