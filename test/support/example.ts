// An example as a user would run it: whole, against the sources.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

/** What it printed. The package's own name leads to its sources while it is not built. */
export async function example(name: string, environment: Record<string, string> = {}): Promise<string> {
  const { stdout } = await run(process.execPath, ["--conditions=source", "--import", "tsx", join("examples", name)], {
    cwd: root,
    env: { ...process.env, ...environment },
    timeout: 30_000,
  });
  return stdout;
}
