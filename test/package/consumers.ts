// A project as users have it: the packed tarball in its node_modules, beside the test runners, bundler, compilers and Nodes
// that it is used with. What comes from the registry is installed once.

import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { builtServer } from "../support/built-server.ts";
import { cached, repository } from "../support/cache.ts";
import { locate, run } from "../support/commands.ts";
import { installedNode, NODE_LINES, type NodeLine } from "../support/nodes.ts";

/** Exact, so that what passes today passes tomorrow. vitest 4 and Vite 8 bring a binary that not every registry has. */
const INSTALLED = {
  jest: "30.5.2",
  vitest: "3.2.7",
  vite: "7.3.8",
  esbuild: "0.28.2",
  "@types/node": "20.19.43",
  ts52: "npm:typescript@5.2.2",
  ts56: "npm:typescript@5.6.3",
  ts59: "npm:typescript@5.9.3",
};

/** Jest 30 defines `Symbol.dispose` in its contexts by itself; the one before, which many have, does not. */
const JEST_BEFORE = { jest: "29.7.0" };

export const COMPILERS = ["ts52", "ts56", "ts59"] as const;

export interface Project {
  readonly folder: string;
  /** The same, beside the Jest before. */
  readonly withJestBefore: { readonly folder: string; readonly jest: string };
  /** Of a package's command, in plain JavaScript. */
  command(packageName: string, path: string): string;
  node(line: NodeLine): string;
}

/** With what the package itself depends on, as its package.json says. */
export async function project(): Promise<Project> {
  const { dependencies } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  const all = { ...INSTALLED, ...dependencies };
  const hash = createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 16);
  const root = await cached(`package-consumers-${hash}`, (folder) => install(folder, all));
  const before = await cached(`package-jest-${JEST_BEFORE.jest}`, (folder) => install(folder, JEST_BEFORE));
  const nodes = new Map<NodeLine, string>();
  for (const line of NODE_LINES) nodes.set(line, await installedNode(line));
  const installed = join(root, "node_modules");
  const folder = join(root, "project");
  rmSync(folder, { recursive: true, force: true });
  await unpack(join(folder, "node_modules"), root);
  const folderBefore = join(before, "project");
  rmSync(folderBefore, { recursive: true, force: true });
  mkdirSync(join(folderBefore, "node_modules"), { recursive: true });
  symlinkSync(join(folder, "node_modules", "cabildo"), join(folderBefore, "node_modules", "cabildo"));
  for (const each of [folder, folderBefore]) {
    cpSync(join(repository, "test", "package", "programs"), each, { recursive: true });
  }
  return {
    folder,
    withJestBefore: { folder: folderBefore, jest: join(before, "node_modules", "jest", "bin", "jest.js") },
    command: (packageName, path) => join(installed, packageName, path),
    node: (line) => nodes.get(line)!,
  };
}

export async function install(folder: string, dependencies: Readonly<Record<string, string>>): Promise<void> {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
  await run(locate("npm"), ["install", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: folder });
}

/** `npm pack`, of what a release would have, and its contents where npm would put them. */
export async function unpack(modules: string, scratch: string): Promise<void> {
  const built = dirname(dirname(await builtServer())); // …/dist
  const staged = join(scratch, "staged");
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged);
  for (const name of ["package.json", "README.md", "README.es.md", "CHANGELOG.md", "LICENSE", "llms.txt", "src"]) {
    cpSync(join(repository, name), join(staged, name), { recursive: true });
  }
  cpSync(built, join(staged, basename(built)), { recursive: true });
  await run(locate("npm"), ["pack", "--ignore-scripts", "--pack-destination", scratch], { cwd: staged });
  const tarball = readdirSync(scratch).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  mkdirSync(join(modules, "cabildo"), { recursive: true });
  await run(locate("tar"), ["-xzf", join(scratch, tarball), "--strip-components=1", "-C", join(modules, "cabildo")]);
  rmSync(join(scratch, tarball));
  rmSync(staged, { recursive: true });
  if (!existsSync(join(modules, "cabildo", "dist", "index.d.ts"))) throw new Error("the tarball has no types");
}
