// Contexts: named clusters, kept for one user in one file with addresses and paths. The file holds no secrets: a context names
// the file of a token. Whoever edits it by hand keeps the comments.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { type Document, isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import { CoordinationError } from "../base/errors.ts";
import { parseConnectString } from "../protocols/zookeeper/client/connect-string.ts";
import { suggestion } from "../server/configuration/nearest.ts";
import { type Address, parseAddress } from "./ask-member.ts";

/** One cluster. */
export interface Context {
  /** The servers' URL. */
  readonly connect: string;
  /** Management addresses, `host:port,host:port`; null: they follow from `connect`. */
  readonly management: string | null;
  /** The absolute path of the file that holds the operators' token. */
  readonly tokenFile: string | null;
}

export interface Contexts {
  /** The context in use. It is one of those that are there. */
  readonly current: string | null;
  readonly byName: ReadonlyMap<string, Context>;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const KEYS = ["connect", "management", "tokenFile"];
const TOP_KEYS = ["current", "contexts"];

export function contextsFile(environment: NodeJS.ProcessEnv = process.env): string {
  const configured = environment["XDG_CONFIG_HOME"];
  // The XDG specification: a relative path counts as none.
  const home = configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), ".config");
  return join(home, "cabildo", "contexts.yaml");
}

/** None where there is no file. Throws a CoordinationError ("configuration") with the file and each wrong line. */
export function readContexts(file = contextsFile()): Contexts {
  return new ContextsDocument(file).contexts;
}

/** Throws as `readContexts` does, and where there is no context of that name. */
export function contextNamed({ byName }: Contexts, name: string): Context {
  const context = byName.get(name);
  if (context !== undefined) return context;
  throw wrong(`there is no context "${name}".${suggestion(name, byName.keys())} \`cabildo context list\` shows all`);
}

/** Adds a context, or gives one that is there another content. */
export function putContext(name: string, context: Context, file = contextsFile()): void {
  const why = whyNoName(name) ?? whyWrong(context);
  if (why !== null) throw wrong(why);
  const { document } = new ContextsDocument(file);
  if (!isMap(document.contents) || document.contents.items.length === 0) document.contents = document.createNode({});
  if (!isMap(document.get("contexts"))) document.delete("contexts");
  const fields = Object.entries(context).filter(([, value]) => value !== null);
  document.setIn(["contexts", name], document.createNode(Object.fromEntries(fields)));
  replaceFile(file, document.toString());
}

/** Removes a context. Where it was the one in use, none is. */
export function removeContext(name: string, file = contextsFile()): void {
  const { document, contexts } = new ContextsDocument(file);
  contextNamed(contexts, name);
  document.deleteIn(["contexts", name]);
  if (contexts.byName.size === 1) document.delete("contexts");
  if (contexts.current === name) document.delete("current");
  replaceFile(file, document.toString());
}

/** Chooses the context in use; null: none. */
export function useContext(name: string | null, file = contextsFile()): void {
  const { document, contexts } = new ContextsDocument(file);
  if (name === null && contexts.current === null) return;
  if (name === null) document.delete("current");
  else contextNamed(contexts, name);
  if (name !== null) document.set("current", name);
  replaceFile(file, document.toString());
}

/** Throws a CoordinationError for what is no list of addresses. */
export function parseAddresses(text: string): readonly Address[] {
  return text.split(",").map((part) => {
    const address = parseAddress(part.trim());
    if (address === null) throw wrong(`"${part.trim()}" is no management address: write host:port`);
    return address;
  });
}

class ContextsDocument {
  readonly document: Document;
  readonly contexts: Contexts;
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #problems: string[] = [];

  constructor(file: string) {
    this.#file = file;
    const document = parseDocument(textOf(file), { lineCounter: this.#lines, schema: "failsafe" }); // texts only
    this.document = document;
    for (const { pos, message } of document.errors) {
      this.#wrongAt(pos[0], message.split("\n")[0]!.replace(/ at line .*$/, ""));
    }
    this.contexts = document.errors.length > 0 ? { current: null, byName: new Map() } : this.#read(document.contents);
    if (this.#problems.length > 0) throw wrong(this.#problems.join("; "));
  }

  #read(top: unknown): Contexts {
    const byName = new Map<string, Context>();
    let current: { readonly name: string; readonly at: unknown } | null = null;
    for (const { key, value } of this.#entries(top, "the file", TOP_KEYS)) {
      if (textIn(key) === "contexts") {
        for (const pair of this.#entries(value, "contexts", null)) {
          const name = textIn(pair.key) ?? "";
          const context = this.#contextIn(name, pair);
          if (context !== null) byName.set(name, context);
        }
      } else if (!isNothing(value)) {
        const name = textIn(value);
        if (name === null) this.#wrongNode(value, "current is the name of a context");
        else current = { name, at: value };
      }
    }
    if (current !== null && !byName.has(current.name) && this.#problems.length === 0) {
      const hint = suggestion(current.name, byName.keys());
      this.#wrongNode(current.at, `current names "${current.name}", and there is no such context.${hint}`);
    }
    return { current: current?.name ?? null, byName };
  }

  /** Null: there is something wrong with it, which has been noted. */
  #contextIn(name: string, { key, value }: Pair): Context | null {
    const whyNot = whyNoName(name);
    if (whyNot !== null) return this.#wrongNode(key, whyNot);
    const fields: Record<string, string> = {};
    for (const entry of this.#entries(value, `the context "${name}"`, KEYS)) {
      const text = textIn(entry.value);
      if (text === null) return this.#wrongNode(entry.value ?? entry.key, `${textIn(entry.key)} is a text`);
      fields[textIn(entry.key)!] = text;
    }
    const { connect, management = null, tokenFile = null } = fields;
    if (connect === undefined) return this.#wrongNode(key, `the context "${name}" has no "connect"`);
    const context = { connect, management, tokenFile };
    const why = whyWrong(context);
    return why === null ? context : this.#wrongNode(key, `the context "${name}": ${why}`);
  }

  /** `keys`: those that there are; null: any. */
  #entries(node: unknown, what: string, keys: readonly string[] | null): readonly Pair[] {
    if (isNothing(node)) return [];
    if (!isMap(node)) {
      this.#wrongNode(node, `${what} must be lines of the form key: value`);
      return [];
    }
    return node.items.filter(({ key }) => {
      const name = textIn(key) ?? "";
      if (keys === null || keys.includes(name)) return true;
      this.#wrongNode(key, `"${name}" is no entry of ${what}.${suggestion(name, keys)}`);
      return false;
    });
  }

  #wrongNode(node: unknown, why: string): null {
    this.#wrongAt((node as Node | null)?.range?.[0] ?? 0, why);
    return null;
  }

  #wrongAt(offset: number, why: string): void {
    this.#problems.push(`${this.#file} line ${this.#lines.linePos(offset).line}: ${why}`);
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw wrong(`the contexts in ${file} cannot be read: ${(error as Error).message}`);
  }
}

/** Whole or not at all, and for this user alone. A link goes on to lead to the file. */
function replaceFile(file: string, text: string): void {
  let unfinished: string | null = null;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const target = realPathOf(file);
    unfinished = `${target}.${randomBytes(6).toString("hex")}.new`;
    const handle = openSync(unfinished, "wx", 0o600);
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(unfinished, target);
  } catch (error) {
    if (unfinished !== null) rmSync(unfinished, { force: true });
    throw wrong(`the contexts in ${file} cannot be written: ${(error as Error).message}`);
  }
}

function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // it is not there yet
  }
}

function whyNoName(name: string): string | null {
  return NAME.test(name)
    ? null
    : `"${name}" is no name for a context: letters, digits, ".", "_" and "-", at most 63, a letter or digit first`;
}

function whyWrong({ connect, management, tokenFile }: Context): string | null {
  try {
    parseConnectString(connect);
    if (management !== null) parseAddresses(management);
  } catch (error) {
    if (!(error instanceof CoordinationError)) throw error;
    return error.message;
  }
  return tokenFile === null || isAbsolute(tokenFile) ? null : `the token file "${tokenFile}" is no absolute path`;
}

function textIn(node: unknown): string | null {
  return isScalar(node) && !isNothing(node) ? String(node.value) : null;
}

function isNothing(node: unknown): boolean {
  return node === null || (isScalar(node) && (node.value === null || node.value === ""));
}

function wrong(message: string): CoordinationError {
  return new CoordinationError("configuration", "not-applied", message);
}
