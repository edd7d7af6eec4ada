// Our own server as users run it: compiled, then plain Node. The build stands in .cache/, named by what it was built
// from, so that suites side by side share one build and none runs yesterday's.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cached, repository } from "./cache.ts";
import { run } from "./commands.ts";

/** The path of the compiled `cabildo` command. */
export async function builtServer(): Promise<string> {
  const folder = await cached(`build-${fingerprint()}`, async (folder) => {
    const compiler = join(repository, "node_modules", ".bin", "tsc");
    const args = ["-p", join(repository, "tsconfig.build.json"), "--outDir", join(folder, "dist")];
    let complaint: unknown;
    // An error of types still compiles, and has its own check; here only a command that never came to be is fatal.
    await run(compiler, args, { cwd: repository }).catch((error: unknown) => {
      complaint = error;
    });
    if (!existsSync(join(folder, "dist", "cli", "main.js")))
      throw complaint ?? new Error("the build has no cli/main.js");
    copyFileSync(join(repository, "package.json"), join(folder, "package.json"));
  });
  return join(folder, "dist", "cli", "main.js");
}

function fingerprint(): string {
  const hash = createHash("sha256");
  const sources = readdirSync(join(repository, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .sort();
  for (const name of sources) hash.update(name).update(readFileSync(join(repository, "src", name)));
  for (const name of ["package.json", "tsconfig.json", "tsconfig.build.json"]) {
    hash.update(readFileSync(join(repository, name)));
  }
  return hash.digest("hex").slice(0, 16);
}
