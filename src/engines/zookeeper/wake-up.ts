// One wake-up for somebody who waits: by a watch, or by the end of the session that it was set for.

import type { ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import { forgetWatch } from "./nodes.ts";
import type { ZooKeeperSession } from "./session.ts";

export class WakeUp {
  /** Kept at the first event. Never fails. */
  readonly changed: Promise<void>;
  readonly #client: ZooKeeperClient;
  readonly #stop: () => void;
  readonly #set: { readonly path: string; readonly kind: "data" | "children" }[] = [];
  #onChange: () => void = () => {};

  constructor(client: ZooKeeperClient, session: ZooKeeperSession) {
    this.#client = client;
    this.changed = new Promise((resolve) => {
      this.#onChange = resolve;
    });
    this.#stop = session.onState(({ kind }) => (kind === "lost" ? this.watcher() : undefined));
  }

  /** To be given to what is read; may be given to several. */
  readonly watcher = (): void => {
    this.#onChange();
    this.forget();
  };

  /** To be told of once the servers have the watch. */
  note(path: string, kind: "data" | "children"): void {
    this.#set.push({ path, kind });
  }

  /** Nobody waits any more: the watches are taken off. */
  forget(): void {
    this.#stop();
    for (const { path, kind } of this.#set.splice(0)) forgetWatch(this.#client, path, kind, this.watcher);
  }
}
