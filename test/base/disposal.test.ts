// `using` and what it calls, in realms that do not know them: whoever needs the symbols has them before anything else runs.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { type Builtins, defineDisposal } from "../../src/base/disposal.ts";

const SRC = "src";
const POLYFILL = join(SRC, "base", "disposal.ts");

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const found = text.matchAll(/^(?:import|export)\s(?!type\s)(?:[^;"']*\sfrom\s)?"(\.[^"]+)";/gm);
  return [...found].map(([, path]) => normalize(join(dirname(file), path!)));
}

function reaches(file: string, target: string, seen = new Set<string>()): boolean {
  if (file === target) return true;
  if (seen.has(file)) return false;
  seen.add(file);
  return importsOf(file).some((next) => reaches(next, target, seen));
}

test("whoever declares a dispose method, or says `using`, has the symbols defined before", () => {
  const users = readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(SRC, name))
    .filter((file) => file !== POLYFILL)
    .filter((file) => /^\s*(await )?using \w|Symbol\.(asyncD|d)ispose/m.test(readFileSync(file, "utf8")));
  assert.ok(users.length > 30, `${users.length} files`);
  assert.deepEqual(
    users.filter((file) => !reaches(file, POLYFILL)),
    [],
    "they import base/disposal.ts, or something that does",
  );
});

test("where they are missing they are Node's own if Node can be asked, and symbols all the same if it cannot", () => {
  const symbols: { dispose?: symbol; asyncDispose?: symbol } = {};
  defineDisposal(symbols, process);
  assert.equal(symbols.dispose, Symbol.dispose);
  assert.equal(symbols.asyncDispose, Symbol.asyncDispose);
  const hidden: readonly (Builtins | undefined)[] = [
    undefined,
    {},
    { getBuiltinModule: () => undefined },
    { getBuiltinModule: () => ({ ChildProcess: class {}, Readable: null }) },
    {
      getBuiltinModule: () => {
        throw new Error("not here");
      },
    },
  ];
  for (const builtins of hidden) {
    const own: { dispose?: symbol; asyncDispose?: symbol } = {};
    defineDisposal(own, builtins);
    assert.deepEqual(
      [own.dispose?.description, own.asyncDispose?.description],
      ["Symbol.dispose", "Symbol.asyncDispose"],
    );
  }
});

test("what is there stays, whoever defined it", () => {
  const symbols = { dispose: Symbol("another's") };
  const { dispose } = symbols;
  defineDisposal(symbols, process);
  assert.equal(symbols.dispose, dispose);
});
