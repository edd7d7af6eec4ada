// Runs the tests below the folders given, or all that need no runtime but Node. Files run one after another: several start
// ensembles of their own, and would time each other otherwise.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const NEEDS_OTHER_RUNTIMES = join("test", "interop");

const given = process.argv.slice(2);
const folders = given.length > 0 ? given : ["test"];
const files = folders
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => join(folder, file)))
  .filter((file) => file.endsWith(".test.ts"))
  .filter((file) => given.length > 0 || !file.startsWith(NEEDS_OTHER_RUNTIMES))
  .sort();

if (files.length === 0) {
  console.error(`no tests below ${folders.join(", ")}`);
  process.exit(1);
}

const child = spawn(process.execPath, ["--import", "tsx", "--test", "--test-concurrency=1", ...files], {
  stdio: "inherit",
});
child.on("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
