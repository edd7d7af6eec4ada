// Node for the suites: node-zookeeper-client from the npm registry, in a folder of its own.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cached, repository } from "../support/cache.ts";
import { locate, run } from "../support/commands.ts";
import type { Command } from "../support/program.ts";

const version = "1.1.3";

export interface NodeClient {
  scenario(name: string, connectString: string): Command;
}

export async function nodeClient(): Promise<NodeClient> {
  const folder = await cached(`node-zookeeper-client-${version}`, async (folder) => {
    const manifest = { private: true, dependencies: { "node-zookeeper-client": version } };
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    await run(locate("npm"), ["install", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: folder });
  });
  const program = join(repository, "test", "interop", "node", "program.mjs");
  return {
    scenario: (name, connectString) => ({ command: process.execPath, args: [program, connectString, name, folder] }),
  };
}
