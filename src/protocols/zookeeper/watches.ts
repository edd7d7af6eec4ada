// The watches that this member's clients have set. Watches are local: other members do not know of them, and they end with
// their connection. A one-shot watch is told once and forgotten. A persistent one stays. A recursive one stays and hears of
// everything below its path, except changes of lists of children.
//
// ZooKeeper keeps two tables, and clients can notice that. `data` holds the watches of exists and getData, `child` those of
// getChildren. A persistent watch is in both, a recursive one only in `data`.

import { assert } from "../../base/assert.ts";
import { ByteWriter } from "../../base/bytes.ts";
import { Summary } from "../../base/summary.ts";
import type { Acl, NodeEvent } from "../../state/tree/types.ts";
import type { WatchHolder, WatchMemory } from "../../transport/watch-memory.ts";
import { EVENT_TYPE, writeNotification } from "./codec/records.ts";
import { BOUNDS, type Bounds, WATCH_BYTES_ABOUT, WATCH_SEGMENT_BYTES_ABOUT } from "./limits.ts";
import { depthOf, RecursiveWatches } from "./recursive-watches.ts";

/** The ways to watch, as bits: one watcher may watch a path in several. */
export const WATCH = { once: 1, persistent: 2, recursive: 4 } as const;
const ANY_MODE = WATCH.once | WATCH.persistent | WATCH.recursive;

export interface Watcher {
  readonly sessionId: number;
  /** The last event that this watcher was told. It hears each event once, however many of its watches match. */
  lastEvent: number;
  /** About how many bytes of this member's memory its watches take; the tables keep this number. */
  watchBytes: number;
  /** Whether it may still set watches. */
  readonly isOpen: boolean;
  mayRead(acl: readonly Acl[]): boolean;
  /** A whole notification frame, valid during the call only. */
  notify(frame: Uint8Array): void;
  /** A notification could not be sent. */
  fail(error: unknown): void;
  /** It has more watches than it may have. It is closed, and its watches end. */
  drop(reason: string): void;
}

/**
 * Invariants: `#byPath` and `#byWatcher` hold the same pairs, and `#size` is their number; no pair is kept without a mode; `bytes`
 * is the sum of what its watchers hold here.
 */
export class WatchTable {
  readonly #onGrown: (watcher: Watcher) => void;
  /** About how many bytes all watches take. */
  bytes = 0;
  /** Most paths have one watcher, which is stored directly. */
  readonly #byPath = new Map<string, Watcher | Set<Watcher>>();
  readonly #byWatcher = new Map<Watcher, Map<string, number>>();
  #size = 0;
  readonly #recursive = new RecursiveWatches<Watcher>();

  constructor(onGrown: (watcher: Watcher) => void = () => {}) {
    this.#onGrown = onGrown;
  }

  /** Pairs of a watcher and a path. */
  get size(): number {
    return this.#size;
  }

  get pathCount(): number {
    return this.#byPath.size;
  }

  get watcherCount(): number {
    return this.#byWatcher.size;
  }

  get hasRecursive(): boolean {
    return !this.#recursive.isEmpty;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  add(path: string, watcher: Watcher, mode: number): void {
    if (!watcher.isOpen) return; // an earlier watch of the same request was one too many
    let paths = this.#byWatcher.get(watcher);
    if (paths === undefined) {
      paths = new Map();
      this.#byWatcher.set(watcher, paths);
    }
    const modes = paths.get(path) ?? 0;
    if ((modes & mode) === mode) return;
    paths.set(path, modes | mode);
    if ((mode & WATCH.recursive) !== 0) this.#watchBelow(path, watcher);
    if (modes === 0) this.#join(path, watcher);
    this.#onGrown(watcher);
  }

  has(path: string, watcher: Watcher, modes: number): boolean {
    return ((this.#byWatcher.get(watcher)?.get(path) ?? 0) & modes) !== 0;
  }

  /** Removes these modes; returns whether there was any of them. */
  remove(path: string, watcher: Watcher, modes: number): boolean {
    const paths = this.#byWatcher.get(watcher);
    const held = paths?.get(path) ?? 0;
    if (paths === undefined || (held & modes) === 0) return false;
    this.#keep(path, watcher, paths, held, held & ~modes);
    return true;
  }

  removeWatcher(watcher: Watcher): void {
    const paths = this.#byWatcher.get(watcher);
    if (paths === undefined) return;
    this.#byWatcher.delete(watcher);
    for (const [path, modes] of paths) {
      if ((modes & WATCH.recursive) !== 0) this.#leaveBelow(path, watcher);
      this.#leave(path, watcher);
    }
  }

  /** The watcher that holds most of this table. */
  get largest(): Watcher | null {
    let largest: Watcher | null = null;
    for (const watcher of this.#byWatcher.keys()) {
      if (largest === null || watcher.watchBytes > largest.watchBytes) largest = watcher;
    }
    return largest;
  }

  /** Calls `tell` for each watcher of exactly this path, and removes the one-shot watches. */
  fire(path: string, tell: (watcher: Watcher) => void): void {
    const watching = this.#byPath.get(path);
    if (watching === undefined) return;
    if (!(watching instanceof Set)) {
      this.#fireOne(path, watching, tell);
      return;
    }
    for (const watcher of watching) this.#fireOne(path, watcher, tell);
  }

  /** Calls `tell` for each recursive watcher of this path or of a path above it. */
  fireFromAbove(path: string, tell: (watcher: Watcher) => void): void {
    this.#recursive.fire(path, tell);
  }

  *byWatcher(): Iterable<readonly [watcher: Watcher, paths: Iterable<string>]> {
    for (const [watcher, paths] of this.#byWatcher) yield [watcher, paths.keys()];
  }

  *byPath(): Iterable<readonly [path: string, watchers: Iterable<Watcher>]> {
    for (const [path, watching] of this.#byPath) yield [path, watching instanceof Set ? watching : [watching]];
  }

  #fireOne(path: string, watcher: Watcher, tell: (watcher: Watcher) => void): void {
    tell(watcher);
    const paths = this.#byWatcher.get(watcher);
    if (paths === undefined) return; // that was more than it takes: it has gone, with all its watches
    const modes = paths.get(path) ?? 0;
    if ((modes & WATCH.once) !== 0) this.#keep(path, watcher, paths, modes, modes & ~WATCH.once);
  }

  #keep(path: string, watcher: Watcher, paths: Map<string, number>, held: number, kept: number): void {
    if ((held & ~kept & WATCH.recursive) !== 0) this.#leaveBelow(path, watcher);
    if (kept !== 0) {
      paths.set(path, kept);
      return;
    }
    paths.delete(path);
    if (paths.size === 0) this.#byWatcher.delete(watcher);
    this.#leave(path, watcher);
  }

  #watchBelow(path: string, watcher: Watcher): void {
    this.#recursive.add(path, watcher);
    this.#note(watcher, depthOf(path) * WATCH_SEGMENT_BYTES_ABOUT);
  }

  #leaveBelow(path: string, watcher: Watcher): void {
    this.#recursive.remove(path, watcher);
    this.#note(watcher, -depthOf(path) * WATCH_SEGMENT_BYTES_ABOUT);
  }

  #note(watcher: Watcher, bytes: number): void {
    watcher.watchBytes += bytes;
    this.bytes += bytes;
    assert(watcher.watchBytes >= 0 && this.bytes >= 0, "more watches were taken away than were set");
  }

  #join(path: string, watcher: Watcher): void {
    this.#size += 1;
    this.#note(watcher, path.length + WATCH_BYTES_ABOUT);
    const watching = this.#byPath.get(path);
    if (watching === undefined) this.#byPath.set(path, watcher);
    else if (watching instanceof Set) watching.add(watcher);
    else this.#byPath.set(path, new Set([watching, watcher]));
  }

  #leave(path: string, watcher: Watcher): void {
    this.#size -= 1;
    assert(this.#size >= 0, "a watch was taken away that nobody had set");
    this.#note(watcher, -path.length - WATCH_BYTES_ABOUT);
    const watching = this.#byPath.get(path);
    if (watching === watcher) this.#byPath.delete(path);
    else if (watching instanceof Set && watching.delete(watcher) && watching.size === 0) this.#byPath.delete(path);
  }
}

/** The kinds of watches that `removeWatches` and `checkWatches` name. */
const WATCHER_TYPE = { children: 1, data: 2, any: 3, persistent: 4, recursive: 5 } as const;

/** Events that `setWatches` finds by comparing carry no zxid, because it is not known. */
const UNKNOWN_ZXID = -1;

export class Watches implements WatchHolder {
  readonly data = new WatchTable((watcher) => this.#onGrown(watcher));
  readonly child = new WatchTable((watcher) => this.#onGrown(watcher));
  readonly #memory: WatchMemory;
  readonly #bounds: Bounds;
  #event = 0;
  /** The event being told: one frame, made when the first watcher needs it, copied to each. */
  readonly #frame = new ByteWriter(256);
  /** The same for events that were missed. */
  readonly #missed = new ByteWriter(256);
  #type = 0;
  #path = "";
  #zxid = 0;
  #acl: readonly Acl[] = [];
  /** How many watchers were told of the event. */
  #told = 0;
  /** Bytes of all notifications. */
  notifiedBytes = 0;
  /** How many watchers were told of an event, by its kind. Events that nobody watched are not counted. */
  readonly told: Readonly<Record<NodeEvent, Summary>>;

  /** `memory`: the member's, for all its doors. `now`: monotonic milliseconds, for what is measured. */
  constructor(memory: WatchMemory, bounds: Bounds = BOUNDS, now: () => number = () => 0) {
    this.#memory = memory;
    this.#bounds = bounds;
    memory.add(this);
    const summary = (): Summary => new Summary(now);
    this.told = {
      created: summary(),
      deleted: summary(),
      "data-changed": summary(),
      "children-changed": summary(),
    };
  }

  get size(): number {
    return this.data.size + this.child.size;
  }

  /** About how many bytes all watches take. */
  get bytes(): number {
    return this.data.bytes + this.child.bytes;
  }

  #onGrown(watcher: Watcher): void {
    const { watchBytesPerConnectionMax } = this.#bounds;
    if (watcher.watchBytes > watchBytesPerConnectionMax) {
      watcher.drop(`its watches take ${watcher.watchBytes} bytes, ${watchBytesPerConnectionMax} at most`);
    } else {
      this.#memory.check();
    }
  }

  /** The watcher whose watches take most bytes. */
  get largest(): Watcher | null {
    const [one, other] = [this.data.largest, this.child.largest];
    return other === null || (one !== null && one.watchBytes >= other.watchBytes) ? one : other;
  }

  addPersistent(path: string, watcher: Watcher, recursive: boolean): void {
    this.data.add(path, watcher, recursive ? WATCH.recursive : WATCH.persistent);
    if (!recursive) this.child.add(path, watcher, WATCH.persistent);
  }

  /** Null for a type that does not exist. */
  has(path: string, watcher: Watcher, type: number): boolean | null {
    switch (type) {
      case WATCHER_TYPE.children:
        return this.child.has(path, watcher, WATCH.once);
      case WATCHER_TYPE.data:
        return this.data.has(path, watcher, WATCH.once);
      case WATCHER_TYPE.persistent:
        return this.data.has(path, watcher, WATCH.persistent);
      case WATCHER_TYPE.recursive:
        return this.data.has(path, watcher, WATCH.recursive);
      case WATCHER_TYPE.any:
        return this.child.has(path, watcher, ANY_MODE) || this.data.has(path, watcher, ANY_MODE);
      default:
        return null;
    }
  }

  /** Returns whether there was such a watch; null for a type that does not exist. */
  remove(path: string, watcher: Watcher, type: number): boolean | null {
    switch (type) {
      case WATCHER_TYPE.children:
        return this.child.remove(path, watcher, WATCH.once);
      case WATCHER_TYPE.data:
        return this.data.remove(path, watcher, WATCH.once);
      case WATCHER_TYPE.persistent:
        return this.#removeBoth(path, watcher, WATCH.persistent);
      case WATCHER_TYPE.recursive:
        return this.data.remove(path, watcher, WATCH.recursive);
      case WATCHER_TYPE.any:
        return this.#removeBoth(path, watcher, ANY_MODE);
      default:
        return null;
    }
  }

  removeWatcher(watcher: Watcher): void {
    this.data.removeWatcher(watcher);
    this.child.removeWatcher(watcher);
  }

  /** Tells the watchers of an event, before the reply of the command that caused it is written. */
  onNode(event: NodeEvent, path: string, zxid: number, acl: readonly Acl[]): void {
    if (this.data.isEmpty && this.child.isEmpty) return;
    this.#event += 1;
    this.#type = EVENT_TYPE[event];
    this.#path = path;
    this.#zxid = zxid;
    this.#acl = acl;
    this.#frame.clear();
    this.#told = 0;
    if (event !== "children-changed") this.#fireData(path);
    if (event === "children-changed" || event === "deleted") this.child.fire(path, this.#tell);
    if (this.#told === 0) return;
    this.told[event].add(this.#told);
    this.notifiedBytes += this.#told * this.#frame.length;
  }

  /** Tells one watcher what happened while it was disconnected, as `setWatches` found by comparing. */
  tellMissed(watcher: Watcher, type: number, path: string): void {
    writeNotification(this.#missed.clear(), type, path, UNKNOWN_ZXID);
    watcher.notify(this.#missed.view());
  }

  #fireData(path: string): void {
    this.data.fire(path, this.#tell);
    if (this.data.hasRecursive) this.data.fireFromAbove(path, this.#tell);
  }

  readonly #tell = (watcher: Watcher): void => {
    if (watcher.lastEvent === this.#event) return;
    watcher.lastEvent = this.#event;
    try {
      if (!watcher.mayRead(this.#acl)) return;
      if (this.#frame.length === 0) writeNotification(this.#frame, this.#type, this.#path, this.#zxid);
      this.#told += 1;
      watcher.notify(this.#frame.view());
    } catch (error) {
      watcher.fail(error); // the state goes on, and so do the others
    }
  };

  #removeBoth(path: string, watcher: Watcher, modes: number): boolean {
    const inChild = this.child.remove(path, watcher, modes);
    return this.data.remove(path, watcher, modes) || inChild;
  }
}
