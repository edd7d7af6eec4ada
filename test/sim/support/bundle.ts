// The simulator as a browser would have it: one script, with no module of Node's in it.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { build, type Plugin } from "esbuild";

const TREE = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** Lets the build fail on anything that a browser has not: Node's modules, and packages. */
const noModules: Plugin = {
  name: "no modules but our own",
  setup(hooks) {
    hooks.onResolve({ filter: /^[^./]/ }, ({ path, importer }) => ({
      errors: [{ text: `${importer} imports ${path}: a browser has no such module` }],
    }));
  },
};

/** `entry`: a file of the tree, as `src/…`. Its exports become the properties of the global `cabildo`. */
export async function bundled(entry: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `export * from "./${entry}";`, resolveDir: TREE, loader: "ts" },
    bundle: true,
    write: false,
    platform: "browser",
    format: "iife",
    globalName: "cabildo",
    target: "es2022",
    logLevel: "silent",
    plugins: [noModules],
  });
  return outputFiles[0]!.text;
}

/** What a browser gives a page, of all that the script needs; nothing of Node's. */
const BROWSERS_GLOBALS = [
  "MessageChannel",
  "TextEncoder",
  "TextDecoder",
  "AbortController",
  "AbortSignal",
  "DOMException",
];

/** Runs a script in a realm of its own, and returns its exports. */
export function runInBrowsersRealm<Exports>(script: string): Exports {
  const globals = Object.fromEntries(
    BROWSERS_GLOBALS.map((name) => [name, (globalThis as unknown as Record<string, unknown>)[name]]),
  );
  const context = vm.createContext(globals);
  vm.runInContext(script, context);
  return vm.runInContext("cabildo", context) as Exports;
}
