// Adding and removing watches: here at once, and on the server only when nobody here needs the watch any more.

import { CoordinationError } from "../../../base/errors.ts";
import { ERROR } from "../errors.ts";
import type { Chroot } from "./chroot.ts";
import { errorOf, ZooKeeperError } from "./errors.ts";
import { WATCH_BUFFER_EVENTS_MAX } from "./limits.ts";
import * as operations from "./operations.ts";
import { ADD_WATCH, checkCall, REMOVE_WATCHES } from "./option-rules.ts";
import { type AddWatchOptions, type CallOptions, positive } from "./options.ts";
import { PersistentWatch } from "./persistent-watch.ts";
import type { Request, RequestPath } from "./request.ts";
import type { Watcher } from "./types.ts";
import type { OnceTable, Watches } from "./watches.ts";

interface WatchCaller {
  isConnected(): boolean;
  call<Result>(request: Request<Result>, options: CallOptions): Promise<Result>;
}

export class WatchCalls {
  readonly #watches: Watches;
  readonly #chroot: Chroot;
  readonly #caller: WatchCaller;

  constructor(watches: Watches, chroot: Chroot, caller: WatchCaller) {
    this.#watches = watches;
    this.#chroot = chroot;
    this.#caller = caller;
  }

  async add(path: string, options: AddWatchOptions): Promise<PersistentWatch> {
    checkCall("addWatch", path, options, ADD_WATCH);
    const place = this.#chroot.place("addWatch", path);
    const isRecursive = options.recursive ?? false;
    const table = isRecursive ? "recursive" : "persistent";
    const bufferMax = positive("bufferMax", options.bufferMax ?? WATCH_BUFFER_EVENTS_MAX);
    const release = async () => {
      this.#watches.removeStanding(table, place.path, watch);
      await this.#removeUnwanted(place, isRecursive);
    };
    const watch = new PersistentWatch(path, isRecursive, bufferMax, release);
    // Counted from now on, so that no other removal takes it off the server while the call is under way.
    this.#watches.addStanding(table, place.path, watch);
    const onAnswer = (errorCode: number) => {
      watch.isArmed = errorCode === ERROR.ok;
      if (watch.isArmed) this.#watches.noteHeld(table, place.path);
    };
    const onAbandoned = (errorCode: number) => {
      if (errorCode !== ERROR.ok) return;
      this.#watches.noteHeld(table, place.path);
      void this.#removeUnwanted(place, isRecursive);
    };
    try {
      await this.#caller.call(operations.addWatch(place, isRecursive, { onAnswer, onAbandoned }), options);
    } catch (error) {
      void watch.close();
      throw error;
    }
    if (options.signal !== undefined) watch.linkTo(options.signal);
    return watch;
  }

  /** Removes it on the server when nobody here needs it any more. */
  async #removeUnwanted(place: RequestPath, isRecursive: boolean): Promise<void> {
    if (!this.#watches.takeUnwanted(isRecursive ? "recursive" : "persistent", place.path)) return;
    if (!this.#caller.isConnected()) return; // it went with the connection
    const kind = isRecursive ? "persistent-recursive" : "persistent";
    await this.#caller.call(operations.removeWatches(place, kind), {}).catch(() => {}); // as the connection goes, so it does
  }

  async remove(
    path: string,
    kind: "children" | "data" | "any",
    options: CallOptions & { readonly watcher?: Watcher | undefined },
  ): Promise<void> {
    checkCall("removeWatches", path, options, REMOVE_WATCHES);
    const place = this.#chroot.place("removeWatches", path);
    const tables = ONCE_TABLES[kind].filter((table) => this.#watches.has(table, place.path));
    const removed = tables.filter((table) => this.#watches.remove(table, place.path, options.watcher ?? null));
    if (removed.length === 0) throw errorOf(ERROR.noWatcher, "removeWatches", path, false);
    if (ONCE_TABLES[kind].some((table) => this.#watches.isWanted(table, place.path))) return;
    if (!this.#caller.isConnected()) return; // the servers have none, and none is set again
    try {
      await this.#caller.call(operations.removeWatches(place, kind), options);
    } catch (error) {
      // It has fired meanwhile, or was lost with the connection: it is gone in any case.
      const isGone = error instanceof ZooKeeperError && error.reason === "no-watcher";
      if (!isGone && !(error instanceof CoordinationError && error.code === "connection-lost")) throw error;
    }
  }
}

const ONCE_TABLES: Readonly<Record<"children" | "data" | "any", readonly OnceTable[]>> = {
  children: ["child"],
  data: ["data", "exist"],
  any: ["data", "exist", "child"],
};
