// The code blocks of a page of the documentation, with what stands behind the language: "```ts file=lock.mts".

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./cache.ts";

export interface CodeBlock {
  readonly language: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly text: string;
}

/** In the order of the page. `page`: a path from the top of the tree. */
export function codeBlocks(page: string): readonly CodeBlock[] {
  const text = readFileSync(join(repository, page), "utf8");
  return [...text.matchAll(/^```(\w+)([^\n]*)\n(.*?)^```$/gms)].map(([, language = "", info = "", body = ""]) => ({
    language,
    settings: new Map(info.trim().split(/\s+/).filter(Boolean).map(pair)),
    text: body,
  }));
}

function pair(setting: string): readonly [name: string, value: string] {
  const at = setting.indexOf("=");
  return at === -1 ? [setting, ""] : [setting.slice(0, at), setting.slice(at + 1)];
}
