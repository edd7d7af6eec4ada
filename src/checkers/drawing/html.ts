// Pieces of HTML. Text from a history is always escaped, and cannot change the writing direction of what follows.

import type { TextStyle } from "../explanation.ts";
import { printable, shortened } from "../formatting.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escaped(text: string): string {
  return printable(text).replaceAll(/[&<>"']/g, (character) => ESCAPES[character]!);
}

/** Words of the history within a sentence. */
export function code(words: string): string {
  return `<code><bdi>${escaped(shortened(words))}</bdi></code>`;
}

export const HTML: TextStyle = { words: code, name: (text) => `<bdi>${escaped(text)}</bdi>` };
