// Python for the suites: kazoo, and what it needs for SASL, from PyPI in an environment of their own.
import { join } from "node:path";
import { cached, repository } from "../support/cache.ts";
import { locate, run } from "../support/commands.ts";
import type { Command } from "../support/program.ts";

const packages = ["kazoo==2.11.0", "pure-sasl==0.6.2"];

export interface Kazoo {
  /** The command that plays one recipe of kazoo/recipes.py. */
  recipe(name: string, connectString: string): Command;
  /** The command of another program in kazoo/. */
  program(name: string, ...args: readonly string[]): Command;
}

export async function kazoo(): Promise<Kazoo> {
  const python = locate("python3", "Python");
  const folder = await cached(`kazoo-${packages.join("-")}`, async (folder) => {
    await run(python, ["-m", "venv", folder]);
    await run(join(folder, "bin", "python"), ["-m", "pip", "install", "--quiet", ...packages]);
  });
  const program = (name: string, ...args: readonly string[]): Command => ({
    command: join(folder, "bin", "python"),
    args: ["-u", join(repository, "test", "interop", "kazoo", name), ...args],
    environment: { PYTHONDONTWRITEBYTECODE: "1" },
  });
  return { program, recipe: (name, connectString) => program("recipes.py", connectString, name) };
}
