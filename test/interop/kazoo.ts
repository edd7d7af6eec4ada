// Python for the suites: kazoo, and what it needs for SASL, from PyPI in an environment of their own.
import { join } from "node:path";
import { cached, repository } from "../support/cache.ts";
import { locate, run } from "../support/commands.ts";
import type { Command } from "../support/program.ts";

const packages = ["kazoo==2.11.0", "pure-sasl==0.6.2"];

export interface Kazoo {
  /** The command that plays one recipe of kazoo/recipes.py. */
  recipe(name: string, connectString: string): Command;
}

export async function kazoo(): Promise<Kazoo> {
  const python = locate("python3", "Python");
  const folder = await cached(`kazoo-${packages.join("-")}`, async (folder) => {
    await run(python, ["-m", "venv", folder]);
    await run(join(folder, "bin", "python"), ["-m", "pip", "install", "--quiet", ...packages]);
  });
  const program = join(repository, "test", "interop", "kazoo", "recipes.py");
  return {
    recipe: (name, connectString) => ({
      command: join(folder, "bin", "python"),
      args: ["-u", program, connectString, name],
      environment: { PYTHONDONTWRITEBYTECODE: "1" },
    }),
  };
}
