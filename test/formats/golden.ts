// Golden files of formats on disk and wire: bytes in hex beside what they mean. A format that changed shows as a diff of
// its file. `npm test -- --update test/formats` writes the files anew: for a new format, never for one that has users.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = dirname(fileURLToPath(import.meta.url));
const BYTES_PER_LINE = 32;

export interface GoldenEntry {
  readonly title: string;
  readonly bytes: Uint8Array;
  /** What a reader of this version makes of the bytes. */
  readonly meaning: readonly string[];
}

/** The entries stand in the file as they are; else it is written anew, if that is asked for. */
export function compareWithGolden(name: string, entries: readonly GoldenEntry[]): void {
  const path = join(FOLDER, name);
  const text = entries.map(textOf).join("\n");
  if (process.env["UPDATE"] === "1") writeFileSync(path, text);
  assert.ok(existsSync(path), `${name} is missing: npm test -- --update test/formats writes it`);
  assert.equal(text, readFileSync(path, "utf8"));
}

/** The bytes of each entry of a golden file, by title. */
export function goldenBytes(name: string): ReadonlyMap<string, Uint8Array> {
  const entries = new Map<string, Uint8Array>();
  for (const block of readFileSync(join(FOLDER, name), "utf8").split("\n\n")) {
    const [title = "", ...lines] = block.trim().split("\n");
    const hex = lines.filter((line) => !line.startsWith("  = ")).join("");
    entries.set(title, new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ""), "hex")));
  }
  return entries;
}

function textOf({ title, bytes, meaning }: GoldenEntry): string {
  const hex =
    Buffer.from(bytes)
      .toString("hex")
      .match(new RegExp(`.{1,${2 * BYTES_PER_LINE}}`, "g")) ?? [];
  return [title, ...hex.map((line) => `  ${line}`), ...meaning.map((line) => `  = ${line}`), ""].join("\n");
}
