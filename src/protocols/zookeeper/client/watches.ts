// The client's watches: who waits for which node's events, and what must be set again on another server. One watch on the wire serves
// everyone here who watches the same path in the same way.
//
// The tables are those of ZooKeeper's own client. `data`: set by getData, and by exists of an existing node. `exist`: set by exists of
// a missing node. `child`: set by getChildren. An event ends the one-shot watches that it concerns.

import type { ServerEvent } from "./connection.ts";
import { SET_WATCHES_BYTES_MAX } from "./limits.ts";
import type { RequestPath } from "./request.ts";
import type { NodeEvent, Watcher } from "./types.ts";

export type OnceTable = "data" | "exist" | "child";
type StandingTable = "persistent" | "recursive";

/** A watcher that stays; it is told `missed` after a reconnection, because events may have been lost. */
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
  /** By the server's path; with each watcher the path that it used, for its event. */
  readonly #once: Readonly<Record<OnceTable, Map<string, Map<Watcher, string>>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
  };
  readonly #standing: Readonly<Record<StandingTable, Map<string, Set<StandingWatcher>>>> = {
    persistent: new Map(),
    recursive: new Map(),
  };
  /** How many reads under way will set a watch, by path. */
  readonly #coming: Readonly<Record<OnceTable, Map<string, number>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
  };
  /** Standing watches that the server has confirmed for this session. */
  readonly #held: Readonly<Record<StandingTable, Set<string>>> = { persistent: new Set(), recursive: new Set() };
  readonly #show: (path: string) => string;
  readonly #tell: (watcher: Watcher, event: NodeEvent) => void;

  /** `show` turns a server's path into the caller's; `tell` calls a watcher and catches what it throws. */
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
   * A read that sets a watch is under way: until it has ended, no removal may take the watch off the server. Returns a function that
   * says that it has ended.
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

  /** Whether somebody here waits for it, or will. */
  isWanted(table: OnceTable, path: string): boolean {
    return this.has(table, path) || this.#coming[table].has(path);
  }

  /** The server has confirmed it, whoever asked for it. */
  noteHeld(table: StandingTable, path: string): void {
    this.#held[table].add(path);
  }

  /** Returns true, once, if the server has a standing watch that nobody here needs any more. */
  takeUnwanted(table: StandingTable, path: string): boolean {
    return !this.#standing[table].has(path) && this.#held[table].delete(path);
  }

  /** Removes one watcher, or all, from a path; returns whether there was one. */
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

  /** What a server must watch again, in portions whose paths take at most `bytesMax` and 128 KiB; one path at least. */
  *portions(bytesMax: number): Iterable<WatchedPaths> {
    const portionBytesMax = Math.min(bytesMax, SET_WATCHES_BYTES_MAX);
    let portion = noPaths();
    let bytes = 0;
    for (const [table, path] of this.#armed()) {
      const size = path.length + 4;
      if (bytes > 0 && bytes + size > portionBytesMax) {
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

  /** Watches were set again: the server reports missed events to one-shot watches, but not to standing ones. */
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
