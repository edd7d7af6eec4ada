// `cabildo watch`: prints a line for each change of a node, or of everything below it.
//
// The watch only says which node to read. What is printed is the difference between what was last seen and what is there now,
// so nothing is told twice, and after a lost connection or session the whole is read again and what happened meanwhile is
// told late, but told. Changes that follow each other faster than they are read are told as one.

import type { Stat, WatchItem, ZooKeeperClient } from "../protocols/zookeeper/client/index.ts";
import { SessionLostError } from "../protocols/zookeeper/client/index.ts";
import { ChangeCommand } from "./change-command.ts";
import { isRefusal, pathsBelow, shownData } from "./nodes.ts";
import { openClient, type ServerOptions, say, tellFailure } from "./servers.ts";

export interface WatchOptions extends ServerOptions {
  readonly output: string;
  readonly recursive?: boolean;
  /** A shell command that is run for each change, instead of printing it. */
  readonly exec?: string;
  /** False: does not begin with what is there (--no-initial). */
  readonly initial: boolean;
}

type ChangeType = "present" | "created" | "data-changed" | "children-changed" | "deleted";

interface Change {
  readonly type: ChangeType;
  readonly path: string;
  /** Null where it has gone. */
  readonly node: Seen | null;
}

interface Seen {
  readonly stat: Stat;
  readonly data: Uint8Array | null;
  /** Null: not looked at, because what is below is watched by itself. */
  readonly children: readonly string[] | null;
}

/** Ends when it is asked to; gives the exit status. */
export async function runWatch(path: string, options: WatchOptions): Promise<number> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, onSignal);
  // Whoever read it has gone, as `head` does.
  process.stdout.on("error", onSignal);
  const print = options.output === "json" ? jsonLine : textLine;
  try {
    await using client = await openClient(options, stop.signal);
    let isUnsure = false;
    client.onState((state) => {
      if (state.kind === "unsure") say(`the connection is lost: ${state.why}. Connecting again`);
      if (state.kind === "connected" && isUnsure) say(`connected to ${state.server}`);
      isUnsure = state.kind !== "connected";
    });
    const command = options.exec === undefined ? null : new ChangeCommand(options.exec);
    const watcher = new Watcher(client, path, options.recursive ?? false, (change) => {
      if (change.type === "present" && !options.initial) return;
      if (command === null) process.stdout.write(`${print(change)}\n`);
      else command.tell({ type: change.type, path: change.path, data: change.node?.data ?? null });
    });
    await watcher.run(stop.signal);
    await command?.idle();
    return 0;
  } catch (error) {
    return stop.signal.aborted ? 0 : tellFailure(error, options);
  }
}

class Watcher {
  readonly #client: ZooKeeperClient;
  readonly #path: string;
  readonly #isRecursive: boolean;
  readonly #tell: (change: Change) => void;
  #seen: Map<string, Seen> | null = null;

  constructor(client: ZooKeeperClient, path: string, isRecursive: boolean, tell: (change: Change) => void) {
    this.#client = client;
    this.#path = path;
    this.#isRecursive = isRecursive;
    this.#tell = tell;
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.#client.connected({ signal });
        const watch = await this.#client.addWatch(this.#path, { recursive: this.#isRecursive, signal });
        await this.#whole(); // behind the watch, so that nothing falls between
        for await (const item of watch) await this.#on(item);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof SessionLostError) say(`${error.message}. Beginning another`);
        else if (!isPassing(error)) throw error;
      }
    }
  }

  async #on(item: WatchItem): Promise<void> {
    if (item.type === "missed") await this.#whole();
    else this.#compare(item.path, await this.#read(item.path));
  }

  async #whole(): Promise<void> {
    const paths = [this.#path, ...(this.#isRecursive ? await this.#below() : [])];
    const nodes = await Promise.all(paths.map((path) => this.#read(path)));
    const now = new Map(paths.map((path, i) => [path, nodes[i]!]));
    const isFirst = this.#seen === null;
    this.#seen ??= new Map();
    for (const path of [...this.#seen.keys()].reverse()) if (!now.has(path)) this.#compare(path, null);
    for (const [path, node] of now) this.#compare(path, node, isFirst ? "present" : "created");
  }

  async #below(): Promise<readonly string[]> {
    try {
      return await pathsBelow(this.#client, this.#path);
    } catch (error) {
      if (isRefusal(error, "no-node")) return [];
      throw error;
    }
  }

  /** Null: it is not there. */
  async #read(path: string): Promise<Seen | null> {
    try {
      const [{ data, stat }, children] = await Promise.all([
        this.#client.getData(path),
        this.#isRecursive ? null : this.#client.getChildren(path),
      ]);
      return { data, stat, children: children === null ? null : [...children].sort() };
    } catch (error) {
      if (isRefusal(error, "no-node")) return null;
      throw error;
    }
  }

  #compare(path: string, now: Seen | null, whenNew: ChangeType = "created"): void {
    const seen = this.#seen!;
    const before = seen.get(path) ?? null;
    // Another node under the same name: the one before was deleted, whoever saw it.
    const isAnother = before !== null && before.stat.czxid !== now?.stat.czxid;
    if (now === null) seen.delete(path);
    else seen.set(path, now);
    if (isAnother) this.#tell({ type: "deleted", path, node: null });
    if (now === null) return;
    if (before === null || isAnother) {
      this.#tell({ type: whenNew, path, node: now });
      return;
    }
    if (before.stat.mzxid !== now.stat.mzxid) this.#tell({ type: "data-changed", path, node: now });
    if (before.children?.join("/") !== now.children?.join("/")) {
      this.#tell({ type: "children-changed", path, node: now });
    }
  }
}

/** A connection ended under a read: the watch lives on with its session, or its loss is told by itself. */
function isPassing(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : null;
  return code === "connection-lost" || code === "deadline" || code === "session-expired";
}

function jsonLine({ type, path, node }: Change): string {
  const about =
    node === null ? {} : { ...shownData(node.data), version: node.stat.version, zxid: String(node.stat.mzxid) };
  const children = node?.children ? { children: node.children } : {};
  return JSON.stringify({ time: new Date().toISOString(), type, path, ...about, ...children });
}

function textLine({ type, path, node }: Change): string {
  if (node === null) return `${type} ${path}`;
  if (type === "children-changed") return `${type} ${path} ${JSON.stringify(node.children)}`;
  const { data, encoding } = shownData(node.data);
  return `${type} ${path} ${encoding === undefined ? JSON.stringify(data) : `${encoding}:${data}`}`;
}
