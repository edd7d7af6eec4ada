// Who in this client waits for which node's events, and what the servers must be told to watch again when the session
// comes to another of them. One watch on the wire serves everyone here who watches the same path in the same way.
//
// Tables as in ZooKeeper's own client: `data` holds what getData, and exists of a node that is there, have set, `exist` what
// exists of a missing node has, `child` what getChildren has; an event ends the one-shot ones that it concerns.

import type { ServerEvent } from "./connection.ts";
import { SET_WATCHES_BYTES_MAX } from "./limits.ts";
import type { RequestPath } from "./request.ts";
import type { NodeEvent, Watcher } from "./types.ts";

export type OnceTable = "data" | "exist" | "child";
type StandingTable = "persistent" | "recursive";

/** Someone who stays; told of `missed` when a reconnection may have swallowed events. */
export interface StandingWatcher {
  /** The server has confirmed it; before that it is not set again. */
  readonly isArmed: boolean;
  onEvent(event: NodeEvent): void;
  onReconnected(): void;
  onSessionEnded(reason: Error): void;
}

/** Paths for one `setWatches`. */
export type WatchedPaths = Record<OnceTable | StandingTable, string[]>;

export class Watches {
  /** By the server's path; with each watcher the path by which it asked, which its event will say. */
  readonly #once: Readonly<Record<OnceTable, Map<string, Map<Watcher, string>>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
  };
  readonly #standing: Readonly<Record<StandingTable, Map<string, Set<StandingWatcher>>>> = {
    persistent: new Map(),
    recursive: new Map(),
  };
  /** Reads under way that will set a watch, by what they read: how many. */
  readonly #coming: Readonly<Record<OnceTable, Map<string, number>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
  };
  /** Standing watches that the server holds for this session, as far as it has said so. */
  readonly #held: Readonly<Record<StandingTable, Set<string>>> = { persistent: new Set(), recursive: new Set() };
  readonly #show: (path: string) => string;
  readonly #tell: (watcher: Watcher, event: NodeEvent) => void;

  /** `show` gives a server's path as the caller knows it; `tell` calls a watcher and survives what it throws. */
  constructor(show: (path: string) => string, tell: (watcher: Watcher, event: NodeEvent) => void) {
    this.#show = show;
    this.#tell = tell;
  }

  add(table: OnceTable, { path, shown }: RequestPath, watcher: Watcher): void {
    const watchers = this.#once[table].get(path) ?? new Map<Watcher, string>();
    if (!watchers.has(watcher)) watchers.set(watcher, shown);
    this.#once[table].set(path, watchers);
  }

  /**
   * A read that sets a watch is under way: until it has ended, nobody else's leaving may take the watch off the server. Returns
   * how to say that it has.
   */
  expect(table: OnceTable, path: string): () => void {
    const coming = this.#coming[table];
    coming.set(path, (coming.get(path) ?? 0) + 1);
    return () => {
      const left = coming.get(path)! - 1;
      if (left > 0) coming.set(path, left);
      else coming.delete(path);
    };
  }

  addStanding(table: StandingTable, path: string, watcher: StandingWatcher): void {
    setOf(this.#standing[table], path).add(watcher);
  }

  removeStanding(table: StandingTable, path: string, watcher: StandingWatcher): void {
    take(this.#standing[table], path, watcher);
  }

  has(table: OnceTable, path: string): boolean {
    return this.#once[table].has(path);
  }

  /** Somebody here waits for it, or will. */
  isWanted(table: OnceTable, path: string): boolean {
    return this.has(table, path) || this.#coming[table].has(path);
  }

  /** The server has confirmed it, whoever asked for it. */
  noteHeld(table: StandingTable, path: string): void {
    this.#held[table].add(path);
  }

  /** Says, once, whether the server holds a standing watch that nobody here wants any more. */
  takeUnwanted(table: StandingTable, path: string): boolean {
    return !this.#standing[table].has(path) && this.#held[table].delete(path);
  }

  /** Takes one watcher, or all of them, off a path; says whether there was one. */
  remove(table: OnceTable, path: string, watcher: Watcher | null): boolean {
    return watcher === null ? this.#once[table].delete(path) : take(this.#once[table], path, watcher);
  }

  onEvent({ type, path, zxid }: ServerEvent): void {
    const watchers = new Map<Watcher, string>();
    for (const table of ENDED_BY[type]) {
      for (const [watcher, shown] of this.#once[table].get(path) ?? []) {
        if (!watchers.has(watcher)) watchers.set(watcher, shown);
      }
      this.#once[table].delete(path);
    }
    const standing = new Set(this.#standing.persistent.get(path));
    if (type !== "children-changed") this.#addRecursive(path, standing);
    for (const [watcher, shown] of watchers) this.#tell(watcher, { type, path: shown, zxid });
    for (const watcher of standing) watcher.onEvent({ type, path: this.#show(path), zxid });
  }

  #addRecursive(path: string, standing: Set<StandingWatcher>): void {
    const { recursive } = this.#standing;
    if (recursive.size === 0) return;
    for (let at = path; ; at = at.slice(0, Math.max(1, at.lastIndexOf("/")))) {
      for (const watcher of recursive.get(at) ?? []) standing.add(watcher);
      if (at === "/") return;
    }
  }

  /** What a server must watch again, in portions that it can take. */
  *portions(): Iterable<WatchedPaths> {
    let portion = noPaths();
    let bytes = 0;
    for (const [table, path] of this.#armed()) {
      const size = path.length + 4;
      if (bytes > 0 && bytes + size > SET_WATCHES_BYTES_MAX) {
        yield portion;
        portion = noPaths();
        bytes = 0;
      }
      portion[table].push(path);
      bytes += size;
    }
    if (bytes > 0) yield portion;
  }

  *#armed(): Iterable<readonly [OnceTable | StandingTable, string]> {
    for (const table of ["data", "exist", "child"] as const) {
      for (const path of this.#once[table].keys()) yield [table, path];
    }
    for (const table of STANDING) {
      for (const [path, watchers] of this.#standing[table]) {
        if ([...watchers].some(({ isArmed }) => isArmed)) yield [table, path];
      }
    }
  }

  /** Set again on another connection: one-shot watches are told what they missed, standing ones cannot be. */
  onReconnected(): void {
    for (const table of STANDING) this.#held[table].clear();
    for (const [table, path] of this.#armed())
      if (table === "persistent" || table === "recursive") this.#held[table].add(path);
    for (const watcher of this.#everyStanding()) watcher.onReconnected();
  }

  /** Watches end with their session. */
  onSessionEnded(reason: Error): void {
    const standing = this.#everyStanding();
    for (const table of STANDING) this.#held[table].clear();
    for (const table of [...Object.values(this.#once), ...Object.values(this.#standing)]) table.clear();
    for (const watcher of standing) watcher.onSessionEnded(reason);
  }

  #everyStanding(): StandingWatcher[] {
    return Object.values(this.#standing).flatMap((table) => [...table.values()].flatMap((watchers) => [...watchers]));
  }
}

const STANDING: readonly StandingTable[] = ["persistent", "recursive"];

const ENDED_BY: Readonly<Record<NodeEvent["type"], readonly OnceTable[]>> = {
  created: ["data", "exist"],
  deleted: ["data", "exist", "child"],
  "data-changed": ["data", "exist"],
  "children-changed": ["child"],
};

function noPaths(): WatchedPaths {
  return { data: [], exist: [], child: [], persistent: [], recursive: [] };
}

function setOf<T>(table: Map<string, Set<T>>, path: string): Set<T> {
  const set = table.get(path) ?? new Set<T>();
  table.set(path, set);
  return set;
}

function take<T>(
  table: Map<string, { readonly size: number; delete(item: T): boolean }>,
  path: string,
  item: T,
): boolean {
  const set = table.get(path);
  if (set === undefined || !set.delete(item)) return false;
  if (set.size === 0) table.delete(path);
  return true;
}
