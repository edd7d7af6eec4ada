// Go for the suites: go-zookeeper through the module proxy, and the program under go/ built with it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cached, repository } from "../support/cache.ts";
import { locate, run } from "../support/commands.ts";
import type { Command } from "../support/program.ts";

const sources = join(repository, "test", "interop", "go");

export interface Go {
  scenario(name: string, connectString: string): Command;
}

export async function go(): Promise<Go> {
  const compiler = locate("go", "Go");
  const sum = createHash("sha256");
  for (const file of ["go.mod", "go.sum", "main.go"]) sum.update(readFileSync(join(sources, file)));
  const folder = await cached(`go-programs-${sum.digest("hex").slice(0, 12)}`, async (folder) => {
    await run(compiler, ["build", "-o", join(folder, "interop"), "."], { cwd: sources, timeoutMs: 600_000 });
  });
  return {
    scenario: (name, connectString) => ({ command: join(folder, "interop"), args: [connectString, name] }),
  };
}
