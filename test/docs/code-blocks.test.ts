// TypeScript in the pages: each block compiles under `strict` against what the package exports, as a program of a user's would.
//
// A block is a module by itself. A comment `<!-- docs:given CODE -->` above it stands for what the reader has already (a connection
// `c`, a function of theirs); it holds for all blocks up to the next such comment. `<!-- docs:excerpt FILE -->` says that the block is
// cut out of a file of this repository instead: then its lines have to be there, in this order, with `…` for what was left out.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { repository } from "../support/cache.ts";
import { allPages, type Block, type Page, parsePage } from "./support/pages.ts";

interface Place {
  readonly page: Page;
  readonly block: Block;
}

// Inside of the repository, so that "cabildo" means this package, by the exports of its package.json.
mkdirSync(join(repository, ".cache"), { recursive: true });
const folder = mkdtempSync(join(repository, ".cache", "docs-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const places = allPages().flatMap(typescriptIn);

test("every TypeScript block compiles", () => {
  assert.ok(places.length > 20, "blocks are found");
  assert.deepEqual(complaintsOf(places.filter(({ block }) => block.note?.kind !== "excerpt")), []);
});

test("the example in the description of each module of the package compiles, and names the module as it is imported", () => {
  const pages = moduleDescriptions();
  assert.ok(pages.length >= 8, `${pages.length} modules`);
  for (const [name, page] of pages) {
    assert.ok(
      page.blocks.some(({ text }) => text.includes(`from "${name}"`)),
      `${page.path} has an example`,
    );
  }
  assert.deepEqual(complaintsOf(pages.flatMap(([, page]) => typescriptIn(page))), []);
});

test("every excerpt stands in the file that it names", () => {
  const excerpts = places.filter(({ block }) => block.note?.kind === "excerpt");
  assert.deepEqual(excerpts.flatMap(missingLines), []);
});

test("a block that does not compile is found, on its line", () => {
  const text =
    "<!-- docs:given\ndeclare const given: 1;\n-->\n```ts\nimport { connect } from 'cabildo';\ngiven;\nconnect(1);\n```\n";
  const complaints = complaintsOf(typescriptIn(parsePage("docs/wrong.md", text)));
  assert.equal(complaints.length, 1);
  assert.match(complaints[0]!, /^docs\/wrong\.md:7: .*'number' is not assignable/);
});

test("an excerpt that differs from its file is found", () => {
  const lines = [
    "interface Place {",
    "readonly page: Page;",
    "readonly none: 1;",
    "…",
    "const places = allPages().flatMap(typescriptIn);",
    "function moduleOf() {",
  ];
  const text = `<!-- docs:excerpt test/docs/code-blocks.test.ts -->\n\`\`\`ts\n${lines.join("\n")}\n\`\`\`\n`;
  assert.deepEqual(typescriptIn(parsePage("x.md", text)).flatMap(missingLines), [
    "x.md:5: readonly none: 1;",
    "x.md:8: function moduleOf() {",
  ]);
});

/** The comment at the beginning of each entry point, as a page; its lines are those of the file. */
function moduleDescriptions(): readonly (readonly [name: string, page: Page])[] {
  const { exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | { readonly source: string }>>;
  };
  return Object.entries(exports).flatMap(([path, target]) => {
    if (typeof target === "string") return [];
    const text = readFileSync(join(repository, target.source), "utf8");
    const name = path.replace(/^\./, "cabildo");
    assert.match(text, new RegExp(`^ \\* @module ${name}$`, "m"), target.source);
    const [comment = ""] = /^\/\*\*[\s\S]*?\*\//.exec(text) ?? [];
    return [[name, parsePage(target.source, comment.replace(/^ ?\*( |$)/gm, ""))] as const];
  });
}

function typescriptIn(page: Page): readonly Place[] {
  return page.blocks.filter(({ language }) => /^(ts|typescript)$/.test(language)).map((block) => ({ page, block }));
}

/** One run of the compiler over all of them; a line for each error, by page and line. */
function complaintsOf(places: readonly Place[]): readonly string[] {
  const names = places.map((_, i) => `block-${i}.ts`);
  for (const [i, place] of places.entries()) writeFileSync(join(folder, names[i]!), moduleOf(place));
  const compilerOptions = {
    strict: true,
    target: "ES2023",
    lib: ["ES2023", "ESNext.Disposable"],
    module: "nodenext",
    types: ["node"],
    customConditions: ["source"], // the sources instead of dist/, which may be missing
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: false,
    skipLibCheck: true,
    noEmit: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: names }));
  const compiler = join(repository, "node_modules", ".bin", "tsc");
  const { status, stdout } = spawnSync(compiler, ["--pretty", "false", "-p", folder], {
    cwd: folder,
    encoding: "utf8",
  });
  const complaints = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => atPage(line, places));
  assert.ok(status === 0 || complaints.length > 0, "the compiler failed without a word");
  return complaints;
}

/** What is given and the block stand on the lines that they have in the page, so the compiler's line numbers are the page's. */
function moduleOf({ block }: Place): string {
  const given = block.note?.kind === "given" ? block.note : null;
  const before = given === null ? "" : "\n".repeat(given.line) + given.text;
  const gap = block.line - before.split("\n").length;
  assert.ok(gap >= 0, "what is given begins on a line of its own");
  return `${before}${"\n".repeat(gap)}${block.text}export {};\n`;
}

function atPage(line: string, places: readonly Place[]): string {
  const match = /^block-(\d+)\.ts\((\d+),\d+\): (.*)$/.exec(line);
  return match === null ? line : `${places[Number(match[1])]!.page.path}:${match[2]}: ${match[3]}`;
}

function missingLines({ page, block }: Place): readonly string[] {
  const file = readFileSync(join(repository, block.note!.text), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const missing: string[] = [];
  let at = 0; // where the next line has to be
  let mayFollowLater = true;
  for (const [i, line] of block.text.split("\n").entries()) {
    const wanted = line.trim();
    if (wanted === "") continue;
    if (wanted === "…") {
      mayFollowLater = true;
      continue;
    }
    const found = file.indexOf(wanted, at);
    if (found === -1 || (found !== at && !mayFollowLater)) missing.push(`${page.path}:${block.line + i}: ${wanted}`);
    else at = found + 1;
    mayFollowLater = false;
  }
  return missing;
}
