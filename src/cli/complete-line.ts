// What a shell's completion asks for: names of nodes, from the cluster that the command would use, and of contexts. It answers within a
// second, and says nothing where something fails: a person is typing.

import type { Command } from "commander";
import { readContexts } from "./contexts.ts";
import { openClient, type ServerOptions } from "./servers.ts";

/** A word is being typed; `wants` tells what it may become. */
export interface Question {
  readonly wants: "node" | "context";
  readonly word: string;
  /** What stands before it, by the options' long names: `--connect`. */
  readonly options: ReadonlyMap<string, string>;
}

/** With what the shell does around it, a person waits for a second at most. `CABILDO_COMPLETION_TIMEOUT`, in seconds, allows more. */
const ANSWER_WITHIN_MS = 900;
const SESSION_TIMEOUT_MS = 2000;
const OFFERED_MAX = 500;

/** Prints what the last word of a line may become, one a line, and ends the process. */
export async function runComplete(program: Command, line: string): Promise<never> {
  const allowedMs = Number(process.env["CABILDO_COMPLETION_TIMEOUT"]) * 1000 || ANSWER_WITHIN_MS;
  setTimeout(() => process.exit(0), Math.max(1, allowedMs - performance.now())); // counted from the start of the process
  const words = wordsOf(line);
  const question = words === null ? null : questionOf(program, words);
  const offered = question === null ? [] : await answer(question).catch(() => []);
  const lines = offered.slice(0, OFFERED_MAX).map((each) => `${each}\n`);
  await new Promise<void>((resolve) => process.stdout.write(lines.join(""), () => resolve()));
  process.exit(0);
}

/** The words of the command that a line ends with; the last is the one being typed. Null: only the shell knows what they become. */
export function wordsOf(line: string): readonly string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  for (const [token] of line.matchAll(/"(?:\\.|[^"\\])*"?|'[^']*'?|\\.|[;|&()<>\n]|\s+|[^\s"'\\;|&()<>]+|\\$/g)) {
    if (/^[$`]|^[^'].*[$`]/s.test(token)) return null;
    if (/^[;|&()<>\n]$/.test(token)) {
      words.length = 0;
      word = null;
    } else if (/^\s/.test(token)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? "") + unquoted(token);
    }
  }
  return [...words, word ?? ""];
}

/** Null: nothing that only the cluster or the contexts could tell. */
export function questionOf(program: Command, words: readonly string[]): Question | null {
  const options = new Map<string, string>();
  const word = words.at(-1)!;
  let command = program;
  let operands = 0;
  for (let at = 1; at < words.length - 1; at += 1) {
    const current = words[at]!;
    if (current === "--") return null;
    const inside = operands === 0 ? command.commands.find((each) => each.name() === current) : undefined;
    if (inside !== undefined) {
      command = inside;
    } else if (current.startsWith("-")) {
      const [name = "", value] = splitFlag(current);
      const option = command.options.find(({ long, short }) => long === name || short === name);
      if (option === undefined || !option.required) continue;
      if (value === undefined && at + 1 === words.length - 1)
        return questionFor(valueName(option.flags), word, options);
      if (value === undefined) at += 1;
      options.set(option.long ?? name, value ?? words[at]!);
    } else {
      operands += 1;
    }
  }
  if (word.startsWith("-")) return null;
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  const argument = registeredArguments[operands] ?? (last?.variadic === true ? last : undefined);
  const isContext = command.parent?.name() === "context" && command.name() !== "add";
  return argument === undefined ? null : questionFor(isContext ? "context" : argument.name(), word, options);
}

/** Whether an argument or an option's value may be asked for, by what the help calls it. */
export function isAskable(name: string): boolean {
  return name === "path" || name === "name" || name === "context";
}

/** What the help calls an option's value; the value of --context is a context's name. */
export function valueName(flags: string): string {
  return /--context\b/.test(flags) ? "context" : (/<(.+)>/.exec(flags)?.[1] ?? "");
}

function questionFor(name: string, word: string, options: ReadonlyMap<string, string>): Question | null {
  if (name === "context") return { wants: "context", word, options };
  if (name === "path" && word === "") return { wants: "node", word: "/", options };
  // A recipe's name may be an exact path.
  return (name === "path" || name === "name") && word.startsWith("/") ? { wants: "node", word, options } : null;
}

async function answer({ wants, word, options }: Question): Promise<readonly string[]> {
  if (wants === "context") return [...readContexts().byName.keys()].filter((name) => name.startsWith(word));
  const slash = word.lastIndexOf("/");
  const parent = slash === 0 ? "/" : word.slice(0, slash);
  await using client = await openClient(serverOptions(options));
  const children = await client.getChildren(parent);
  return children
    .map((name) => `${word.slice(0, slash)}/${name}`)
    .filter((path) => path.startsWith(word) && isPrintable(path))
    .sort();
}

function serverOptions(options: ReadonlyMap<string, string>): ServerOptions {
  const connect = options.get("--connect");
  const context = options.get("--context");
  const auth = options.get("--auth");
  return {
    sessionTimeout: SESSION_TIMEOUT_MS,
    ...(connect === undefined ? {} : { connect }),
    ...(context === undefined ? {} : { context }),
    ...(auth === undefined ? {} : { auth }),
  };
}

function splitFlag(word: string): readonly string[] {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  return at === -1 ? [word] : [word.slice(0, at), word.slice(at + 1)];
}

function unquoted(token: string): string {
  if (token.startsWith("'")) return token.slice(1).replace(/'$/, "");
  if (token.startsWith('"')) return token.replace(/^"|(?<!\\)"$/g, "").replace(/\\(["\\])/g, "$1");
  return token.startsWith("\\") ? token.slice(1) : token;
}

function isPrintable(text: string): boolean {
  return !/\p{Cc}/u.test(text);
}
