// Links in the pages: each relative link leads to a file or folder of the repository, and each anchor to a heading of its page.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { repository } from "../support/cache.ts";
import { allPages, anchorsOf, linksOf, type Page, parsePage } from "./support/pages.ts";

const pages = allPages();

test("every relative link and anchor leads somewhere", () => {
  assert.deepEqual(pages.flatMap(brokenLinks), []);
});

test("docs/README.md leads to every page of docs/", () => {
  const isListed = new Set(linksOf(pageAt("docs/README.md")).map(({ target }) => fileOf("docs/README.md", target)));
  const missing = pages.map(({ path }) => path).filter((path) => path.startsWith("docs/") && path !== "docs/README.md");
  assert.deepEqual(
    missing.filter((path) => !isListed.has(path)),
    [],
  );
});

test("a link to nowhere is found: a missing file, a missing anchor here and in another page, a file outside of the repository", () => {
  const text =
    "# Title\n[a](none.md) [b](#none) [c](errors.md#none) [d](../../x) [e](#title) [f](https://example.org) `[g](x)`\n";
  assert.deepEqual(brokenLinks(parsePage("docs/test.md", text)), [
    "docs/test.md:2: none.md",
    "docs/test.md:2: #none",
    "docs/test.md:2: errors.md#none",
    "docs/test.md:2: ../../x",
  ]);
});

test("anchors are made as GitHub makes them", () => {
  const text = "## What's *new*, `here`?\n## [A](b.md) & C\n## Ágil\n## Ágil\n```sh\n# no heading\n```\n";
  assert.deepEqual([...anchorsOf(parsePage("x.md", text))], ["whats-new-here", "a--c", "ágil", "ágil-1"]);
});

function brokenLinks(page: Page): readonly string[] {
  return linksOf(page)
    .filter(({ target }) => !/^[a-z][a-z+.-]*:/i.test(target) && !isGood(page, target))
    .map(({ target, line }) => `${page.path}:${line}: ${target}`);
}

function isGood(page: Page, target: string): boolean {
  const file = fileOf(page.path, target);
  if (file.startsWith("..") || !existsSync(join(repository, file))) return file === page.path && isAnchor(page, target);
  const there = file === page.path ? page : pages.find(({ path }) => path === file);
  return there === undefined || isAnchor(there, target);
}

function isAnchor(page: Page, target: string): boolean {
  const [, anchor] = target.split("#");
  return anchor === undefined || anchorsOf(page).has(decodeURIComponent(anchor));
}

function fileOf(from: string, target: string): string {
  const [path = ""] = target.split("#");
  return path === "" ? from : normalize(join(dirname(from), decodeURIComponent(path)));
}

function pageAt(path: string): Page {
  const page = pages.find((each) => each.path === path);
  assert.ok(page !== undefined, `${path} is missing`);
  return page;
}
