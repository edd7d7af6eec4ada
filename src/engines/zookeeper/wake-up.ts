// One wake-up for somebody who waits: by a watch, by the clock, or by the end of the session that it is for.

import type { ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import { forgetWatch } from "./nodes.ts";
import type { ZooKeeperSession } from "./session.ts";

export class WakeUp {
  /** Kept at the first event. Never fails. */
  readonly changed: Promise<void>;
  readonly #client: ZooKeeperClient;
  readonly #stops: (() => void)[] = [];
  #isOver = false;
  #onChange: () => void = () => {};

  constructor(client: ZooKeeperClient, session: ZooKeeperSession) {
    this.#client = client;
    this.changed = new Promise((resolve) => {
      this.#onChange = resolve;
    });
    this.onForget(session.onState(({ kind }) => (kind === "lost" ? this.watcher() : undefined)));
  }

  /** To be given to what is read; may be given to several. */
  readonly watcher = (): void => {
    this.#onChange();
    this.forget();
  };

  /** To be told of once the servers have the watch. */
  note(path: string, kind: "data" | "children"): void {
    this.onForget(() => forgetWatch(this.#client, path, kind, this.watcher));
  }

  /** What is to be called off when nobody waits any more; at once, if nobody does. */
  onForget(stop: () => void): void {
    if (this.#isOver) stop();
    else this.#stops.push(stop);
  }

  /** Nobody waits any more. */
  forget(): void {
    this.#isOver = true;
    for (const stop of this.#stops.splice(0)) stop();
  }
}
