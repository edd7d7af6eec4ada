// The watches that a read sets: a promise that resolves when what was read may have changed.

import { whenAborted } from "../../base/abort.ts";
import type { NodeEvent, Session, ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import { forgetWatch } from "./nodes.ts";

interface SetWatch {
  readonly path: string;
  readonly kind: "data" | "children";
}

/**
 * One-shot watches for one waiter, on as many nodes as its read needs.
 *
 * Invariants: `changed` resolves at the first event of any of them, at the end of the session, or when a timer that was added
 * calls `watcher`. From then on, and after `unwatch`, no watch and no timer of it is left.
 */
export class ReadWatch {
  /** Never fails. */
  readonly changed: Promise<void>;
  readonly #client: ZooKeeperClient;
  #watches: SetWatch[] = [];
  readonly #stops: (() => void)[] = [];
  #isOver = false;
  #resolve: () => void = () => {};

  constructor(client: ZooKeeperClient, session: Session) {
    this.#client = client;
    this.changed = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const { signal } = session;
    if (signal.aborted) this.watcher();
    else this.#stops.push(whenAborted(signal, this.watcher));
  }

  /** Passed to each read as its `watch`. */
  readonly watcher = (event?: NodeEvent): void => {
    this.#resolve();
    if (event !== undefined) this.#watches = this.#watches.filter((watch) => !isEndedBy(event, watch));
    this.unwatch();
  };

  /** The servers have set this watch. */
  note(path: string, kind: "data" | "children"): void {
    if (this.#isOver) forgetWatch(this.#client, path, kind, this.watcher);
    else this.#watches.push({ path, kind });
  }

  /** Called with the rest when nobody waits any more; at once, if that is so already. */
  onUnwatch(stop: () => void): void {
    if (this.#isOver) stop();
    else this.#stops.push(stop);
  }

  /** Nobody waits any more: the watches are removed. */
  unwatch(): void {
    this.#isOver = true;
    for (const stop of this.#stops.splice(0)) stop();
    for (const { path, kind } of this.#watches.splice(0)) forgetWatch(this.#client, path, kind, this.watcher);
  }
}

/** One-shot watches end with their event, and need not be removed. */
function isEndedBy(event: NodeEvent, { path, kind }: SetWatch): boolean {
  if (event.path !== path) return false;
  if (event.type === "children-changed") return kind === "children";
  return kind === "data" || event.type === "deleted";
}
