// The API reference, made from the public documentation of every entry point into api/: npm run docs
//
// TypeDoc needs a TypeScript that is written in JavaScript, up to 6; ours is 7. So both stand in .cache/, not among the
// dependencies.

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cached, repository } from "../test/support/cache.ts";
import { run } from "../test/support/commands.ts";

const TYPEDOC = "0.28.20";
const TYPESCRIPT = "5.9.3";
const OUTPUT = join(repository, "api");

const tools = await cached(`typedoc-${TYPEDOC}-${TYPESCRIPT}`, async (folder) => {
  const packages = [`typedoc@${TYPEDOC}`, `typescript@${TYPESCRIPT}`];
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefix", folder, ...packages]);
});

/** What the package exports is what it documents. */
const { exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly source: string }>>;
};
const entries = Object.values(exports).flatMap((target) => (typeof target === "string" ? [] : [target.source]));

rmSync(OUTPUT, { recursive: true, force: true });
// A module's name is the one it is imported by: its description says it (`@module`).
const options = ["--tsconfig", "tsconfig.build.json", "--out", OUTPUT, "--name", "Cabildo", "--excludePrivate"];
const typedoc = join(tools, "node_modules", "typedoc", "bin", "typedoc");
await run(process.execPath, [typedoc, ...options, "--logLevel", "Error", ...entries], { cwd: repository });
console.log(`${entries.length} entry points, ${join(OUTPUT, "index.html")}`);
