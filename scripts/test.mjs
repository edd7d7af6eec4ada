// Runs the tests in the files and folders given, or all that need no runtime but Node. Files run one after another: several start
// ensembles of their own, and would time each other otherwise.

import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const NEEDS_OTHER_RUNTIMES = [join("test", "interop"), join("test", "suites"), join("test", "package")];

const given = process.argv.slice(2);
const places = given.length > 0 ? given : ["test"];
const files = places
  .flatMap((place) => (statSync(place).isFile() ? [place] : below(place)))
  .filter((file) => file.endsWith(".test.ts"))
  .filter((file) => given.length > 0 || !NEEDS_OTHER_RUNTIMES.some((folder) => file.startsWith(folder)))
  .sort();

function below(folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => join(folder, file));
}

if (files.length === 0) {
  console.error(`no tests in ${places.join(", ")}`);
  process.exit(1);
}

const child = spawn(process.execPath, ["--import", "tsx", "--test", "--test-concurrency=1", ...files], {
  stdio: "inherit",
});
child.on("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
