// `cabildo context`: keeps clusters under names, and says which one the commands use.

import { resolve } from "node:path";
import { CoordinationError } from "../base/errors.ts";
import { type ChosenCluster, type ClusterOptions, chosenCluster } from "./chosen-cluster.ts";
import {
  type Context,
  contextNamed,
  contextsFile,
  putContext,
  readContexts,
  removeContext,
  useContext,
} from "./contexts.ts";
import { tellError } from "./operator-failure.ts";
import { DEFAULT_URL, say } from "./servers.ts";
import { textTable } from "./text-table.ts";

export interface ContextOptions {
  readonly output: string;
}

export interface AddOptions extends ContextOptions {
  readonly connect: string;
  readonly management?: string;
  readonly tokenFile?: string;
  readonly overwrite?: boolean;
}

/** All of them give the exit status. */
export function runContextAdd(name: string, options: AddOptions): number {
  return done(options, () => {
    const { byName } = readContexts();
    if (byName.has(name) && options.overwrite !== true) {
      const why = `there is a context "${name}" already: --overwrite replaces it`;
      throw new CoordinationError("configuration", "not-applied", why);
    }
    const { connect, management = null, tokenFile } = options;
    putContext(name, { connect, management, tokenFile: tokenFile === undefined ? null : resolve(tokenFile) });
    if (process.stderr.isTTY) say(`\`cabildo context use ${name}\` lets the commands use it`);
  });
}

export function runContextUse(name: string | undefined, options: ContextOptions & { readonly none?: boolean }): number {
  return done(options, () => {
    if ((name === undefined) === (options.none !== true)) {
      const why = "context use takes the name of a context, or --none";
      throw new CoordinationError("configuration", "not-applied", why);
    }
    useContext(name ?? null);
    const chosen = chosenCluster({});
    const isOverridden = chosen.kind !== "default" && chosen.chosenBy !== "context use";
    if (isOverridden) say(`${chosen.chosenBy} is set in the environment, and goes before it`);
  });
}

export function runContextRemove(name: string, options: ContextOptions): number {
  return done(options, () => removeContext(name));
}

export function runContextList(options: ContextOptions): number {
  return done(options, () => {
    const { current, byName } = readContexts();
    const all = [...byName].map(([name, context]) => ({ name, isCurrent: name === current, ...context }));
    if (options.output === "json") return printJson(all);
    if (all.length === 0) return say("there are no contexts: `cabildo context add NAME --connect URL` makes one");
    const rows = all.map(({ name, isCurrent, connect, management, tokenFile }) => {
      return [isCurrent ? "*" : "", name, connect, management ?? "", tokenFile ?? ""];
    });
    process.stdout.write(textTable(["", "NAME", "CONNECT", "MANAGEMENT", "TOKEN FILE"], rows));
  });
}

/** Without a name: what a command without flags would use, and why. */
export function runContextShow(name: string | undefined, options: ContextOptions & ClusterOptions): number {
  return done(options, () => {
    const shown =
      name === undefined ? shownChoice(chosenCluster({})) : shownContext(name, contextNamed(readContexts(), name));
    if (options.output === "json") return printJson(shown);
    const lines = Object.entries(shown).flatMap(([key, value]) => (value === null ? [] : [`${key}: ${value}\n`]));
    process.stdout.write(lines.join(""));
  });
}

function shownContext(name: string | null, { connect, management, tokenFile }: Context) {
  return { name, connect, management, tokenFile, file: contextsFile() };
}

function shownChoice(chosen: ChosenCluster) {
  if (chosen.kind === "context") return { ...shownContext(chosen.name, chosen.context), chosenBy: chosen.chosenBy };
  const connect = chosen.kind === "url" ? chosen.connect : DEFAULT_URL;
  const chosenBy = chosen.kind === "url" ? chosen.chosenBy : "default";
  return { ...shownContext(null, { connect, management: null, tokenFile: null }), chosenBy };
}

function done({ output }: ContextOptions, work: () => void): number {
  try {
    work();
    return 0;
  } catch (error) {
    return tellError(error, output, { isChange: false });
  }
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
