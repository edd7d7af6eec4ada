// The files of a directory as values: read, written elsewhere, compared.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The files of a directory, by path; null: a directory. */
export type Contents = ReadonlyMap<string, Buffer | null>;

/** The files below a directory as they stand. */
export function readContents(root: string): Map<string, Buffer | null> {
  if (!existsSync(root)) return new Map();
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).map((name) => join(root, name));
  return new Map(paths.sort().map((path) => [path, statSync(path).isDirectory() ? null : readFileSync(path)]));
}

/** Writes what stood below one directory below another. */
export function writeContents(contents: Contents, root: string, at: string): void {
  mkdirSync(at, { recursive: true });
  for (const [path, bytes] of contents) {
    const target = path.replace(root, at);
    if (bytes === null) mkdirSync(target, { recursive: true });
    else writeFileSync(target, bytes);
  }
}

/** Null: equal; or the first thing that is not. */
export function difference(found: Contents, wanted: Contents): string | null {
  for (const path of new Set([...found.keys(), ...wanted.keys()])) {
    const [a, b] = [found.get(path), wanted.get(path)];
    if (a === undefined || b === undefined) return `${path} is ${a === undefined ? "missing" : "too many"}`;
    if (a === null || b === null ? a !== b : !a.equals(b)) return `${path} has other content`;
  }
  return null;
}
