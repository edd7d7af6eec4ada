// Commands in the pages: each `cabildo …` is a command that the program knows, with options that it has; each `npm run …` is a script of
// package.json, and each test file or folder named after `npm test --` is there.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Command } from "commander";
import { program } from "../../src/cli/program.ts";
import { repository } from "../support/cache.ts";
import { allPages, codeSpansOf, type Page, parsePage } from "./support/pages.ts";

interface Shown {
  readonly words: readonly string[];
  readonly where: string;
  /** In a block of shell commands: it can be typed as it stands, so its arguments are complete. */
  readonly isWhole: boolean;
}

const pages = allPages();
const { scripts } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { scripts: object };

test("every command of cabildo that is shown is one, with the options that it has", () => {
  const shown = pages.flatMap((page) => commandsIn(page, "cabildo"));
  assert.ok(shown.length > 20, "commands are found");
  assert.deepEqual(shown.flatMap(flawOfCabildo), []);
});

test("every npm script and test file that is shown is there", () => {
  assert.deepEqual(pages.flatMap((page) => commandsIn(page, "npm")).flatMap(flawOfNpm), []);
});

test("a wrong command is found: an unknown one, an unknown option, a missing or surplus argument", () => {
  const text = [
    "`cabildo elect`, `cabildo none`, `cabildo get --none /x`, `npm run none`",
    "```sh",
    "cabildo get                        # what?",
    "cabildo get /a /b; cabildo get /a -o json | cat",
    "CABILDO_AUTH=x npx cabildo lock a --wait 0 -- cabildo-none --none",
    "source <(cabildo completion bash)",
    "cabildo status --timeout",
    "npm test -- test/none.test.ts",
    "```",
  ].join("\n");
  const page = parsePage("x.md", text);
  assert.deepEqual(commandsIn(page, "cabildo").flatMap(flawOfCabildo), [
    "x.md:3: cabildo get: an argument is missing",
    "x.md:4: cabildo get: /b is an argument too many",
    "x.md:7: cabildo status: --timeout has no value",
    "x.md:1: cabildo: there is no command none",
    "x.md:1: cabildo get: there is no option --none",
  ]);
  assert.deepEqual(commandsIn(page, "npm").flatMap(flawOfNpm), [
    "x.md:8: there is no test/none.test.ts",
    "x.md:1: there is no script none",
  ]);
});

function commandsIn(page: Page, name: string): readonly Shown[] {
  const found: Shown[] = [];
  for (const { language, text, line } of page.blocks) {
    if (!/^(sh|bash|console|shell)$/.test(language)) continue;
    const joined = text.replaceAll(/\\\n/g, "  "); // a command that goes on in the next line
    joined.split("\n").forEach((content, i) => {
      const where = `${page.path}:${line + i}`;
      for (const words of commandsOf(content, name)) found.push({ words, where, isWhole: true });
    });
  }
  for (const { text, line } of codeSpansOf(page)) {
    const where = `${page.path}:${line}`;
    for (const words of commandsOf(text, name)) found.push({ words, where, isWhole: false });
  }
  return found;
}

/** The commands of that name in a line of shell, each as the words behind the name, up to `--`. */
function commandsOf(line: string, name: string): readonly (readonly string[])[] {
  const commands: string[][] = [];
  let current: string[] | null = null;
  let isFirst = true; // where a command may begin
  for (const [token] of line.matchAll(/"(?:\\.|[^"])*"|'[^']*'|[;|&()]+|[<>]\S*|[^\s;|&()<>]+/g)) {
    if (token.startsWith("#")) break;
    if (/^[;|&()<>]/.test(token)) {
      current = null;
      isFirst = true;
    } else if (token === "--" && name === "cabildo") {
      current = null;
      isFirst = true; // what it runs may be one of them too
    } else if (current !== null) {
      current.push(token);
    } else if (isFirst && token === name) {
      current = [];
      commands.push(current);
    } else if (!/^(\$|npx|sudo|exec|[A-Z_]+=.*)$/.test(token)) {
      isFirst = false;
    }
  }
  return commands;
}

function flawOfCabildo({ words, where, isWhole }: Shown): readonly string[] {
  let command = program();
  const path = ["cabildo"];
  const operands: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const subcommand = operands.length === 0 ? subcommandOf(command, word) : undefined;
    if (subcommand !== undefined) {
      command = subcommand;
      path.push(word);
    } else if (/^-[a-zA-Z-]/.test(word)) {
      const [name = "", value] = word.split("=");
      const option = optionOf(command, name);
      if (option === undefined) return [`${where}: ${path.join(" ")}: there is no option ${name}`];
      if (!option.takesValue || value !== undefined) continue;
      i++;
      if (i >= words.length && isWhole) return [`${where}: ${path.join(" ")}: ${name} has no value`];
    } else if (command.commands.length > 0 && !isPlaceholder(word)) {
      return [`${where}: ${path.join(" ")}: there is no command ${word}`];
    } else {
      operands.push(word);
    }
  }
  const { registeredArguments } = command;
  const isVariadic = registeredArguments.some(({ variadic }) => variadic);
  const surplus = isVariadic ? undefined : operands[registeredArguments.length];
  if (surplus !== undefined && command.commands.length === 0)
    return [`${where}: ${path.join(" ")}: ${surplus} is an argument too many`];
  const requiredCount = registeredArguments.filter(({ required, variadic }) => required && !variadic).length;
  if (isWhole && operands.length < requiredCount) return [`${where}: ${path.join(" ")}: an argument is missing`];
  return [];
}

function subcommandOf(command: Command, word: string): Command | undefined {
  return command.commands.find((each) => each.name() === word || each.aliases().includes(word));
}

function optionOf(command: Command, name: string): { readonly takesValue: boolean } | undefined {
  if (name === "--help" || name === "-h") return { takesValue: false };
  const option = command.options.find(({ long, short }) => long === name || short === name);
  return option === undefined ? undefined : { takesValue: option.required };
}

/** `COMMAND`, `…`: any, for the reader to fill in. */
function isPlaceholder(word: string): boolean {
  return /^[A-Z]+$|^…$|^\.\.\.$/.test(word) || word === "help";
}

function flawOfNpm({ words, where }: Shown): readonly string[] {
  const [verb, name = ""] = words;
  if (verb === "run" && /^[a-z]/.test(name) && !(name in scripts)) return [`${where}: there is no script ${name}`];
  if (verb !== "test") return [];
  return words
    .filter((word) => word.startsWith("test/") && !existsSync(join(repository, word)))
    .map((word) => `${where}: there is no ${word}`);
}
