// A subtree as it changes: one persistent recursive watch, whose events name the nodes to read again. Where events may have been
// missed, the whole subtree is read again.

import { CoordinationError } from "../../base/errors.ts";
import type { PersistentWatch, Session, ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import { Condition } from "../../recipes/condition.ts";
import type { ReadOptions, TreeNodeView, TreeReader, TreeUpdate, WatchedRead } from "../../recipes/engine.ts";
import { NODES_AT_A_TIME } from "./limits.ts";
import { isRefusal, type RetryContext, RetryDelays } from "./retry.ts";

export class NodeTreeReader implements TreeReader {
  readonly #context: RetryContext;
  readonly #client: ZooKeeperClient;
  readonly #path: string;
  readonly #condition = new Condition();
  #watch: PersistentWatch | null = null;
  /** All has to be read, or else these. */
  #isStale = true;
  readonly #changed = new Set<string>();
  #isClosed = false;

  constructor(context: RetryContext, path: string) {
    this.#context = context;
    this.#client = context.client;
    this.#path = path;
  }

  async read({ isFresh = false }: ReadOptions = {}): Promise<WatchedRead<TreeUpdate>> {
    const delays = new RetryDelays(this.#context);
    for (;;) {
      const session = await this.#client.connected();
      try {
        const isNew = this.#watch === null;
        if (isNew) await this.#begin(session);
        if (isNew || isFresh) await this.#client.sync("/", { session });
        const { notified } = this.#condition; // before reading, so that a change meanwhile is read again
        const value = this.#isStale ? await this.#whole(session) : await this.#parts(session);
        return { value, changed: notified, unwatch: () => {} };
      } catch (error) {
        const isLost = error instanceof CoordinationError && error.code === "session-expired";
        if (!isLost) await delays.after(error);
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    void this.#watch?.close();
    this.#condition.notify();
  }

  async #begin(session: Session): Promise<void> {
    const watch = await this.#client.addWatch(this.#path, { recursive: true, session });
    if (this.#isClosed) return void watch.close();
    this.#watch = watch;
    this.#isStale = true;
    void this.#hear(watch);
  }

  /** Never fails. */
  async #hear(watch: PersistentWatch): Promise<void> {
    try {
      for await (const item of watch) {
        if (item.type === "missed") this.#isStale = true;
        else this.#changed.add(item.path);
        this.#condition.notify();
      }
    } catch {
      // The session is over: the next one reads everything again.
    }
    this.#watch = null;
    this.#isStale = true;
    this.#condition.notify();
  }

  async #whole(session: Session): Promise<TreeUpdate> {
    this.#isStale = false;
    this.#changed.clear();
    try {
      const nodes: TreeNodeView[] = [];
      for (let level: readonly string[] = [this.#path]; level.length > 0; ) {
        const found = await inTurns(level, (path) => this.#node(path, session));
        nodes.push(...found.filter((node) => node !== null));
        const lists = await inTurns(level, (path) => this.#children(path, session));
        level = lists.flat();
      }
      return { isWhole: true, nodes, gone: [] };
    } catch (error) {
      this.#isStale = true;
      throw error;
    }
  }

  async #parts(session: Session): Promise<TreeUpdate> {
    const paths = [...this.#changed];
    this.#changed.clear();
    try {
      const found = await inTurns(paths, (path) => this.#node(path, session));
      const gone = paths.filter((_, i) => found[i] === null).map((path) => this.#show(path));
      return { isWhole: false, nodes: found.filter((node) => node !== null), gone };
    } catch (error) {
      for (const path of paths) this.#changed.add(path);
      throw error;
    }
  }

  async #node(path: string, session: Session): Promise<TreeNodeView | null> {
    try {
      const { data, stat } = await this.#client.getData(path, { session });
      return {
        path: this.#show(path),
        data: data ?? new Uint8Array(0),
        token: stat.czxid,
        revision: stat.mzxid,
      };
    } catch (error) {
      if (isRefusal(error, "no-node")) return null;
      throw error;
    }
  }

  async #children(path: string, session: Session): Promise<readonly string[]> {
    try {
      const names = await this.#client.getChildren(path, { session });
      if (path !== "/") return names.map((name) => `${path}/${name}`);
      return names.filter((name) => name !== "zookeeper").map((name) => `/${name}`); // the servers' own nodes
    } catch (error) {
      if (isRefusal(error, "no-node")) return [];
      throw error;
    }
  }

  #show(path: string): string {
    const below = this.#path === "/" ? path : path.slice(this.#path.length);
    return below === "" ? "/" : below;
  }
}

async function inTurns<T>(paths: readonly string[], ask: (path: string) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let at = 0; at < paths.length; at += NODES_AT_A_TIME) {
    all.push(...(await Promise.all(paths.slice(at, at + NODES_AT_A_TIME).map(ask))));
  }
  return all;
}
