// C for the suites: ZooKeeper's C client and its command `cli_mt` from Debian's packages, and the program under c/.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cached, repository } from "../support/cache.ts";
import { locate, MissingRuntime, run } from "../support/commands.ts";
import type { Command } from "../support/program.ts";

const source = join(repository, "test", "interop", "c", "interop.c");
const header = "/usr/include/zookeeper/zookeeper.h";
const commandLine = "/usr/lib/zookeeper/bin/cli_mt";

export interface CClient {
  scenario(name: string, connectString: string): Command;
  commandLine(connectString: string): Command;
}

export async function cClient(): Promise<CClient> {
  const compiler = locate("cc", "a C compiler");
  if (!existsSync(header) || !existsSync(commandLine)) await installFromDebian();
  const name = `c-programs-${createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12)}`;
  const folder = await cached(name, async (folder) => {
    const flags = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-DTHREADED"];
    await run(compiler, [...flags, source, "-o", join(folder, "interop"), "-lzookeeper_mt", "-lpthread"]);
  });
  return {
    scenario: (name, connectString) => ({ command: join(folder, "interop"), args: [connectString, name] }),
    commandLine: (connectString) => ({
      command: "sh", // it talks on stderr alone
      args: ["-c", 'exec "$0" -h "$1" 2>&1', commandLine, connectString],
    }),
  };
}

async function installFromDebian(): Promise<void> {
  if (process.getuid?.() !== 0) throw new MissingRuntime("ZooKeeper's C client (libzookeeper-mt-dev, zookeeper-bin)");
  const apt = locate("apt-get", "Debian's package installer");
  const environment = { DEBIAN_FRONTEND: "noninteractive" };
  await run(apt, ["update", "-q"], { environment });
  const packages = ["libzookeeper-mt-dev", "zookeeper-bin"];
  await run(apt, ["install", "-y", "-q", "--no-install-recommends", ...packages], { environment });
}
