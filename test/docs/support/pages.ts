// The Markdown pages of the repository, cut into what the tests of the documentation look at: fenced blocks, headings, links, code.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../../support/cache.ts";

export interface Page {
  /** From the top of the repository, with slashes. */
  readonly path: string;
  readonly blocks: readonly Block[];
  /** Everything outside of fenced blocks and comments; line breaks are where they were. */
  readonly prose: string;
}

/** A fenced block. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** The number of its first line in the page, from 1. */
  readonly line: number;
  /** The nearest comment `<!-- docs:… -->` above it in the page; null where there is none. */
  readonly note: Note | null;
}

/** A comment for the tests, which readers of the rendered page do not see: `<!-- docs:KIND TEXT -->`. */
interface Note {
  readonly kind: string;
  readonly text: string;
  /** The number of the comment's first line in the page, from 1. */
  readonly line: number;
}

export interface Link {
  readonly target: string;
  readonly line: number;
}

/** Every page under version control. */
export function allPages(): readonly Page[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"], {
    cwd: repository,
    encoding: "utf8",
  });
  const paths = listed.split("\0").filter((path) => path !== "");
  return paths.map((path) => parsePage(path, readFileSync(join(repository, path), "utf8")));
}

export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let note: Note | null = null;
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    const fence = /^( *)(```+)(\S*)/.exec(line);
    if (fence !== null) {
      const [, indent = "", ticks = "", language = ""] = fence;
      const from = i + 1;
      for (i = from; i < lines.length && !isFenceEnd(lines[i]!, ticks); i++) prose.push("");
      const content = lines
        .slice(from, i)
        .map((inner) => (inner.startsWith(indent) ? inner.slice(indent.length) : inner));
      blocks.push({ language, text: `${content.join("\n")}\n`, line: from + 1, note });
      prose.push("", "");
    } else if (line.startsWith("<!--")) {
      const from = i;
      while (i < lines.length && !lines[i]!.includes("-->")) {
        prose.push("");
        i++;
      }
      prose.push("");
      note = noteIn(lines.slice(from, i + 1).join("\n"), from + 1) ?? note;
    } else {
      prose.push(line);
    }
  }
  return { path, blocks, prose: prose.join("\n") };
}

function isFenceEnd(line: string, ticks: string): boolean {
  return line.trim().startsWith(ticks) && /^`+$/.test(line.trim());
}

function noteIn(comment: string, line: number): Note | null {
  const match = /^<!-- docs:(\S+)\s*(.*?)\s*-->/s.exec(comment);
  if (match === null) return null;
  const [, kind = "", text = ""] = match;
  return { kind, text, line };
}

/** Links and images, as they are written; those inside of code are none. */
export function linksOf({ prose }: Page): readonly Link[] {
  const links: Link[] = [];
  prose.split("\n").forEach((line, i) => {
    const bare = line.replaceAll(/`+[^`]*`+/g, "code");
    for (const [, target] of bare.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)) {
      links.push({ target: target!, line: i + 1 });
    }
    const definition = /^\[[^\]]+\]:\s*(\S+)/.exec(bare);
    if (definition !== null) links.push({ target: definition[1]!, line: i + 1 });
  });
  return links;
}

/** The anchors that a page offers: of its headings, by GitHub's rule, and of its `<a name>`. */
export function anchorsOf({ prose }: Page): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const line of prose.split("\n")) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line);
    if (heading !== null) anchors.add(unused(anchorOf(heading[1]!), anchors));
    for (const [, name] of line.matchAll(/<a (?:name|id)="([^"]+)"/g)) anchors.add(name!);
  }
  return anchors;
}

function anchorOf(heading: string): string {
  const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, "");
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
}

function unused(anchor: string, taken: ReadonlySet<string>): string {
  if (!taken.has(anchor)) return anchor;
  let count = 1;
  while (taken.has(`${anchor}-${count}`)) count++;
  return `${anchor}-${count}`;
}

/** Inline code, with the line on which it begins. A span may go on in the next line. */
export function codeSpansOf({ prose }: Page): readonly { readonly text: string; readonly line: number }[] {
  return [...prose.matchAll(/(?<!`)(`+)(?!`)((?:(?!\n\n)[\s\S])*?[^`])\1(?!`)/g)].map((match) => ({
    text: match[2]!.replaceAll(/\s+/g, " ").trim(),
    line: prose.slice(0, match.index).split("\n").length,
  }));
}
