// Plain nodes: read, write, list and watch single places, for what no recipe does. Paths are absolute, below the connection's root.

import { CoordinationError } from "../base/errors.ts";
import { OPTION, type OptionRules } from "../base/options.ts";
import { bytesOf, textOf } from "./bytes.ts";
import type { Engine, HasNodes, HasValues, Value, Versioned } from "./engine.ts";
import { checkPlace } from "./names.ts";
import { checkOptions } from "./options.ts";
import { readOnce, type SubscribeOptions, subscribe } from "./subscription.ts";
import { WAIT, type WaitOptions, WaitScope, waitOf } from "./wait-scope.ts";

export interface NodeData {
  readonly path: string;
  readonly data: Uint8Array;
  /** The data as text. */
  readonly text: string;
  /** For `set` and `delete`: only if nobody has changed it since. */
  readonly version: string;
  /** Grows with every change. */
  readonly revision: bigint;
}

export interface ChangeOptions extends WaitOptions {
  /** Only if the node still has this version. */
  readonly version?: string | undefined;
}

const CHANGE: OptionRules<ChangeOptions> = { version: OPTION.text, ...WAIT };

/**
 * Every method fails with a CoordinationError; where its `outcome` is "unknown" a write may have been applied. Missing parents are
 * made with the first node below them, and removed by the servers a while after the last.
 */
export class Nodes {
  readonly #engine: Engine & HasValues & HasNodes;

  constructor(engine: Engine & HasValues & HasNodes) {
    this.#engine = engine;
  }

  /** What it holds, with every write that was acknowledged before the call; null: there is no such node. */
  async get(path: string, options: WaitOptions = {}): Promise<NodeData | null> {
    const value = this.#valueAt(path);
    using scope = this.#scope(path, options, "was not read");
    return shown(path, await scope.until(value.current(true, scope.signal)));
  }

  /** Writes it, and makes it where it is missing. False, with a `version` alone: it has another, or is missing. */
  async set(path: string, data: string | Uint8Array, options: ChangeOptions = {}): Promise<boolean> {
    const value = this.#valueAt(path);
    checkOptions(whatOf(path), options, CHANGE);
    const { version } = options;
    const bytes = bytesFor(path, data);
    using scope = this.#scope(path, waitOf(options), "was not written");
    if (scope.end !== null) throw scope.end;
    if (version !== undefined) return await value.replace(version, bytes, scope.limits());
    for (;;) {
      const read = await scope.until(value.current(true, scope.signal));
      const isDone =
        read === null ? value.create(bytes, scope.limits()) : value.replace(read.version, bytes, scope.limits());
      if (await isDone) return true;
    }
  }

  /** Makes it. False: it is there already. */
  async create(path: string, data: string | Uint8Array = "", options: WaitOptions = {}): Promise<boolean> {
    const value = this.#valueAt(path);
    const bytes = bytesFor(path, data);
    using scope = this.#scope(path, options, "was not made");
    if (scope.end !== null) throw scope.end;
    return await value.create(bytes, scope.limits());
  }

  /** Removes it. False: it is missing, or has another version. Refused ("rejected") while it has children. */
  async delete(path: string, options: ChangeOptions = {}): Promise<boolean> {
    const value = this.#valueAt(path);
    checkOptions(whatOf(path), options, CHANGE);
    using scope = this.#scope(path, waitOf(options), "was not removed");
    if (scope.end !== null) throw scope.end;
    return await value.delete(options.version ?? null, scope.limits());
  }

  /** The names of its children, sorted; none where there is no such node. "/" is the connection's root. */
  async children(path: string, options: WaitOptions = {}): Promise<readonly string[]> {
    if (path !== "/") checkPlace("node", path);
    const read = await readOnce(this.#engine, whatOf(path), (look) => this.#engine.children(path, look), options);
    return [...(read ?? [])].sort();
  }

  /** What it holds, now and after every change; null while it is missing. A slow reader misses some in between, never the last. */
  async *watch(path: string, options: SubscribeOptions = {}): AsyncGenerator<NodeData | null, void, void> {
    const value = this.#valueAt(path);
    for await (const read of subscribe(this.#engine, whatOf(path), (look) => value.read(look), options)) {
      yield shown(path, read);
    }
  }

  #valueAt(path: string): Value {
    checkPlace("node", path);
    return this.#engine.value("node", path);
  }

  #scope(path: string, options: WaitOptions, inVain: string): WaitScope {
    return new WaitScope(this.#engine.runtime, whatOf(path), options, inVain);
  }
}

function whatOf(path: string): string {
  return `node ${path}`;
}

function shown(path: string, read: Versioned | null): NodeData | null {
  if (read === null) return null;
  const { data, version, revision } = read;
  return { path, data, text: textOf(data), version, revision };
}

function bytesFor(path: string, data: unknown): Uint8Array {
  if (typeof data === "string") return bytesOf(data);
  if (data instanceof Uint8Array) return data;
  const why = `the data is text or bytes (a Uint8Array), not ${data === null ? "null" : typeof data}`;
  throw new CoordinationError("rejected", "not-applied", `${whatOf(path)}: ${why}`);
}
