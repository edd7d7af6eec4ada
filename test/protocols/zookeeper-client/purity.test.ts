// The client runs wherever its ports do: one file of it knows Node.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const folder = join(import.meta.dirname, "..", "..", "..", "src", "protocols", "zookeeper", "client");
const OF_NODE =
  /from "node:|(?<![.#$\w])(Date\.now|new Date\b|performance\.|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|process\.|crypto\.|Buffer\b|fetch\(|require\()/;

test("only node.ts knows Node's sockets, timers, clock and chance", () => {
  const files = readdirSync(folder).filter((name) => name !== "node.ts" && name !== "index.ts");
  assert.ok(files.length > 10);
  for (const name of files) {
    const code = readFileSync(join(folder, name), "utf8")
      .replaceAll(/\/\*[\s\S]*?\*\//g, "")
      .replaceAll(/(^|\s)\/\/.*$/gm, "");
    assert.doesNotMatch(code, OF_NODE, name);
    if (name !== "node.ts") assert.doesNotMatch(code, /from "\.\/(node|index)\.ts"/, name);
  }
});
