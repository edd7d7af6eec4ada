// The build of the last landed commit, which `previous.json` names: made from the repository's history, once.
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { cached, repository } from "../support/cache.ts";
import { run } from "../support/commands.ts";

const named = join(repository, "test", "upgrade", "previous.json");
const sources = ["src", "package.json", "tsconfig.json", "tsconfig.build.json"];

/** What the previous build is called in messages. */
export const { commit: previousCommit } = JSON.parse(readFileSync(named, "utf8")) as { readonly commit: string };

/** Why the previous build cannot be made here: these sources have no history, or not all of it. Null: it can. */
export async function whyNoPreviousBuild(): Promise<string | null> {
  if (!existsSync(join(repository, ".git"))) return "these sources have no history to take the previous build from";
  const asked = await run("git", ["rev-parse", "--is-shallow-repository"], { cwd: repository });
  const isShallow = asked.trim() === "true";
  return isShallow ? "this clone is shallow: `git fetch --unshallow` gets the previous build" : null;
}

/** The path of its compiled `cabildo` command. */
export async function previousServer(): Promise<string> {
  const git = (...args: string[]) => run("git", args, { cwd: repository });
  await git("cat-file", "-e", `${previousCommit}^{commit}`).catch((error: unknown) => {
    throw new Error(
      `the history of this clone does not have the previous build, commit ${previousCommit} of test/upgrade/previous.json`,
      { cause: error },
    );
  });
  const folder = await cached(`previous-${previousCommit}`, async (folder) => {
    await git("archive", "--output", join(folder, "sources.tar"), previousCommit, ...sources);
    await run("tar", ["-xf", join(folder, "sources.tar"), "-C", folder]);
    assertSameDependencies(folder);
    symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
    const compiler = join(repository, "node_modules", ".bin", "tsc");
    // Today's compiler may complain of yesterday's types, and compiles them all the same.
    const complaint = await run(compiler, ["-p", "tsconfig.build.json"], { cwd: folder }).catch((error) => error);
    if (!existsSync(join(folder, "dist", "cli", "main.js"))) throw complaint;
  });
  return join(folder, "dist", "cli", "main.js");
}

/** It runs on this tree's node_modules. */
function assertSameDependencies(folder: string): void {
  const [theirs, ours] = [folder, repository].map((place) => {
    const { dependencies } = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as { dependencies: unknown };
    return JSON.stringify(dependencies);
  });
  if (theirs === ours) return;
  throw new Error(
    `the previous build, commit ${previousCommit} of test/upgrade/previous.json, needs ${theirs}, and this tree installs ${ours}: ` +
      "previousServer has to install its own",
  );
}
