// `Symbol.dispose` and `Symbol.asyncDispose`, in every realm. Node 20 and 22 define them for the main one alone: in the VM
// contexts in which Jest and vitest's `vmThreads` run tests, they are missing. Whoever declares such a method, or says `using`,
// imports this first (test/base/disposal.test.ts sees to it): a class would get a method named "undefined", and a `using` would
// throw when what it should release is already held.

type Name = "dispose" | "asyncDispose";

/** What Node is asked for: one of its classes that has such a method. */
export interface Builtins {
  getBuiltinModule?(name: string): unknown;
}

/** Node's classes that tell its own symbols, so that its objects fit into a `using` of this realm. */
const TOLD_BY: readonly (readonly [name: Name, module: string, className: string])[] = [
  ["dispose", "node:child_process", "ChildProcess"],
  ["asyncDispose", "node:stream", "Readable"],
];

/** What is there stays, whoever defined it. */
export function defineDisposal(symbols: Partial<Record<Name, symbol>>, builtins: Builtins | undefined): void {
  for (const [name, module, className] of TOLD_BY) {
    if (symbols[name] !== undefined) continue;
    const value = symbolOfNode(name, () => builtins?.getBuiltinModule?.(module), className) ?? Symbol(`Symbol.${name}`);
    Object.defineProperty(symbols, name, { value, writable: false, enumerable: false, configurable: false });
  }
}

function symbolOfNode(name: Name, load: () => unknown, className: string): symbol | undefined {
  try {
    const { prototype } = (load() as Readonly<Record<string, { readonly prototype: object }>>)[className]!;
    const descriptions = [`Symbol.${name}`, `nodejs.${name}`];
    return Object.getOwnPropertySymbols(prototype).find(({ description = "" }) => descriptions.includes(description));
  } catch {
    return undefined; // no Node, or one that hides it
  }
}

defineDisposal(Symbol, (globalThis as { readonly process?: Builtins }).process);
